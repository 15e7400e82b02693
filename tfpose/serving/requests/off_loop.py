"""Keeps long work off the event loop, where it would silence everybody."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
# One thread: parsers hold the interpreter's lock, and large bodies take memory several times over.
_THREAD = ThreadPoolExecutor(1, "bodies")
_SHORT = 256 << 10  # bytes that are worked through in about a millisecond


async def run(size: int, work: Callable[[], T]) -> T:
    """What `work` gives; in a thread where it goes through many bytes.

    Args:
      size: bytes that it goes through.
      work: parses or checks them.

    Raises:
      Exception: whatever `work` raises.
    """
    if size <= _SHORT:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_THREAD, work)
