import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import decoders, geometry, skeletons
from estimator.decoders import heatmap
from estimator.decoders.heatmap import Parameters, decode_boxes, read_out
from estimator.layout import ImageSpec, OutputSpec
from estimator.poses import Poses
from estimator.spec import PoseSpec

SPEC = PoseSpec(
    model="toy",
    skeleton=skeletons.get("coco17"),
    image=ImageSpec(height=256, width=192, multiple=32, fit="crop"),
    outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=8.0),
    decoder=Parameters(),
)


def gaussians(places: np.ndarray, *, sigma: float = 2.0, peak: float = 1.0) -> np.ndarray:
    """Maps (1, 64, 48, K) of Gaussians at places (K, 2), x and y in cells."""
    y, x = (axis[..., np.newaxis] for axis in np.mgrid[:64, :48])
    squares = (x - places[:, 0]) ** 2 + (y - places[:, 1]) ** 2
    return (peak * np.exp(-squares / (2 * sigma**2)))[np.newaxis].astype(np.float32)


def reading(refinement: str, maps: np.ndarray, sigma: float = 2.0) -> np.ndarray:
    return read_out(maps, Parameters(refinement=refinement), sigma=sigma)[0]


def boxes_decoded(maps: np.ndarray) -> Poses:
    return decode_boxes(maps, SPEC.skeleton, SPEC.outputs, SPEC.decoder)


def test_the_decoder_is_found_by_its_name_and_travels_as_json() -> None:
    spec = replace(SPEC, decoder=Parameters(refinement="soft_argmax", beta=100.0, offset=-1.5))
    assert decoders.name_of(spec.decoder) == "heatmap"
    assert PoseSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("boxes", [0, 1, 3])
def test_boxes_come_back_in_order_and_none_is_no_people(boxes: int) -> None:
    places = np.stack([10.0 + np.arange(17), 20.0 + np.arange(17)], axis=1)
    maps = np.concatenate(
        [np.zeros((0, 64, 48, 17)), *[gaussians(places + b) for b in range(boxes)]]
    )
    poses = boxes_decoded(maps.astype(np.float32))
    assert len(poses) == boxes
    for box in range(boxes):
        expected = geometry.map_to_input((places + box).astype(np.float32), 4)
        assert np.abs(poses.xy[box] - expected).max() < 0.05
    assert np.allclose(poses.person_score, 1)


@pytest.mark.parametrize("refinement", heatmap.REFINEMENTS)
def test_a_peak_in_a_cell_lies_in_the_middle_of_its_pixels(refinement: str) -> None:
    maps = gaussians(np.full((17, 2), (7.0, 11.0)))[0]
    poses = replace(SPEC, decoder=Parameters(refinement=refinement)).decode({"heatmaps": maps})
    assert np.allclose(poses.xy, (29.5, 45.5), atol=0.01)  # (7 + 0.5) * 4 - 0.5


def test_weights_of_hrnet_itself_need_an_offset_of_a_pixel_and_a_half() -> None:
    maps = gaussians(np.full((17, 2), (7.0, 11.0)))[0]
    spec = replace(SPEC, decoder=Parameters(offset=-1.5))
    assert np.allclose(spec.decode({"heatmaps": maps}).xy, (28, 44), atol=0.01)  # cell * 4


def test_a_lit_pixel_of_the_crop_is_the_keypoint_again() -> None:
    matrix = geometry.crop_matrix((40, 60, 75, 100), 256, 192, padding=1.25, degrees=20)
    truth = np.array([[55, 70], [90, 140], [77.25, 110.5]], np.float32)  # in the picture
    in_input = geometry.transform(matrix, truth)
    places = np.resize(geometry.input_to_map(in_input, 4), (17, 2))
    poses = SPEC.decode({"heatmaps": gaussians(places)[0]})
    back = poses.transformed(geometry.invert(matrix))
    assert np.abs(back.xy[0, :3] - truth).max() < 0.05


