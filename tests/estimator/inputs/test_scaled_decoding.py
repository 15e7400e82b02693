"""JPEGs decoded no larger than needed: what they show stays where it is."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from estimator import PoseEstimator, geometry, pictures
from estimator.inputs import scaled_decoding
from estimator.inputs.averaging import Averaging
from estimator.layout import ImageSpec
from tests.estimator.pictures.test_reading import STORED

INPUT = ImageSpec(height=32, width=48, multiple=8, flexible=True)


def spot(height: int, width: int, x: float, y: float) -> np.ndarray:
    """A bright spot, 16 pixels wide, at (x, y)."""
    rows, columns = np.mgrid[:height, :width]
    light = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 8**2))
    return np.repeat(light[..., np.newaxis], 3, axis=2).astype(np.uint8)


def jpeg(picture: np.ndarray, orientation: int = 1) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED[orientation](picture))
    Image.fromarray(stored).save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def middle(picture: np.ndarray) -> np.ndarray:
    """The centre of the light, (x, y)."""
    light = picture[..., 1].astype(float)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    ("height", "width", "factor"),
    [(63, 95, 1), (67, 101, 2), (133, 203, 4), (301, 437, 8), (900, 1303, 8)],
)
def test_what_is_lit_stays_in_place(height: int, width: int, factor: int, orientation: int) -> None:
    whole = spot(height, width, 0.6 * width, 0.4 * height)
    picture, matrix = scaled_decoding.read(jpeg(whole, orientation), INPUT)
    assert picture.shape == (-(-height // factor), -(-width // factor), 3)
    back = geometry.transform(geometry.invert(matrix), middle(picture)[np.newaxis])[0]
    np.testing.assert_allclose(back, middle(whole), atol=0.05 * factor)


def test_it_is_never_smaller_than_it_lies_in_the_input() -> None:
    for height in range(1, 300, 7):
        for width in (1, 40, 97, 300, 700):
            data = jpeg(np.zeros((height, width, 3), np.uint8))
            picture, _ = scaled_decoding.read(data, INPUT)
            assert picture.shape[0] >= min(height, 32) or picture.shape[1] >= min(width, 128)


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize(
    ("keep", "factor"), [(0, 8), (70 * 104, 4), (70 * 104 + 1, 2), (1 << 20, 1)]
)
def test_so_many_pixels_are_kept(keep: int, factor: int, orientation: int) -> None:
    data = jpeg(spot(280, 416, 200, 100), orientation)
    found = scaled_decoding.read_reduced(data, INPUT, keep=keep)
    assert found.picture.shape == (280 // factor, 416 // factor, 3)
    assert (found.height, found.width) == (280, 416)
    assert (found.matrix is None) == (factor == 1)


def test_other_files_and_inputs_are_read_whole(tmp_path: Path) -> None:
    whole = spot(301, 437, 200, 100)
    _, png = cv2.imencode(".png", whole)
    picture, matrix = scaled_decoding.read(png.tobytes(), INPUT)
    np.testing.assert_array_equal(picture, whole)
    np.testing.assert_array_equal(matrix, np.eye(2, 3))
    box = ImageSpec(height=32, width=48, fit="crop", flexible=False)
    assert scaled_decoding.read(jpeg(whole), box)[0].shape == whole.shape
    file = tmp_path / "spot.jpg"
    file.write_bytes(jpeg(whole))
    assert scaled_decoding.read(file, INPUT)[0].shape == (38, 55, 3)
    with pytest.raises(FileNotFoundError, match="no picture at"):
        scaled_decoding.read(tmp_path / "none.jpg", INPUT)
    with pytest.raises(ValueError, match="is a folder"):
        scaled_decoding.read(tmp_path, INPUT)
    file.write_bytes(jpeg(whole)[:-20])
    with pytest.raises(ValueError, match=r"spot\.jpg is cut off"):
        scaled_decoding.read(file, INPUT)


def test_the_estimator_answers_in_pixels_of_the_whole_picture(
    colour_model: Callable[..., Path], blobs: np.ndarray
) -> None:
    large = blobs.repeat(8, axis=0).repeat(8, axis=1)[:-3, :-5]  # odd: the last blocks are cut off
    _, data = cv2.imencode(".jpg", large[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    poses = PoseEstimator(colour_model(flexible=True)).read(data.tobytes())
    expected = (np.array([[11.5, 11.5], [27.5, 11.5], [43.5, 11.5]]) + 0.5) * 8 - 0.5
    np.testing.assert_allclose(poses.xy, [expected], atol=4)  # of a cell of 64


def test_averages_over_sizes_read_the_whole_file(
    colour_model: Callable[..., Path], blobs: np.ndarray
) -> None:
    large = blobs.repeat(8, axis=0).repeat(8, axis=1)
    _, data = cv2.imencode(".jpg", large[..., ::-1])
    averaging = Averaging(scales=(1.0, 2.0))
    estimator = PoseEstimator(colour_model(flexible=True), averaging=averaging)
    whole = estimator(pictures.read(data.tobytes()))
    assert len(whole) == 1
    np.testing.assert_array_equal(estimator.read(data.tobytes()).xy, whole.xy)
