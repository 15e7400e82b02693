"""Runs the stages of a stream in threads: OpenCV and LiteRT release Python's lock."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def overlapped(items: Iterable[T], *, ahead: int = 1) -> Iterator[T]:
    """The same items, with the next ones computed while the caller works on one.

    No item is started before there is room for it, so that items wait as briefly as possible. An
    error of the items is raised here, after the items before it.

    Args:
      items: iterated in another thread, once.
      ahead: number of items computed in advance, at least 1.

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
        if thread is not threading.current_thread():  # which may collect an abandoned iterator
            thread.join()


def spread(functions: Sequence[Callable[[T], R]], items: Iterator[T]) -> Iterator[R]:
    """Applies equal functions to items, several at once; yields results in the items' order.

    A single function returns before the next item is taken, so that no live item waits.

    Args:
      functions: each is called by one thread at a time.
      items: closed at the end, if they can be.

    Raises:
      ValueError: there is no function.
    """
    if not functions:
        raise ValueError("spread needs at least one function, found none")
    return _spread(functions, items)


def _spread(functions: Sequence[Callable[[T], R]], items: Iterator[T]) -> Iterator[R]:
    try:
        yield from map(functions[0], items) if len(functions) == 1 else _shared(functions, items)
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


def _shared(functions: Sequence[Callable[[T], R]], items: Iterator[T]) -> Iterator[R]:
    idle: queue.SimpleQueue[Callable[[T], R]] = queue.SimpleQueue()
    for function in functions:
        idle.put(function)

    def apply(item: T) -> R:
        function = idle.get()
        try:
            return function(item)
        finally:
            idle.put(function)

    begun: deque[Future[R]] = deque()
    with ThreadPoolExecutor(len(functions), thread_name_prefix="spread") as pool:
        try:
            for item in items:
                begun.append(pool.submit(apply, item))
                if len(begun) > len(functions):  # one item waits, so that no function is idle
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