@pytest.mark.parametrize(
    ("peak", "noise", "expected"),
    [
        (
            1.0,
            0.0,
            {"none": 0.25, "quarter": 0.13, "alone": 0.21, "soft_argmax": 0.10, "dark": 0.00},
        ),
        (
            0.6,
            0.02,
            {"none": 0.28, "quarter": 0.16, "alone": 0.23, "soft_argmax": 0.15, "dark": 0.02},
        ),
        (
            0.3,
            0.02,
            {"none": 0.36, "quarter": 0.25, "alone": 0.27, "soft_argmax": 0.22, "dark": 0.04},
        ),
    ],
)
def test_errors_are_those_of_the_docstring(
    peak: float, noise: float, expected: dict[str, float]
) -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(10, 35, (400, 2))
    maps = gaussians(places, peak=peak)
    maps += (noise * rng.standard_normal(maps.shape)).astype(np.float32)
    for refinement, error in expected.items():
        if refinement == "alone":
            found = heatmap._soft_argmax(maps.transpose(0, 3, 1, 2), beta=160.0)
        else:
            found = reading(refinement, maps)
        assert np.abs(found[0] - places).mean() == pytest.approx(error, abs=0.015)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_dark_is_exact_for_gaussians_of_every_sigma(sigma: float) -> None:
    places = np.random.default_rng(1).uniform(12, 34, (50, 2))
    found = reading("dark", gaussians(places, sigma=sigma, peak=0.7), sigma)
    assert np.abs(found[0] - places).max() < 0.01


def test_at_the_border_only_the_other_axis_is_refined() -> None:
    maps = gaussians(np.array([[0.0, 20.3], [47.0, 63.0]]))
    assert np.allclose(reading("quarter", maps), [[[0, 20.25], [47, 63]]])
    assert np.allclose(reading("dark", maps), [[[0, 20], [47, 63]]])


@pytest.mark.parametrize("refinement", heatmap.REFINEMENTS)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 1, 5, 3), (1, 4, 4, 17)])
def test_flat_maps_of_any_size_stay_inside(refinement: str, shape: tuple[int, ...]) -> None:
    xy, height = read_out(
        np.full(shape, 0.5, np.float32), Parameters(refinement=refinement), sigma=2
    )
    assert xy.dtype == height.dtype == np.float32
    assert np.all((xy >= 0) & (xy <= (shape[2] - 1, shape[1] - 1)))
    assert np.all(height == 0.5)


def test_scores_are_heights_and_low_ones_are_not_found() -> None:
    maps = np.zeros((64, 48, 17), np.float32)
    maps[10, 10, :4] = (1.3, 0.6, 0.1, -0.2)
    poses = replace(SPEC, decoder=Parameters(min_score=0.1)).decode({"heatmaps": maps})
    assert poses.score[0, :5] == pytest.approx([1, 0.6, 0, 0, 0])
    assert np.isnan(poses.xy[0, 2:]).all()
    assert poses.person_score == pytest.approx([0.8])
    everywhere = SPEC.decode({"heatmaps": maps})
    assert everywhere.score[0, :4] == pytest.approx([1, 0.6, 0.1, 0])
    assert everywhere.person_score == pytest.approx([0.8])  # 0.1 places a keypoint, no more


def test_a_person_of_whom_nothing_is_seen_stays_with_score_0() -> None:
    poses = decode_boxes(
        np.zeros((2, 64, 48, 17), np.float32), SPEC.skeleton, SPEC.outputs, SPEC.decoder
    )
    assert len(poses) == 2
    assert not poses.found.any()
    assert poses.person_score.tolist() == [0, 0]


def test_background_is_no_keypoint() -> None:
    spec = replace(SPEC, outputs=replace(SPEC.outputs, background=True))
    maps = np.concatenate(
        [gaussians(np.full((17, 2), 9.0))[0], np.ones((64, 48, 1), np.float32)], axis=2
    )
    assert spec.decode({"heatmaps": maps}).score.shape == (1, 17)
    with pytest.raises(ValueError, match=r"shape \(\*, \*, 17\), found \(64, 48, 18\)"):
        SPEC.decode({"heatmaps": maps})


