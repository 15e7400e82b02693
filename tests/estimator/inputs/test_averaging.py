"""Mirrored and resized maps mean the same place: lit pixels, and fields by hand."""

import numpy as np
import pytest

from estimator import geometry
from estimator.decoders import heatmap, paf
from estimator.inputs import averaging, mirroring
from estimator.layout import ImageSpec, OutputSpec
from estimator.maps import Maps
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

WIDTH = 24  # cells
FLEXIBLE = ImageSpec(height=192, width=192, flexible=True)


def spec_of(skeleton: Skeleton, **decoder: float) -> PoseSpec:
    pafs = "offset" not in decoder
    return PoseSpec(
        model="test",
        skeleton=skeleton,
        image=FLEXIBLE,
        outputs=OutputSpec(stride=8, background=pafs, pafs=pafs and bool(skeleton.limbs)),
        decoder=paf.Parameters() if pafs else heatmap.Parameters(**decoder),
    )


def blob(height: int, width: int, x: float, y: float) -> np.ndarray:
    """A picture as grey as the padding, with a soft white spot of 20 pixels."""
    rows, columns = np.mgrid[:height, :width]
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 20.0**2))
    return np.repeat((128 + 127 * spot).astype(np.uint8)[..., None], 3, axis=2)


def pooled(image: np.ndarray, stride: int = 8) -> dict[str, np.ndarray]:
    """The simplest network: how bright every 8x8 pixels are."""
    _, height, width, _ = image.shape
    cells = image[0, ..., :1].reshape(height // stride, stride, width // stride, stride)
    return {"heatmaps": cells.mean(axis=(1, 3))[..., None].astype(np.float32) - 128}


def centroid(maps: Maps) -> np.ndarray:
    """The middle of what is lit, in pixels of the picture."""
    lit = maps.outputs["heatmaps"][..., 0]
    rows, columns = np.mgrid[: lit.shape[0], : lit.shape[1]]
    cell = np.array([(lit * columns).sum(), (lit * rows).sum()], np.float32) / lit.sum()
    return geometry.transform(geometry.invert(maps.matrix), geometry.map_to_input(cell, 8))


def answers(picture: np.ndarray, scales: tuple[float, ...]) -> list[Maps]:
    return [
        Maps(outputs=pooled(view.image), matrix=view.matrix)
        for view in averaging.views(picture, FLEXIBLE, scales)
    ]


@pytest.mark.parametrize("onto", range(4))
@pytest.mark.parametrize("height", [301, 400])  # the second leaves padding of odd sizes
def test_a_lit_pixel_stays_the_keypoint_on_every_grid(height: int, onto: int) -> None:
    parts = answers(blob(height, 450, 283, 141), averaging.MULTISCALE)
    sizes = {part.outputs["heatmaps"].shape for part in parts}
    assert len(sizes) == 4
    maps = averaging.mean(parts, stride=8, onto=onto)
    assert maps.outputs["heatmaps"].shape == parts[onto].outputs["heatmaps"].shape
    assert centroid(maps) == pytest.approx([283, 141], abs=0.5)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_the_mirrored_picture_s_lit_pixel_too(scale: float) -> None:
    one = Skeleton(name="one", keypoints=("nose",), limbs=(), flip_pairs=(), sigmas=(0.1,))
    picture = blob(301, 450, 283, 141)
    (part,), (mirrored,) = (answers(side, (scale,)) for side in (picture, picture[:, ::-1]))
    merged = mirroring.merge_mirrored(part.outputs, mirrored.outputs, spec_of(one, offset=0.0))
    np.testing.assert_allclose(
        merged["heatmaps"], part.outputs["heatmaps"], atol=2
    )  # of 127; resizing rounds
    assert centroid(Maps(outputs=merged, matrix=part.matrix)) == pytest.approx([283, 141], abs=0.5)


def test_resampling_a_slope_is_exact_inside() -> None:
    """Keys' kernel reproduces lines: cell c of the result reads 0.5 c + 1."""
    slope = np.arange(8, dtype=np.float32)[np.newaxis, :, np.newaxis].repeat(2, axis=0)
    matrix = np.array([[0.5, 0, 1], [0, 1, 0]])
    found = averaging.resampled(slope, matrix, 2, 8)
    assert found[1, :, 0] == pytest.approx([1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5], abs=1e-6)


def test_one_scale_is_left_alone() -> None:
    (part,) = answers(blob(60, 60, 20, 20), (1.0,))
    assert averaging.mean([part], stride=8) is part


def test_what_a_network_cannot_do_is_refused() -> None:
    picture = blob(60, 60, 20, 20)
    fixed = ImageSpec(height=64, width=64)
    with pytest.raises(ValueError, match="fixed graph of 64x64 has scale 1 only, found 2"):
        averaging.views(picture, fixed, (1.0, 2.0))
    with pytest.raises(ValueError, match="a box is always laid in whole"):
        averaging.views(picture, fixed, (2.0,), box=(0, 0, 20, 20))
    with pytest.raises(ValueError, match="scales must be positive"):
        averaging.Averaging(scales=())


def test_boxes_of_a_mirrored_picture_are_averaged_and_of_several_sizes_the_largest_s() -> None:
    one = Skeleton(name="one", keypoints=("spot",), limbs=(), flip_pairs=(), sigmas=(0.1,))
    rng = np.random.default_rng(0)
    cells = {"heatmaps": np.zeros((4, 6, 1), np.float32), "person_boxes": rng.random((2, 3, 5))}
    mirrored = cells | {"person_boxes": cells["person_boxes"][:, ::-1, [0, 3, 2, 1, 4]]}
    merged = mirroring.merge_mirrored(cells, mirrored, spec_of(one, offset=0.0))
    np.testing.assert_allclose(merged["person_boxes"], cells["person_boxes"], atol=1e-6)
    small = {"heatmaps": np.zeros((2, 3, 1), np.float32), "person_boxes": rng.random((1, 2, 5))}
    parts = [
        Maps(outputs=outputs, matrix=geometry.scaling(scale, scale))
        for outputs, scale in ((small, 0.5), (cells, 1.0))
    ]
    mean = averaging.mean(parts, stride=8, onto=1)
    np.testing.assert_array_equal(mean.outputs["person_boxes"], cells["person_boxes"])
