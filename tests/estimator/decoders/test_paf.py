import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from estimator import skeletons
from estimator.decoders import paf
from estimator.geometry import scaling
from estimator.layout import ImageSpec, OutputSpec
from estimator.poses import Poses
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec
from tfpose.benchmarks import made_maps, original_decoder
from tfpose.benchmarks.stored_maps import read


def connected(skeleton: Skeleton) -> bool:
    """Whether limbs join all keypoints: only then can fields hold a person together."""
    reached = {0}
    for _ in skeleton.keypoints:
        reached |= {end for limb in skeleton.limbs if reached & set(limb) for end in limb}
    return len(reached) == len(skeleton.keypoints)


WITH_LIMBS = [name for name in skeletons.names() if connected(skeletons.get(name))]
# A head with two hands and two feet; the limb between hand and foot closes a loop.
TOY = Skeleton(
    name="toy",
    keypoints=("head", "left_hand", "right_hand", "left_foot", "right_foot"),
    limbs=((0, 1), (0, 2), (0, 3), (0, 4), (1, 3)),
    redundant_limbs=(4,),
    flip_pairs=((1, 2), (3, 4)),
    sigmas=(0.05,) * 5,
)
STANDING = np.array([[40, 20], [70, 50], [10, 50], [55, 100], [25, 100]], np.float32)


def spec_of(skeleton: Skeleton, **parameters: float) -> PoseSpec:
    return PoseSpec(
        model="test",
        skeleton=skeleton,
        image=ImageSpec(height=368, width=368),
        outputs=OutputSpec(),
        decoder=paf.Parameters(**parameters),
    )


def maps_of(
    people: np.ndarray, skeleton: Skeleton = TOY, height: int = 20, width: int = 30
) -> dict[str, np.ndarray]:
    return made_maps.render(people, skeleton, OutputSpec(), height, width)


