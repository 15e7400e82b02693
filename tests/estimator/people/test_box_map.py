"""The map of people's boxes: a cell in the middle of a person gives their box."""

from dataclasses import replace

import numpy as np
import pytest

from estimator.arrays import Float
from estimator.decoders import blazepose
from estimator.people import box_map
from tests.estimator.conftest import colour_spec

STRIDE = 16
BOX = (40.0, 20.0, 90.0, 200.0)  # left, top, right, bottom; pixels, as edges


def map_of(*boxes: tuple[float, ...], cells: tuple[int, int] = (16, 12), logit: float = 2) -> Float:
    """A map in which the cell nearest to each box's centre gives it."""
    made = np.zeros((*cells, 5), np.float32)
    made[..., 0] = -9
    for left, top, right, bottom in boxes:
        column = int(((left + right) / 2 + 0.5) / STRIDE)
        row = int(((top + bottom) / 2 + 0.5) / STRIDE)
        x, y = (column + 0.5) * STRIDE - 0.5, (row + 0.5) * STRIDE - 0.5
        sides = np.array([x - left, y - top, right - x, bottom - y])
        made[row, column] = [logit, *np.sqrt(sides / STRIDE)]
    return made


def test_a_cell_gives_the_box_around_it() -> None:
    (found,) = box_map.decode(map_of(BOX), STRIDE, least=0.5)
    np.testing.assert_allclose(found[:4], BOX, atol=1e-4)
    assert found[4] == pytest.approx(1 / (1 + np.exp(-2)))


def test_a_weak_cell_gives_none() -> None:
    assert box_map.decode(map_of(BOX), STRIDE, least=0.9).shape == (0, 5)


def test_the_surer_of_two_cells_of_one_person_stays() -> None:
    cells = map_of(BOX)
    row, column = np.unravel_index(cells[..., 0].argmax(), cells.shape[:2])
    cells[row + 1, column] = cells[row, column] - [1, 0, -0.1, 0, 0.1]
    assert len(box_map.decode(cells, STRIDE, least=0.5)) == 1
    assert len(box_map.decode(cells, STRIDE, least=0.5, overlap=0.99)) == 2


def test_people_are_given_best_first() -> None:
    cells = np.maximum(map_of(BOX, logit=1), map_of((100, 30, 140, 90), logit=3))
    found = box_map.decode(cells, STRIDE, least=0.5)
    np.testing.assert_allclose(found[:, 0], [100, 40], atol=1e-4)


def test_the_map_of_a_mirrored_picture_is_mirrored_back() -> None:
    width = 12 * STRIDE
    left, top, right, bottom = BOX
    mirrored = map_of((width - 1 - right, top, width - 1 - left, bottom))
    np.testing.assert_allclose(box_map.mirrored(mirrored), map_of(BOX), atol=1e-5)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="boxes"):
        box_map.decode(np.zeros((4, 4, 6), np.float32), STRIDE, least=0.5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf, 1e30, -1e30])
@pytest.mark.parametrize("side", [np.nan, np.inf, -np.inf, 1e30, 1e-9, 0])
def test_a_damaged_cell_changes_no_other_and_gives_no_box_that_cannot_be_cut_out(
    score: float, side: float
) -> None:
    cells = map_of(BOX)
    cells[0, 0] = [score, side, 1, side, 1]
    found = box_map.decode(cells, STRIDE, least=0.5)
    assert np.abs(found[:, :4] - BOX).max(axis=1).min() < 1e-4
    assert np.isfinite(found).all()
    assert (found[:, 2:4] - found[:, :2] >= box_map.SMALLEST).all()
    assert np.abs(found[:, :4]).max() <= 2 * STRIDE * max(cells.shape)


def test_a_map_of_sure_cells_gives_a_bounded_number_of_boxes() -> None:
    cells = np.full((64, 64, 5), 5, np.float32)
    cells[..., 1:] = 0.6  # smaller than a cell, so that none overlaps another
    assert len(box_map.decode(cells, STRIDE, least=0.5)) == box_map.MOST


def test_a_network_that_answers_no_maps_has_no_map_of_boxes() -> None:
    spec = colour_spec()
    spec = replace(spec, outputs=replace(spec.outputs, background=False, pafs=False))
    points = replace(spec, decoder=blazepose.Parameters())
    with pytest.raises(ValueError, match="answers points has none"):
        replace(points, outputs=replace(points.outputs, boxes=spec.image.multiple))
