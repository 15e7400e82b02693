import pytest

from augment import policy
from augment.policy import AugmentPolicy, Draw


@pytest.mark.parametrize("name", policy.names())
def test_every_name_is_a_policy(name: str) -> None:
    assert isinstance(policy.get(name), AugmentPolicy)


def test_the_policy_none_changes_nothing() -> None:
    assert policy.get("none") == AugmentPolicy()
    assert not policy.get("none").changes_colours


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no augmentation policy 'hrnett'; there are .*hrnet"):
        policy.get("hrnett")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": "box"}, "frame must be one of"),
        ({"flip": 1.5}, "flip must be a probability of 0..1, found 1.5"),
        ({"scale": Draw(low=0, high=1)}, "scale must be positive"),
        ({"contrast": Draw(low=-1, high=1)}, "contrast must not be negative"),
        ({"shift": -0.1}, "shift not negative"),
        ({"fills": ()}, "fills must be RGB colours"),
        ({"fills": ((0, 0, 256),)}, "fills must be RGB colours"),
    ],
)
def test_an_impossible_policy_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AugmentPolicy(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": 2, "high": 1}, "low must not exceed its high"),
        ({"low": 0, "high": 1, "deviation": 0}, "deviation must be positive"),
        ({"low": 0, "high": 1, "probability": 2}, "probability must be a probability"),
    ],
)
def test_an_impossible_draw_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Draw(**change)


@pytest.mark.parametrize("name", ["tf_openpose_2017", "fpd_hourglass"])
def test_colours_change_where_the_original_changes_them(name: str) -> None:
    assert policy.get(name).changes_colours
