"""Keeps long work off the event loop, where it would silence everybody."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..pace import Pace

T = TypeVar("T")
# Few threads, for parsers hold the interpreter's lock. Large bodies have one of their own, where
# they rest, so that those of a usual picture need not wait for them.
_THREADS = ThreadPoolExecutor(2, "bodies")
_LARGE = ThreadPoolExecutor(1, "large bodies")
_SHORT = 256 << 10  # bytes that are worked through in about a millisecond
_LONG = 4 << 20


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
    threads = _THREADS if size <= _LONG else _LARGE
    return await asyncio.get_running_loop().run_in_executor(threads, work)


async def run_in_pieces(size: int, pace: Pace, work: Callable[[Callable[[], None]], T]) -> T:
    """The same for work that can leave time to others.

    Args:
      size: bytes that it goes through.
      pace: says how long it rests.
      work: parses or checks them, and calls its argument between two pieces.

    Raises:
      Exception: whatever `work` raises.
    """
    if size <= _SHORT:
        return work(lambda: None)
    return await run(size, lambda: work(pace.resting()))
