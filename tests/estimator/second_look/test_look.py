"""The second look with a network that one can see through: a channel's map is its colour."""

from dataclasses import replace

import numpy as np
import pytest

from estimator import PoseEstimator, skeletons
from estimator.arrays import Float, UInt8
from estimator.decoders import heatmap
from estimator.layout import ImageSpec, OutputSpec
from estimator.poses import Poses, concatenate
from estimator.second_look.look import SecondLook
from estimator.second_look.merging import Merging
from estimator.second_look.options import Options
from estimator.spec import PoseSpec
from tests.estimator.conftest import COLOURS, colour_spec

CROP = PoseSpec(
    model="looker",
    skeleton=COLOURS,
    image=ImageSpec(height=64, width=48, multiple=16, fit="crop"),
    outputs=OutputSpec(stride=1, background=False, pafs=False, sigma=3.0),
    decoder=heatmap.Parameters(),
)
PLACES = np.array([[40.0, 30.0], [60.0, 60.0], [45.0, 90.0]], np.float32)


class Colours:
    """A runner whose heatmaps are the colours of the crop; counts its runs."""

    runs = 0

    def __call__(self, image: UInt8) -> dict[str, Float]:
        self.runs += 1
        grey = np.all(image == 128, axis=3, keepdims=True)  # outside of the picture
        return {"heatmaps": np.where(grey, 0, image / 255).astype(np.float32)}


def lit(places: Float = PLACES, size: tuple[int, int] = (120, 200)) -> UInt8:
    """A dark picture with a red, a green and a blue blob at these places."""
    y, x = np.mgrid[: size[0], : size[1]]
    squared = np.square(x - places[:, 0, None, None]) + np.square(y - places[:, 1, None, None])
    return np.asarray(255 * np.exp(-squared / 18), np.uint8).transpose(1, 2, 0)


def one(xy: Float, person_score: float = 0.5) -> Poses:
    """One person with keypoints at these places; NaN where one was not found."""
    found = ~np.isnan(xy).any(axis=1)
    return Poses(
        skeleton=COLOURS,
        xy=xy[None].astype(np.float32),
        score=np.where(found, 0.4, 0)[None].astype(np.float32),
        person_score=np.array([person_score], np.float32),
    )


def look(runner: Colours | None = None, **options: object) -> SecondLook:
    """A second look whose answer replaces the first."""
    return SecondLook(
        CROP,
        runner or Colours(),
        first=colour_spec(),
        options=Options(merging=Merging(near=0, surer=0), **options),  # type: ignore[arg-type]
    )


def test_nobody_found_is_nobody_seen_again() -> None:
    runner = Colours()
    assert len(look(runner)(lit(), Poses.empty(COLOURS))) == 0
    assert runner.runs == 0


def test_keypoints_move_to_where_the_picture_is_bright() -> None:
    rough = one(PLACES + np.array([[3, -4], [-5, 2], [4, 4]]))
    seen = look()(lit(), rough)
    assert np.abs(seen.xy[0] - PLACES).max() < 0.5
    assert (seen.score > rough.score).all()


def test_a_keypoint_that_was_missed_is_found() -> None:
    missed = PLACES + 2.0
    missed[2] = np.nan
    seen = look(widen=2.0)(lit(), one(missed))
    assert np.abs(seen.xy[0] - PLACES).max() < 0.5


def test_keypoints_that_the_second_network_lacks_stay() -> None:
    first = skeletons.get("openpose18")
    pair = replace(COLOURS, keypoints=("red", "green", "nose"), limbs=((0, 1),))
    spec = replace(CROP, skeleton=replace(pair, keypoints=("left_eye", "neck", "nose")))
    poses = Poses(
        skeleton=first,
        xy=np.full((1, 18, 2), 50, np.float32),
        score=np.full((1, 18), 0.4, np.float32),
        person_score=np.ones(1, np.float32),
    )
    options = Options(merging=Merging(near=0, surer=0))
    seen = SecondLook(
        spec, Colours(), first=replace(colour_spec(), skeleton=first), options=options
    )(lit(), poses)
    changed = (seen.xy[0] != 50).any(axis=1)
    assert {first.keypoints[index] for index in np.flatnonzero(changed)} <= {
        "left_eye", "neck", "nose",
    }  # fmt: skip
    assert seen.skeleton.name == first.name


def test_auto_looks_at_the_best_people_only_and_always_at_everybody() -> None:
    crowd = concatenate(
        [one(PLACES + np.array([shift, 0]), 0.9 - shift / 100) for shift in (0, 30, 60, 90)],
        COLOURS,
    )
    for mode, runs in (("auto", 2), ("always", 4)):
        runner = Colours()
        look(runner, mode=mode, people=2)(lit(), crowd)
        assert runner.runs == runs


