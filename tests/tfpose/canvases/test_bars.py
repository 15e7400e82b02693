import cv2
import numpy as np
import pytest

from tfpose.canvases import bars

MEAN = (124, 116, 104)  # of ImageNet: what ADE20K's pictures are often padded with


def photograph(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(("bottom", "right"), [(0, 0), (40, 0), (0, 30), (25, 60)])
def test_bars_below_and_on_the_right_are_cut_off_even_after_jpeg(bottom: int, right: int) -> None:
    image = photograph(80, 120)
    padded = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=MEAN)
    np.testing.assert_array_equal(bars.without(padded), image)
    stored = cv2.imdecode(cv2.imencode(".jpg", padded)[1], cv2.IMREAD_COLOR)
    height, width = bars.without(stored).shape[:2]
    assert 80 <= height <= 80 + min(bottom, 8)
    assert 120 <= width <= 120 + min(right, 8)


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_a_picture_of_one_colour_stays_whole(colour: int) -> None:
    image = np.full((40, 50, 3), colour, np.uint8)
    assert bars.without(image).shape == image.shape


def test_bars_above_and_on_the_left_stay_since_labels_would_have_to_move() -> None:
    padded = cv2.copyMakeBorder(photograph(80, 120), 40, 0, 30, 0, cv2.BORDER_CONSTANT, value=MEAN)
    assert bars.without(padded).shape == padded.shape


def test_a_sky_that_brightens_is_no_bar() -> None:
    image = photograph(80, 120)
    image[60:] = np.linspace(100, 140, 120)[None, :, None]
    assert bars.without(image).shape == image.shape
