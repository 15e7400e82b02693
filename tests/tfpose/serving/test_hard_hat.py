import pytest

from tfpose.serving import hard_hat
from tfpose.serving.hard_hat import Hat

from .fakes import STANDING, people, standing

HEAD = ("nose", "right_eye", "left_eye", "right_ear", "left_ear")


def hat(x: float, y: float, wide: float = 28, high: float = 18) -> Hat:
    """A hat with its middle at x, y."""
    return Hat(left=x - wide / 2, top=y - high / 2, width=wide, height=high)


def flags(poses, hats, rule="assigned"):
    return [one.flag for one in hard_hat.judge(poses, hats, height=400, width=800, rule=rule)]


@pytest.mark.parametrize("rule", hard_hat.RULES)
def test_nobody_and_no_hats_are_taken(rule: str) -> None:
    assert flags(people(), [hat(100, 90)], rule) == []
    assert flags(people(standing(100, 100)), [], rule) == [False]


@pytest.mark.parametrize("rule", hard_hat.RULES)
def test_the_one_under_the_hat_wears_it(rule: str) -> None:
    both = people(standing(100, 100), standing(300, 100))
    assert flags(both, [hat(100, 90)], rule) == [True, False]
    assert flags(both, [hat(300, 90)], rule) == [False, True]
    assert flags(both, [hat(300, 90), hat(100, 90)], rule) == [True, True]


def test_a_hat_is_of_one_head_only() -> None:
    """The original makes both wearers: each head is nearer to the hat than it is broad."""
    close = people(standing(100, 100), standing(118, 100))
    assert flags(close, [hat(101, 91)]) == [True, False]
    assert flags(close, [hat(101, 91)], "legacy") == [True, True]


def test_two_close_heads_and_two_hats_are_paired_all_at_once() -> None:
    """Both hats are nearest to the first head; the second head gets the one that is left."""
    close = people(standing(100, 100), standing(125, 100))
    assert flags(close, [hat(102, 90), hat(110, 90)]) == [True, True]


@pytest.mark.parametrize("name", HEAD)
def test_one_head_point_and_a_limb_are_enough(name: str) -> None:
    person = people(standing(100, 100, (name, "neck", "left_shoulder", "right_shoulder")))
    assert flags(person, [hat(100, 90)]) == [True]
    assert flags(person, [hat(100, 90)], "legacy") == [False]


def test_one_head_point_alone_goes_by_the_size_of_the_hat() -> None:
    person = people(standing(100, 100, ("nose",)))
    assert flags(person, [hat(100, 92)]) == [True]
    assert flags(person, [hat(100, 20)]) == [False]


def test_somebody_seen_from_behind_wears_the_hat_above_their_neck() -> None:
    behind = people(standing(100, 100, [name for name in STANDING if name not in HEAD]))
    assert flags(behind, [hat(100, 90)]) == [True]
    assert flags(behind, [hat(100, 130)]) == [False]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("in the hand", (130, 190)),
        ("at the chest", (100, 135)),
        ("on a shelf above", (100, 45)),
        ("beside the head", (140, 95)),
    ],
)
def test_a_hat_elsewhere_is_not_worn(name: str, place: tuple[float, float]) -> None:
    assert flags(people(standing(100, 100)), [hat(*place)]) == [False]


@pytest.mark.parametrize("wide", [6, 100])
def test_a_hat_of_another_size_is_nearer_or_farther_away(wide: float) -> None:
    assert flags(people(standing(100, 100)), [hat(100, 90, wide, wide * 0.7)]) == [False]


def test_the_hat_of_somebody_who_lies_is_beside_their_eyes() -> None:
    """STANDING turned by 90 degrees: up is to the right."""
    lying = {name: (200 - y, 200 + x) for name, (x, y) in STANDING.items()}
    assert flags(people(lying), [hat(210, 200)]) == [True]
    assert flags(people(lying), [hat(176, 200)]) == [False]


def test_the_stature_is_what_the_limbs_say() -> None:
    assert hard_hat._stature(STANDING) == pytest.approx(200, rel=0.03)
    assert hard_hat._stature({}) == 0


def test_the_original_takes_a_hat_within_1_2_head_breadths() -> None:
    """Head points 18 apart: round(18) * 1.2 = 21.6; the nearest point is an eye at 104, 100."""
    person = people(standing(100, 100))
    assert flags(person, [hat(104, 79)], "legacy") == [True]  # 21 away
    assert flags(person, [hat(104, 78)], "legacy") == [False]  # 22
    assert flags(person, [hat(100, 101)], "legacy") == [False]  # below int(mean y) = 100


def test_the_original_wants_0_8_of_someone_who_fills_the_picture() -> None:
    """Box 52 x 179 of 100 x 200: 0.47, so that the reach is 18 * 0.8 = 14.4."""
    person = people(standing(50, 10))

    def legacy(y: float) -> bool:
        return hard_hat.judge(person, [hat(54, y)], height=200, width=100, rule="legacy")[0].flag

    assert legacy(-4)  # 14 away
    assert not legacy(-5)


def test_box_and_rate_are_those_of_the_keypoints() -> None:
    """52 x 179 of 800 x 400 pixels are 0.02909 of them."""
    (one,) = hard_hat.judge(people(standing(100, 100)), [], height=400, width=800)
    assert (one.x1, one.y1, one.x2, one.y2) == (74, 100, 126, 279)
    assert one.rate == 2.909


def test_head_points_are_ears_their_middle_nose_and_eyes() -> None:
    poses = people(standing(100, 100), standing(300, 100, ("neck",)))
    assert hard_hat.head_points(poses) == [
        [[91, 100], [109, 100], [100, 100], [100, 104], [96, 100], [104, 100]]
    ]


def test_body_boxes_need_neck_hips_a_shoulder_and_a_knee() -> None:
    without = [name for name in STANDING if name != "left_hip"]
    poses = people(standing(100, 100), standing(300, 100, without))
    assert hard_hat.body_boxes(poses) == [{"height": 179, "left": 74, "top": 100, "width": 52}]
