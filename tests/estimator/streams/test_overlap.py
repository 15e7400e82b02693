import collections
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from estimator.streams.overlap import overlapped, spread


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
    """Three stages meet, each with an item of its own: one after the other they never would."""
    meeting = threading.Barrier(3)

    def stage(items: Iterator[int], skip: int) -> Iterator[int]:
        for index, item in enumerate(items):
            if index == skip:
                meeting.wait(20)
            yield item

    first = stage(iter(range(20)), 12)
    for item in stage(overlapped(stage(overlapped(first), 11)), 10):
        assert item < 20


@pytest.mark.parametrize("ahead", [1, 2])
def test_nothing_is_begun_before_there_is_room(ahead: int) -> None:
    begun = []
    items = overlapped((begun.append(index) or index for index in range(100)), ahead=ahead)
    for taken in range(1, 6):
        next(items)
        assert within(20, lambda expected=taken + ahead: len(begun) == expected)
    items.close()
    assert len(begun) == 5 + ahead


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.001)
    return holds()


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


@pytest.mark.parametrize("functions", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_functions_answer_in_the_items_order(count: int, functions: int) -> None:
    """The first of three takes longest, whichever item it gets."""

    def squarer(seconds: float) -> Callable[[int], int]:
        def square(item: int) -> int:
            time.sleep(seconds)
            return item * item

        return square

    squares = [squarer(0.005 if index == 0 else 0.001) for index in range(functions)]
    assert list(spread(squares, iter(range(count)))) == [item * item for item in range(count)]


def test_functions_run_at_once_and_each_by_one_thread_at_a_time() -> None:
    locks = [threading.Lock() for _ in range(3)]
    all_inside = threading.Barrier(3, timeout=60)

    def worker(lock: threading.Lock) -> Callable[[int], int]:
        def work(item: int) -> int:
            assert lock.acquire(blocking=False)
            all_inside.wait()
            lock.release()
            return item

        return work

    assert list(spread([worker(lock) for lock in locks], iter(range(30)))) == list(range(30))


def test_one_function_answers_before_the_next_item_is_taken() -> None:
    taken = []
    answers = spread([lambda item: item], (taken.append(index) or index for index in range(3)))
    assert next(answers) == 0
    assert taken == [0]


def test_a_function_s_error_comes_after_the_answers_before_it_and_ends_the_items() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.set()

    def work(item: int) -> float:
        return 1 / (item - 3)

    found = []
    with pytest.raises(ZeroDivisionError):
        collections.deque(map(found.append, spread([work, work], items())), maxlen=0)
    assert found == [1 / -3, 1 / -2, 1 / -1]
    assert closed.is_set()


def test_no_function_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one function"):
        spread([], iter([1]))


def test_an_abandoned_iterator_may_be_closed_by_its_own_thread() -> None:
    taken: list[Iterator[int]] = []
    failed: list[BaseException] = []
    closed = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        while not taken:
            time.sleep(0.001)
        try:
            taken.pop().close()  # as the garbage collector does in whatever thread it runs
        except BaseException as error:
            failed.append(error)
        closed.set()
        yield 1

    iterator = overlapped(items(), ahead=2)
    assert next(iterator) == 0
    taken.append(iterator)
    assert closed.wait(60)
    assert not failed
