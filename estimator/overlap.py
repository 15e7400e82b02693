"""Stages of a stream, each in a thread of its own: OpenCV and LiteRT release Python's lock."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def overlapped(items: Iterable[T], *, ahead: int = 1) -> Iterator[T]:
    """The same items; the next ones are made while the caller works on one.

    Nothing is begun before there is room for it, so that what waits is never older than it must
    be. An error of the items is raised here, after the items before it.

    Args:
      items: iterated in another thread, once.
      ahead: how many are made before they are asked for, at least 1.

    Raises:
      ValueError: `ahead` is below 1.
    """
    if ahead < 1:
        raise ValueError(f"ahead must be at least 1, found {ahead}")
    return _consume(items, ahead)


def _consume(items: Iterable[T], ahead: int) -> Iterator[T]:
    made: queue.SimpleQueue[tuple[str, T | BaseException | None]] = queue.SimpleQueue()
    room, stop = threading.Semaphore(ahead), threading.Event()

    def produce() -> None:
        source = iter(items)
        try:
            while room.acquire() and not stop.is_set():
                made.put(("item", next(source)))
        except StopIteration:
            made.put(("end", None))
        except BaseException as error:
            made.put(("error", error))
        finally:
            close = getattr(source, "close", None)  # a generator's own finally
            if close is not None:
                close()

    thread = threading.Thread(target=produce, name="overlapped", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = made.get()
            room.release()
            if kind == "end":
                return
            if isinstance(value, BaseException):
                raise value
            yield value  # type: ignore[misc]
    finally:
        stop.set()
        room.release()
        thread.join()
