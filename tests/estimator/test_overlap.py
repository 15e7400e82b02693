import threading
import time
from collections.abc import Iterator

import pytest

from estimator.overlap import overlapped


@pytest.mark.parametrize("ahead", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_every_item_once_and_in_order(count: int, ahead: int) -> None:
    assert list(overlapped(range(count), ahead=ahead)) == list(range(count))


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("disk full")

    found = []
    with pytest.raises(OSError, match="disk full"):
        found.extend(overlapped(items()))
    found = overlapped(items())
    assert next(found) == 1


def test_stages_run_at_once() -> None:
    """Three stages of 20 ms take little more than one of them, not three."""

    def stage(items: Iterator[int]) -> Iterator[int]:
        for item in items:
            time.sleep(0.02)
            yield item

    start = time.perf_counter()
    for _ in overlapped(stage(overlapped(stage(iter(range(20)))))):
        time.sleep(0.02)
    assert time.perf_counter() - start < 2 * 20 * 0.02


@pytest.mark.parametrize("ahead", [1, 2])
def test_nothing_is_begun_before_there_is_room(ahead: int) -> None:
    begun = []
    items = overlapped((begun.append(index) or index for index in range(100)), ahead=ahead)
    next(items)
    time.sleep(0.1)
    assert len(begun) == 1 + ahead
    items.close()


def test_closing_ends_the_thread_and_the_items() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    threads = threading.active_count()
    found = overlapped(items())
    next(found)
    found.close()
    assert closed.is_set()
    assert threading.active_count() == threads


def test_ahead_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="ahead must be at least 1"):
        overlapped([], ahead=0)