def nearest(poses: Poses, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each person, the largest distance of a keypoint from the pose nearest, and that pose."""
    apart = np.linalg.norm(poses.xy[None] - people[:, None], axis=3)  # (P, N, K)
    apart = np.nan_to_num(apart, nan=np.inf).max(axis=2)
    return apart.min(axis=1), apart.argmin(axis=1)


def test_maps_of_nobody_hold_nobody() -> None:
    assert len(spec_of(TOY).decode(maps_of(np.zeros((0, 5, 2), np.float32)))) == 0


@pytest.mark.parametrize("name", WITH_LIMBS)
@pytest.mark.parametrize("seed", range(3))
def test_one_person_is_found_within_half_a_pixel(name: str, seed: int) -> None:
    skeleton = skeletons.get(name)
    people = made_maps.crowd(skeleton, 1, 368, 432, seed=seed)
    poses = spec_of(skeleton).decode(maps_of(people, skeleton, 46, 54))
    assert len(poses) == 1
    assert poses.found.all()
    assert np.abs(poses.xy - people).max() < 0.5


@pytest.mark.parametrize("name", WITH_LIMBS)
@pytest.mark.parametrize("count", [2, 7, 20])
def test_many_people_are_found_whole(name: str, count: int) -> None:
    skeleton = skeletons.get(name)
    people = made_maps.crowd(skeleton, count, 736, 1312, seed=count)
    poses = spec_of(skeleton).decode(maps_of(people, skeleton, 92, 164))
    assert len(poses) == count
    distance, pose = nearest(poses, people)
    assert distance.max() < 1
    assert len(set(pose.tolist())) == count


def test_person_without_a_hand_has_nan_there() -> None:
    people = STANDING[None].copy()
    people[0, 1] = np.nan
    poses = spec_of(TOY).decode(maps_of(people))
    assert poses.found.tolist() == [[True, False, True, True, True]]
    assert np.isnan(poses.xy[0, 1]).all()


def test_crossing_people_are_not_mixed() -> None:
    # Head to hand to foot: one lies, one stands, and their arms cross at (72, 88).
    stick = replace(TOY, limbs=((0, 1), (1, 3)), redundant_limbs=())
    lying, standing = np.full((2, 5, 2), np.nan, np.float32)
    lying[[0, 1, 3]] = (40, 88), (104, 88), (168, 88)
    standing[[0, 1, 3]] = (72, 24), (72, 120), (72, 150)
    people = np.stack([lying, standing])
    poses = spec_of(stick).decode(maps_of(people, stick))
    assert len(poses) == 2
    order = np.argsort(-poses.xy[:, 0, 1])  # the lying one's head is lower
    np.testing.assert_allclose(poses.xy[order], people, atol=0.5)


def test_person_at_the_border_is_found() -> None:
    people = np.subtract(STANDING, (10, 20))[None].astype(np.float32)  # touches x = 0 and y = 0
    poses = spec_of(TOY).decode(maps_of(people))
    assert poses.found.all()
    assert np.abs(poses.xy - people).max() < 4  # half a cell: no neighbour beyond the border


def test_redundant_limb_only_confirms() -> None:
    maps = maps_of(STANDING[None])
    confirmed = spec_of(TOY).decode(maps)
    maps["pafs"][..., 8:] = 0
    unconfirmed = spec_of(TOY).decode(maps)
    np.testing.assert_array_equal(confirmed.xy, unconfirmed.xy)
    assert confirmed.person_score > unconfirmed.person_score
    alone = maps_of(STANDING[None])
    alone["pafs"][..., :8] = 0
    assert len(spec_of(TOY, min_keypoints=2).decode(alone)) == 0


def test_weak_peak_is_added_to_a_person_but_makes_none() -> None:
    maps = maps_of(STANDING[None])
    maps["heatmaps"][..., 1] *= 0.06  # the left hand, between the two thresholds
    poses = spec_of(TOY).decode(maps)
    assert poses.found.all()
    assert poses.score[0, 1] == pytest.approx(0.06, abs=1e-3)
    assert not spec_of(TOY, min_weak_peak=0.1).decode(maps).found[0, 1]
    maps["heatmaps"] *= 0.06
    assert len(spec_of(TOY).decode(maps)) == 0


def test_weak_keypoints_do_not_make_a_person_large_enough() -> None:
    maps = maps_of(STANDING[None])
    maps["heatmaps"][..., 1:4] *= 0.06
    assert len(spec_of(TOY, min_keypoints=2).decode(maps)) == 1
    assert len(spec_of(TOY, min_keypoints=3).decode(maps)) == 0


def test_whole_person_ranks_before_a_part_of_one() -> None:
    part = np.add(STANDING, (120, 0))
    part[3:] = np.nan
    poses = spec_of(TOY, localisation_error=0).decode(maps_of(np.stack([part, STANDING])))
    assert poses.found.sum(axis=1).tolist() == [5, 3]
    # Limbs of score 1, and three of 0: 5 / (5 + 3), 2 / (2 + 3).
    assert poses.person_score.tolist() == pytest.approx([5 / 8, 2 / 5], abs=0.02)


def test_a_large_person_ranks_before_a_small_one() -> None:
    """Their limbs are as sure, but the same cells are more of the small one."""
    large, small = STANDING * 1.5, STANDING * 0.6 + (120, 60)
    maps = maps_of(np.stack([small, large]).astype(np.float32), height=24)
    poses = spec_of(TOY).decode(maps)
    np.testing.assert_allclose(poses.xy[0], large, atol=1)
    limbs_alone = spec_of(TOY, localisation_error=0).decode(maps)
    assert np.ptp(limbs_alone.person_score) < 0.03
    # The keypoints fill 60x80 pixels at factor 1; the area is `person_boxes.area_around`'s.
    area = 0.53 * (1.27 * (0.6 * 60 / 8 + 1)) * (1.21 * (0.6 * 80 / 8 + 1))
    left = 1 / (1 + 0.3**2 / (area * 0.1**2))
    found = poses.person_score[1] / limbs_alone.person_score.min()
    assert found == pytest.approx(left, rel=0.02)


def test_arguments_are_not_changed() -> None:
    maps = maps_of(STANDING[None])
    before = {name: array.copy() for name, array in maps.items()}
    spec_of(TOY).decode(maps)
    for name, array in before.items():
        np.testing.assert_array_equal(array, maps[name])


def test_maps_of_ones_hold_nobody() -> None:
    maps = {"heatmaps": np.ones((92, 164, 6), np.float32), "pafs": np.ones((92, 164, 10))}
    assert len(spec_of(TOY).decode(maps)) == 0


def test_noise_stays_within_bounds_of_memory() -> None:
    rng = np.random.default_rng(0)
    maps = {
        "heatmaps": rng.random((138, 240, 6), np.float32),
        "pafs": rng.uniform(-1, 1, (138, 240, 10)).astype(np.float32),
    }
    tracemalloc.start()
    poses = spec_of(TOY, max_peaks=64).decode(maps)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(poses) <= 64
    assert peak < 50e6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heatmaps": np.zeros((1, 20, 30, 6))}, r"shape \(h, w, 6\).*, one picture .*\(1, 20, 30"),
        ({"heatmaps": np.zeros((20, 30, 5))}, r"'heatmaps'\] must have shape \(h, w, 6"),
        ({"pafs": np.zeros((20, 30, 9))}, r"shape \(h, w, 10\).*found \(20, 30, 9\)"),
        ({"pafs": np.zeros((20, 31, 10))}, "must be of one height and width"),
    ],
)
def test_other_maps_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spec_of(TOY).decode(maps_of(STANDING[None]) | change)


def test_missing_fields_are_refused() -> None:
    with pytest.raises(ValueError, match=r"outputs\['pafs'\].*found None"):
        spec_of(TOY).decode({"heatmaps": np.zeros((20, 30, 6), np.float32)})


def test_model_without_fields_is_refused() -> None:
    spec = replace(spec_of(TOY), outputs=OutputSpec(pafs=False))
    with pytest.raises(ValueError, match="the outputs have no part affinity fields"):
        spec.decode(maps_of(STANDING[None]))


def test_background_channel_is_no_keypoint_and_may_lack() -> None:
    maps = maps_of(STANDING[None])
    spec = replace(spec_of(TOY), outputs=OutputSpec(background=False))
    poses = spec.decode(maps | {"heatmaps": maps["heatmaps"][..., :5]})
    np.testing.assert_array_equal(poses.xy, spec_of(TOY).decode(maps).xy)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_peak", 1.5),
        ("min_weak_peak", 0.2),
        ("min_share", -0.1),
        ("min_field", float("nan")),
        ("samples", 1),
        ("min_keypoints", 1),
        ("max_peaks", 0),
        ("missing_limb_prior", -1),
        ("localisation_error", -0.1),
        ("offset_y", float("inf")),
    ],
)
def test_impossible_parameters_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"decoder.{field}"):
        paf.Parameters(**{field: value})


def test_offset_y_moves_keypoints_down_and_changes_nothing_else() -> None:
    maps = maps_of(STANDING[None])
    plain, moved = spec_of(TOY).decode(maps), spec_of(TOY, offset_y=0.75).decode(maps)
    np.testing.assert_allclose(moved.xy - plain.xy, [[[0, 0.75]] * 5], atol=1e-4)
    np.testing.assert_array_equal(moved.score, plain.score)
    np.testing.assert_array_equal(moved.person_score, plain.person_score)


def test_parameters_travel_in_the_spec() -> None:
    spec = spec_of(TOY, min_peak=0.2, missing_limb_prior=1.5)
    assert PoseSpec.from_json(spec.to_json()).decoder == spec.decoder


@pytest.mark.parametrize(
    ("name", "people"),
    [
        ("slices/maps/photo_p3", 3),
        ("slices/maps/photo_ski", 5),
        ("maps/photo_p3", 3),
        ("maps/photo_ski", 5),
        ("maps/crowd10_656x368", 7),
        ("maps/crowd30_1312x736", 36),  # the original method finds 35, and as many elsewhere
        ("maps/crowd60_1312x736", 48),
        ("maps/crowd100_1920x1104", 90),
    ],
)
def test_real_maps_hold_the_people_whom_the_original_finds(
    golden_file: Callable[[str], Path], name: str, people: int
) -> None:
    maps = read(golden_file(name))
    ours = spec_of(skeletons.get("openpose18")).decode(maps)
    assert len(ours) == people
    theirs = original_decoder.enlarge_and_decode(maps, 4).transformed(
        scaling(2, 2)
    )  # they read at four times
    likeness = np.array([max(oks(theirs, index, ours)) for index in range(len(theirs))])
    assert (likeness > 0.5).mean() > 0.95


def oks(truth: Poses, person: int, poses: Poses) -> np.ndarray:
    """COCO's object keypoint similarity of every pose to one; what the pose lacks counts 0."""
    found = truth.found[person]
    area = 0.5 * truth.boxes[person, 2:].prod()  # of a body, about half its box
    squares = ((poses.xy - truth.xy[person]) ** 2).sum(axis=2)  # NaN where either lacks
    spread = 2 * area * (2 * np.array(truth.skeleton.sigmas)) ** 2
    return np.nan_to_num(np.exp(-squares / spread))[:, found].mean(axis=1)
