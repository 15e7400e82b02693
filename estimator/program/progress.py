"""A progress bar on a terminal, and none elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], *, unit: str, total: int | None) -> Iterator[T]:
    """The same items, with a bar on stderr if it is a terminal.

    Args:
      items: iterated once.
      unit: name of one item.
      total: number of items, where it is known.
    """
    if not sys.stderr.isatty():
        return iter(items)
    from tqdm import tqdm  # 0.1 s: only when somebody sees it

    bar: Iterator[T] = iter(tqdm(items, unit=unit, total=total))
    return bar