def test_maps_that_cannot_be_read_are_refused() -> None:
    maps = np.full((1, 4, 4, 17), np.nan, np.float32)
    with pytest.raises(ValueError, match="hold NaN"):
        boxes_decoded(maps)
    with pytest.raises(ValueError, match="must have cells"):
        boxes_decoded(maps[:, :0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"refinement": "dart"}, "one of quarter, dark, soft_argmax, none, found 'dart'"),
        ({"min_score": -0.1}, "min_score must be at least 0 and below 1, found -0.1"),
        ({"person_min_score": 1.0}, "person_min_score must be at least 0 and below 1"),
        ({"beta": 0.0}, "beta must be positive"),
        ({"offset": float("nan")}, "offset must be finite"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Parameters(**change)  # type: ignore[arg-type]


# The original programs' read-outs, one map at a time, as loops.


def original_quarter(one: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """HRNet's `get_final_preds` without its transform; one is (h, w)."""
    height, width = one.shape
    column, row = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
    if 1 < column < width - 1 and 1 < row < height - 1:
        x += 0.25 * np.sign(one[row, column + 1] - one[row, column - 1])
        y += 0.25 * np.sign(one[row + 1, column] - one[row - 1, column])
    return x, y


def original_hourglass(one: np.ndarray) -> tuple[float, float]:
    """pytorch-pose's `final_preds`: cells from 1, a quarter, and its half cell taken away again."""
    row, column = np.unravel_index(one.argmax(), one.shape)
    x, y = column + 1.0, row + 1.0
    if 1 < column + 1 < one.shape[1] and 1 < row + 1 < one.shape[0]:
        x += 0.25 * np.sign(one[row, column + 1] - one[row, column - 1])
        y += 0.25 * np.sign(one[row + 1, column] - one[row - 1, column])
    return x + 0.5 - 1.5, y + 0.5 - 1.5


def original_soft_argmax(one: np.ndarray) -> tuple[float, float]:
    weights = np.exp(160.0 * (one.astype(np.float64) - one.max()))
    weights /= weights.sum()
    rows, columns = np.mgrid[: one.shape[0], : one.shape[1]]
    return original_quarter(one, float((weights * columns).sum()), float((weights * rows).sum()))


def original_dark(one: np.ndarray) -> tuple[float, float]:
    """DARK's `gaussian_blur` (kernel 11) and `taylor`."""
    height, width = one.shape
    row, column = np.unravel_index(one.argmax(), one.shape)
    padded = np.zeros((height + 10, width + 10), np.float32)
    padded[5:-5, 5:-5] = one
    blurred = cv2.GaussianBlur(padded, (11, 11), 0)[5:-5, 5:-5]
    blurred *= one.max() / blurred.max()
    log = np.log(np.maximum(blurred, 1e-10)).astype(np.float64)
    if not (1 < column < width - 2 and 1 < row < height - 2):
        return column, row
    around = log[row - 2 : row + 3, column - 2 : column + 3]
    slope = np.array([around[2, 3] - around[2, 1], around[3, 2] - around[1, 2]]) / 2
    twist = (around[3, 3] - around[1, 3] - around[3, 1] + around[1, 1]) / 4
    bend_x = (around[2, 4] - 2 * around[2, 2] + around[2, 0]) / 4
    bend_y = (around[4, 2] - 2 * around[2, 2] + around[0, 2]) / 4
    x, y = -np.linalg.inv([[bend_x, twist], [twist, bend_y]]) @ slope
    return column + x, row + y


def inner(maps: np.ndarray) -> list[tuple[int, int]]:
    """(box, keypoint) of the maps whose highest cell is two cells from the border or more."""
    height, width = maps.shape[1:3]
    kept = []
    for box, keypoint in itertools.product(range(len(maps)), range(maps.shape[3])):
        row, column = np.unravel_index(maps[box, ..., keypoint].argmax(), (height, width))
        if 2 <= row < height - 2 and 2 <= column < width - 2:
            kept.append((box, keypoint))
    return kept


@pytest.mark.parametrize("folder", ["slices/", ""])
@pytest.mark.parametrize("golden", ["hrnet_w18_v1", "lpn_18", "pose_resnet_50", "hg_s2_b1"])
@pytest.mark.parametrize(
    ("refinement", "original"),
    [
        (
            "quarter",
            lambda one: original_quarter(one, *np.unravel_index(one.argmax(), one.shape)[::-1]),
        ),
        ("quarter", original_hourglass),
        ("soft_argmax", original_soft_argmax),
    ],
    ids=["quarter", "hourglass", "soft_argmax"],
)
def test_read_outs_are_the_originals_on_golden_maps(
    golden_file: Callable[[str], Path],
    folder: str,
    golden: str,
    refinement: str,
    original: object,
) -> None:
    with np.load(golden_file(folder + golden)) as arrays:
        maps = arrays["y0"]
    found = reading(refinement, maps)
    compared = inner(maps)
    assert len(compared) >= 6
    for box, keypoint in compared:
        expected = original(maps[box, ..., keypoint])  # type: ignore[operator]
        assert np.abs(found[box, keypoint] - expected).max() < 1e-3


def test_dark_is_the_original_on_clear_peaks() -> None:
    rng = np.random.default_rng(4)
    maps = gaussians(rng.uniform(6, 40, (40, 2)), peak=0.8)
    maps += (0.01 * rng.standard_normal(maps.shape)).astype(np.float32)
    found = reading("dark", maps)
    for keypoint in range(40):
        assert np.abs(found[0, keypoint] - original_dark(maps[0, ..., keypoint])).max() < 1e-3
