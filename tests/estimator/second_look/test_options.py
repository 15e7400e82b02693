import pytest

from estimator.second_look.options import FIRST, MODES, Options


@pytest.mark.parametrize(
    ("mode", "model", "fit", "skeleton", "looks"),
    [
        ("off", "tfpose_s", "letterbox", "openpose18", False),
        ("auto", "tfpose_s", "letterbox", "openpose18", True),
        ("auto", "tfpose_s", "letterbox", "toy5", False),
        ("auto", "cmu", "letterbox", "openpose18", False),
        ("always", "cmu", "letterbox", "openpose18", True),
        ("always", "hrnet_w32", "crop", "coco17", False),
    ],
)
def test_auto_is_for_our_own_network_and_always_for_every_bottom_up_one(
    mode: str, model: str, fit: str, skeleton: str, looks: bool
) -> None:
    assert Options(mode=mode).applies_to(model, fit, skeleton) is looks


def test_the_default_network_is_one_of_those_that_auto_is_for() -> None:
    from estimator.pose_estimator import DEFAULT

    assert DEFAULT in FIRST
    assert Options().mode in MODES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "on"}, "second_look must be one of auto, off, always, found 'on'"),
        ({"people": 0}, "people must be at least 1, found 0"),
        ({"widen": 0.0}, "widen must be positive, found 0"),
        ({"limit": 1.5}, "limit must be above 0 and at most 1, found 1.5"),
    ],
)
def test_wrong_options_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Options(**changes)  # type: ignore[arg-type]
