import cv2
import numpy as np
import pytest

from tfpose.canvases import cutouts


def picture(shape: tuple[int, int] = (160, 120)) -> tuple[np.ndarray, np.ndarray]:
    """A blue upright figure before noisy green, and where the figure is."""
    noise = np.random.default_rng(0).integers(0, 40, (*shape, 3), np.uint8)
    image = noise + np.array([20, 120, 20], np.uint8)
    figure = np.zeros(shape, np.uint8)
    cv2.ellipse(figure, (60, 80), (16, 55), 0, 0, 360, 1, -1)
    return np.where(figure[..., None] > 0, noise + np.array([20, 20, 180], np.uint8), image), figure


def mask(image: np.ndarray, keypoints: np.ndarray, box: np.ndarray) -> np.ndarray:
    return cutouts.softened(cutouts.outline(image, keypoints, box), box, image.shape)


KEYPOINTS = np.array([[60, 35, 2], [52, 70, 2], [68, 70, 1], [60, 125, 2], [0, 0, 0]], np.float32)
BOX = np.array([44, 25, 32, 110], np.float32)


def test_the_mask_is_the_person() -> None:
    image, figure = picture()
    left, top, right, bottom = cutouts.region(BOX, image.shape)
    found = mask(image, KEYPOINTS, BOX)
    wanted = figure[top:bottom, left:right]
    assert found.shape == wanted.shape
    assert found.min() >= 0
    assert found.max() <= 1
    overlap = np.minimum(found, wanted).sum() / np.maximum(found, wanted).sum()
    assert overlap > 0.85


def test_the_mask_of_a_large_person_has_the_size_of_its_region() -> None:
    image, _ = picture()
    large = np.asarray(cv2.resize(image, None, fx=4, fy=4))
    keypoints = KEYPOINTS * np.array([4, 4, 1], np.float32)
    left, top, right, bottom = cutouts.region(4 * BOX, large.shape)
    assert mask(large, keypoints, 4 * BOX).shape == (bottom - top, right - left)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((20.0, 30.0, 50.0, 100.0), (8, 18, 83, 143)),  # 12 pixels around it
        ((-5.0, -5.0, 200.0, 400.0), (0, 0, 120, 160)),  # no further than the picture
    ],
)
def test_a_region_is_the_box_with_a_margin(
    box: tuple[float, ...], expected: tuple[int, ...]
) -> None:
    assert cutouts.region(np.array(box), (160, 120, 3)) == expected


def test_one_keypoint_is_enough_and_one_outside_of_the_picture_is_nobody() -> None:
    image, figure = picture()
    left, top, right, bottom = cutouts.region(BOX, image.shape)
    found = mask(image, np.array([[60, 80, 2]], np.float32), BOX)
    inside = figure[top:bottom, left:right] > 0
    assert found[inside].mean() > found[~inside].mean() + 0.3
    assert not mask(image, np.array([[400, 400, 2]], np.float32), BOX).any()


def test_the_mask_does_not_hang_on_what_opencv_drew_before() -> None:
    """Else a cache that was killed would not go on with the same bytes."""
    random = np.random.default_rng(3)
    for sigma in (1, 2, 3, 4):
        noise = random.integers(0, 256, (160, 120, 3), np.uint8)
        image = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma))
        masks = []
        for seed in range(6):
            cv2.setRNGSeed(seed)
            masks.append(mask(image, KEYPOINTS, BOX))
        assert all((mask == masks[0]).all() for mask in masks)
