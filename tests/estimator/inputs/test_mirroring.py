"""Mirrored maps turn back onto the picture's: lit pixels, and fields by hand."""

import numpy as np
import pytest

from estimator import skeletons
from estimator.inputs.mirroring import merge_flipped, merge_mirrored
from estimator.skeleton import Skeleton
from tests.estimator.decoders.test_heatmap import SPEC, gaussians
from tests.estimator.inputs.test_averaging import WIDTH, spec_of


def drawn(skeleton: Skeleton, xy: np.ndarray) -> dict[str, np.ndarray]:
    """A lit cell a keypoint, and at a limb's start its direction."""
    maps = {
        "heatmaps": np.zeros((20, WIDTH, len(xy) + 1), np.float32),
        "pafs": np.zeros((20, WIDTH, 2 * len(skeleton.limbs)), np.float32),
    }
    for index, (x, y) in enumerate(xy):
        maps["heatmaps"][y, x, index] = 1
    for index, (start, end) in enumerate(skeleton.limbs):
        for cell in (xy[start], xy[end]):
            maps["pafs"][cell[1], cell[0], 2 * index : 2 * index + 2] = xy[end] - xy[start]
    return maps


@pytest.mark.parametrize("name", skeletons.names())
def test_the_mirrored_picture_s_maps_turn_back_onto_the_picture_s(name: str) -> None:
    skeleton = skeletons.get(name)
    count = len(skeleton.keypoints)
    places = np.random.default_rng(0).permutation(20 * WIDTH)[:count]
    xy = np.stack([places % WIDTH, places // WIDTH], axis=1)
    mirrored = xy[list(skeleton.flip_order)] * (-1, 1) + (WIDTH - 1, 0)
    expected = drawn(skeleton, xy)
    merged = merge_mirrored(expected, drawn(skeleton, mirrored), spec_of(skeleton))
    for key, maps in expected.items():
        np.testing.assert_array_equal(merged[key], maps, err_msg=key)


def test_a_batch_turns_back_like_each_of_it() -> None:
    spec = spec_of(skeletons.get("openpose18"))
    rng = np.random.default_rng(0)
    maps, mirrored = (
        {"heatmaps": rng.random((3, 4, 5, 19)), "pafs": rng.random((3, 4, 5, 38))} for _ in "ab"
    )
    both = merge_mirrored(maps, mirrored, spec)
    one = merge_mirrored(*({k: v[1] for k, v in m.items()} for m in (maps, mirrored)), spec)
    for key in maps:
        np.testing.assert_array_equal(both[key][1], one[key])


def test_maps_off_the_middle_are_moved_by_the_nearest_cell() -> None:
    """A cell at input 8 i instead of 8 i + 3.5: the mirrored map lies 0.875 cells off."""
    one = Skeleton(name="one", keypoints=("nose",), limbs=(), flip_pairs=(), sigmas=(0.1,))
    maps, mirrored = ({"heatmaps": np.zeros((1, WIDTH, 1), np.float32)} for _ in "ab")
    maps["heatmaps"][0, 5] = 1  # the point lies at input 40; mirrored at 151, nearest cell 19
    mirrored["heatmaps"][0, 19] = 1
    merged = merge_mirrored(maps, mirrored, spec_of(one, offset=-3.5))
    np.testing.assert_array_equal(merged["heatmaps"], maps["heatmaps"])


def test_a_limb_without_a_mirror_is_refused() -> None:
    lopsided = Skeleton(
        name="lopsided",
        keypoints=("nose", "left_eye", "right_eye"),
        limbs=((0, 1),),
        flip_pairs=((1, 2),),
        sigmas=(1, 1, 1),
    )
    maps = {"heatmaps": np.zeros((2, 2, 4), np.float32), "pafs": np.zeros((2, 2, 2), np.float32)}
    with pytest.raises(ValueError, match=r"limb \(0, 1\) but not its mirror \(0, 2\)"):
        merge_mirrored(maps, maps, spec_of(lopsided))


def test_merging_with_the_mirrored_maps_brings_sides_back() -> None:
    skeleton = SPEC.skeleton
    places = np.random.default_rng(2).uniform(10, 38, (17, 2))
    maps = gaussians(places)
    mirrored = places[list(skeleton.flip_order)] * (-1, 1) + (47, 0)  # the mirror image's own left
    assert np.allclose(merge_flipped(maps, gaussians(mirrored), skeleton), maps, atol=1e-6)


def test_shift_moves_the_mirrored_maps_right_and_keeps_the_first_column() -> None:
    maps = np.zeros((1, 4, 17), np.float32)
    mirrored = np.arange(4, dtype=np.float32)[np.newaxis, ::-1, np.newaxis].repeat(17, axis=2)
    merged = merge_flipped(maps, mirrored, SPEC.skeleton, shift=1)
    assert merged[0, :, 0].tolist() == [0, 0, 0.5, 1]  # halves of 0, 0, 1, 2
    assert mirrored[0, :, 0].tolist() == [3, 2, 1, 0]  # the argument is as it was


def test_merging_keeps_the_background_and_refuses_other_shapes() -> None:
    maps = np.random.default_rng(3).random((2, 3, 18), np.float32)
    merged = merge_flipped(maps, maps[:, ::-1], SPEC.skeleton)
    assert np.array_equal(merged[..., 17], maps[..., 17])
    with pytest.raises(ValueError, match=r"found \(2, 3, 18\) and \(2, 2, 18\)"):
        merge_flipped(maps, maps[:, :2], SPEC.skeleton)
    with pytest.raises(ValueError, match="or 18 with background"):
        merge_flipped(maps[..., :16], maps[..., :16], SPEC.skeleton)
