"""What comes in bulk leaves time to the lanes."""

import pytest

from tfpose.serving import pace
from tfpose.serving.pace import Pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which moves when it is told to."""
    now = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


def test_bulk_goes_on_at_once_while_no_lane_is_at_work(clock: list[float]) -> None:
    assert Pace(lambda: False, 0.2).pause(5.0) == 0
    assert Pace(lambda: False, 0.2).pause(0.1, always=True) == pytest.approx(0.5)


def test_bulk_gets_its_share_of_a_core_however_many_bring_it(clock: list[float]) -> None:
    """Each of four connections works for 10 ms: together 40 ms of 200."""
    paced = Pace(lambda: True, 0.2)
    assert [paced.pause(0.01) for _ in range(4)] == pytest.approx([0.05, 0.1, 0.15, 0.2])
    clock[0] += 0.2
    assert paced.pause(0.01) == pytest.approx(0.05)


def test_nobody_waits_longer_than_a_second_for_the_next_piece(clock: list[float]) -> None:
    paced = Pace(lambda: True, 0.2)
    assert max(paced.pause(0.5) for _ in range(10)) == pytest.approx(1.0)


def test_bulk_waits_beside_small_requests_and_for_the_next_one_that_may_come(
    clock: list[float],
) -> None:
    paced = Pace(lambda: False, 0.2)
    assert paced.pause(0.01) == 0
    with paced.small():
        assert paced.pause(0.01) == pytest.approx(0.05)
        clock[0] += 0.5
    clock[0] += 0.9
    assert paced.pause(0.01) == pytest.approx(0.05)
    clock[0] += 0.2
    assert paced.pause(0.01) == 0


def test_a_thread_rests_in_proportion_to_its_work(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(pace.time, "sleep", slept.append)
    rest = Pace(lambda: True, 0.25).resting()
    clock[0] += 0.02
    rest()
    assert slept == pytest.approx([0.08])