def test_two_who_turn_out_to_be_one_person_are_one() -> None:
    twice = concatenate([one(PLACES - 2, 0.9), one(PLACES + 2, 0.3)], COLOURS)
    seen = look()(lit(), twice)
    assert len(seen) == 1
    assert np.abs(seen.xy[0] - PLACES).max() < 0.5


def test_people_come_best_first() -> None:
    other = PLACES + np.array([80, 0])
    both = np.maximum(lit(), lit(other) // 3)  # the second is dim
    dim_first = concatenate([one(other, 0.6), one(PLACES, 0.6)], COLOURS)
    seen = look()(both, dim_first)
    assert np.all(np.diff(seen.person_score) <= 0)
    assert np.abs(seen.xy[0] - PLACES).max() < 0.5


def test_a_network_without_boxes_cannot_look_again() -> None:
    with pytest.raises(ValueError, match="colours is no top-down network"):
        SecondLook(colour_spec(), Colours(), first=colour_spec(), options=Options())


def test_a_network_of_other_keypoints_cannot_look_again() -> None:
    first = replace(colour_spec(), skeleton=skeletons.get("coco17"))
    with pytest.raises(ValueError, match="looker knows no keypoint of colours"):
        SecondLook(CROP, Colours(), first=first, options=Options())


def test_off_is_what_a_network_answers_alone() -> None:
    estimator = PoseEstimator("tfpose_s", second_look="off", threads=1)
    picture = np.zeros((64, 64, 3), np.uint8)
    maps = estimator.maps(picture)
    assert len(estimator.people(picture, maps)) == len(estimator.decode(maps))


def corners(places: Float, margin: float = 12, score: float = 0.8) -> Float:
    """A box around keypoints, (1, 5)."""
    low, high = places.min(axis=0) - margin, places.max(axis=0) + margin
    return np.array([[*low, *high, score]], np.float32)


def test_somebody_of_whom_only_a_box_is_known_is_found() -> None:
    nobody = Poses.empty(COLOURS)
    seen = look()(lit(), nobody, corners(PLACES))
    assert len(seen) == 1
    assert np.abs(seen.xy[0] - PLACES).max() < 0.5
    assert 0 < seen.person_score[0] <= 0.8


def test_a_box_of_a_person_found_adds_nobody() -> None:
    runner = Colours()
    seen = look(runner)(lit(), one(PLACES), corners(PLACES))
    assert (len(seen), runner.runs) == (1, 1)


def test_a_box_in_which_a_known_person_is_seen_adds_nobody() -> None:
    """The box is too wide to be theirs, but who is seen in it stands where they stand."""
    runner = Colours()
    seen = look(runner)(lit(), one(PLACES), corners(PLACES, margin=40))
    assert (len(seen), runner.runs) == (1, 2)


def test_weak_boxes_and_those_beyond_the_number_of_people_are_left_out() -> None:
    apart = np.asarray(PLACES + np.array([60, 0]), np.float32)
    boxes = np.concatenate([corners(PLACES, score=0.8), corners(apart, score=0.7)])
    for options, runs in (({}, 2), ({"people": 1}, 1), ({"box": 0.75}, 1), ({"box": 1.0}, 0)):
        runner = Colours()
        look(runner, **options)(lit(), Poses.empty(COLOURS), boxes)
        assert runner.runs == runs, options


def test_a_keypoint_that_is_not_seen_in_a_box_is_missing() -> None:
    dim = lit()
    dim[..., 2] = dim[..., 2] // 20
    (found,) = look()(dim, Poses.empty(COLOURS), corners(PLACES)).found
    assert found.tolist() == [True, True, False]


def test_a_box_in_which_nobody_is_seen_adds_nobody() -> None:
    """A dark picture, and boxes beside the picture: the second network finds no keypoint."""
    nobody = Poses.empty(COLOURS)
    assert len(look()(np.zeros_like(lit()), nobody, corners(PLACES))) == 0
    beside = np.asarray(PLACES + np.array([5000, 0]), np.float32)
    assert len(look()(lit(), nobody, corners(beside))) == 0
    known = look()(lit(), one(PLACES), np.concatenate([corners(PLACES), corners(beside)]))
    assert len(known) == 1


def test_a_missed_person_in_two_boxes_is_one_person() -> None:
    """The boxes overlap little, and only the surer one shows all keypoints."""
    upper = corners(PLACES[:2], score=0.4)
    boxes = np.concatenate([corners(PLACES, margin=30), upper])
    seen = look()(lit(), Poses.empty(COLOURS), boxes)
    assert len(seen) == 1
    assert seen.found.all()


def test_two_people_of_whom_only_boxes_are_known_are_both_found() -> None:
    other = PLACES + np.array([80, 0])
    both = np.maximum(lit(), lit(other))
    boxes = np.concatenate([corners(PLACES), corners(other)])
    assert len(look()(both, Poses.empty(COLOURS), boxes)) == 2
