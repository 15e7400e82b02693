import pytest

from tfpose.training.update.schedule import Schedule


def shares(schedule: Schedule, steps: list[int], per_epoch: float | None = 10) -> list[float]:
    return [schedule.share(step, 100, per_epoch) for step in steps]


def test_constant_is_one() -> None:
    assert shares(Schedule(), [0, 50, 99], None) == [1, 1, 1]


def test_milestones_fall_after_their_epochs() -> None:
    schedule = Schedule(shape="milestones", milestones=(2, 5), factor=0.5)
    assert shares(schedule, [0, 19, 20, 49, 50, 99]) == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_a_staircase_falls_every_so_many_steps() -> None:
    schedule = Schedule(shape="staircase", every=30, factor=0.8)
    assert shares(schedule, [29, 30, 60], None) == pytest.approx([1, 0.8, 0.64])


def test_cosine_warms_up_and_ends_at_its_floor() -> None:
    schedule = Schedule(shape="cosine", warmup=10, floor=0.1)
    found = shares(schedule, [0, 4, 9, 10, 55, 100], None)
    assert found == pytest.approx([0.1, 0.5, 1, 1, 0.55, 0.1])


def test_a_trapezoid_stays_and_then_falls_straight() -> None:
    schedule = Schedule(shape="trapezoid", warmup=10, fall=0.4, floor=0.1)
    assert shares(schedule, [4, 9, 60, 80, 100], None) == pytest.approx([0.5, 1, 1, 0.55, 0.1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": "linear"},
        {"warmup": -1},
        {"shape": "staircase"},
        {"shape": "milestones"},
        {"shape": "trapezoid", "fall": 0.0},
    ],
)
def test_impossible_schedules_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="schedule"):
        Schedule(**wrong)


def test_milestones_need_the_length_of_an_epoch() -> None:
    with pytest.raises(ValueError, match="length is unknown"):
        shares(Schedule(shape="milestones", milestones=(1,)), [0], None)
