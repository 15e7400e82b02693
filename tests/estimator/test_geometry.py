import numpy as np
import pytest

from estimator import geometry


def test_first_cell_of_stride_8_lies_at_3_5() -> None:
    assert geometry.map_to_input(np.zeros(2, np.float32), 8).tolist() == [3.5, 3.5]


def test_map_and_input_lead_back() -> None:
    xy = np.array([[0, 0], [3.25, 17]], np.float32)
    assert np.allclose(geometry.input_to_map(geometry.map_to_input(xy, 8), 8), xy)


def test_scaling_keeps_the_edges_in_place() -> None:
    edges = np.array([[-0.5, -0.5], [9.5, 4.5]], np.float32)  # of a picture of 10 x 5
    moved = geometry.transform(geometry.scaling(2, 3), edges)
    assert np.allclose(moved, [[-0.5, -0.5], [19.5, 14.5]])


def test_letterbox_centres_a_wide_picture() -> None:
    fit = geometry.letterbox(100, 200, 64, 64)
    assert (fit.inner_height, fit.inner_width, fit.top, fit.left) == (32, 64, 16, 0)
    corners = geometry.transform(fit.matrix, np.array([[-0.5, -0.5], [199.5, 99.5]], np.float32))
    assert np.allclose(corners, [[-0.5, 15.5], [63.5, 47.5]], atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (37, 91)])
def test_letterbox_leads_back_within_a_thousandth(size: tuple[int, int]) -> None:
    fit = geometry.letterbox(*size, 256, 456)
    assert fit.inner_height >= 1
    assert fit.inner_width >= 1
    xy = np.array([[0, 0], [size[1] - 1, size[0] - 1]], np.float32)
    back = geometry.transform(geometry.invert(fit.matrix), geometry.transform(fit.matrix, xy))
    assert np.allclose(back, xy, rtol=1e-6, atol=1e-2)


def test_letterbox_refuses_a_picture_without_pixels() -> None:
    with pytest.raises(ValueError, match="at least 1 pixel, found a picture of 0x5"):
        geometry.letterbox(0, 5, 8, 8)


def test_crop_puts_the_box_centre_at_the_input_centre() -> None:
    matrix = geometry.crop_matrix((9.5, 19.5, 10, 20), 64, 48, padding=1.25)
    centre = geometry.transform(matrix, np.array([14.5, 29.5], np.float32))
    assert np.allclose(centre, [23.5, 31.5])
    top = geometry.transform(matrix, np.array([14.5, 19.5], np.float32))
    assert np.allclose(top, [23.5, 31.5 - 32 / 1.25])


def test_crop_turns_clockwise_on_the_screen() -> None:
    matrix = geometry.crop_matrix((-10, -10, 20, 20), 20, 20, padding=1, degrees=90)
    right = geometry.transform(matrix, np.array([5, 0], np.float32))
    assert np.allclose(right, [9.5, 14.5], atol=1e-5)  # what lay right now lies below


def test_crop_refuses_a_box_without_area() -> None:
    with pytest.raises(ValueError, match="positive width and height"):
        geometry.crop_matrix((0, 0, 0, 5), 64, 48, padding=1.25)


def test_invert_refuses_a_singular_matrix() -> None:
    with pytest.raises(ValueError, match="singular"):
        geometry.invert(np.zeros((2, 3)))
