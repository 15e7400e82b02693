import numpy as np
import pytest

from estimator.decoders.paf.peaks import find_peaks


def lit(height: int, width: int, cells: dict[tuple[int, int], float]) -> np.ndarray:
    """One channel, 0 but for the cells (x, y) named."""
    heatmap = np.zeros((height, width, 1), np.float32)
    for (x, y), value in cells.items():
        heatmap[y, x, 0] = value
    return heatmap


def gaussian(x: float, y: float, *, top: float, sigma: float) -> np.ndarray:
    row, column = np.mgrid[:9, :9].astype(np.float32)
    squares = (column - x) ** 2 + (row - y) ** 2
    return (top * np.exp(-squares / (2 * sigma**2)))[..., None].astype(np.float32)


@pytest.mark.parametrize("shape", [(5, 6, 3), (1, 1, 1), (1, 7, 2), (7, 1, 2)])
def test_dark_maps_have_no_peaks(shape: tuple[int, int, int]) -> None:
    peaks = find_peaks(np.zeros(shape, np.float32), threshold=0.1, limit=10)
    assert len(peaks) == 0
    assert peaks.start.tolist() == [0] * (shape[2] + 1)


def test_lit_cell_is_the_peak() -> None:
    peaks = find_peaks(lit(5, 6, {(3, 2): 0.8}), threshold=0.1, limit=10)
    assert peaks.xy.tolist() == [[3, 2]]
    assert peaks.score == pytest.approx([0.8])


@pytest.mark.parametrize(("x", "y"), [(4, 4), (4.3, 3.8), (3.51, 4.49), (4.5, 4.25)])
@pytest.mark.parametrize("sigma", [0.875, 1.5])
def test_gaussian_between_cells_is_found_where_it_is(x: float, y: float, sigma: float) -> None:
    peaks = find_peaks(gaussian(x, y, top=0.6, sigma=sigma), threshold=0.1, limit=10)
    assert peaks.xy[0] == pytest.approx([x, y], abs=1e-3)
    assert peaks.score == pytest.approx([0.6], abs=1e-3)


def test_peak_at_the_border_stays_in_its_cell_across_it() -> None:
    peaks = find_peaks(lit(5, 6, {(0, 2): 0.8, (1, 2): 0.4, (0, 3): 0.8}), threshold=0.1, limit=9)
    assert peaks.xy == pytest.approx(np.array([[0, 2.5]]), abs=1e-6)


def test_two_equal_cells_are_one_peak_between_them() -> None:
    peaks = find_peaks(lit(5, 6, {(2, 2): 0.8, (3, 2): 0.8}), threshold=0.1, limit=9)
    assert peaks.xy == pytest.approx(np.array([[2.5, 2]]))


def test_map_of_ones_has_one_peak() -> None:
    assert len(find_peaks(np.ones((50, 60, 1), np.float32), threshold=0.1, limit=9)) == 1


def test_peaks_are_sorted_by_channel_and_height() -> None:
    heatmaps = np.concatenate(
        [lit(5, 9, {(1, 1): 0.3, (4, 1): 0.9, (7, 1): 0.5}), lit(5, 9, {}), lit(5, 9, {(2, 3): 1})],
        axis=2,
    )
    peaks = find_peaks(heatmaps, threshold=0.1, limit=10)
    assert peaks.xy[:, 0].tolist() == [4, 7, 1, 2]
    assert peaks.channel.tolist() == [0, 0, 0, 2]
    assert peaks.start.tolist() == [0, 3, 3, 4]


def test_limit_keeps_the_highest_of_each_channel() -> None:
    heatmaps = np.concatenate(
        [lit(5, 9, {(1, 1): 0.3, (4, 1): 0.9, (7, 1): 0.5}), lit(5, 9, {(2, 3): 0.2})], axis=2
    )
    peaks = find_peaks(heatmaps, threshold=0.1, limit=2)
    assert peaks.xy[:, 0].tolist() == [4, 7, 2]
    assert peaks.start.tolist() == [0, 2, 3]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_broken_cell_breaks_no_place(value: float) -> None:
    peaks = find_peaks(lit(5, 6, {(3, 2): 0.8, (4, 2): value}), threshold=0.1, limit=10)
    assert np.isfinite(peaks.xy).all()
    assert np.isfinite(peaks.score).all()


@pytest.mark.parametrize("shape", [(5, 6), (0, 6, 1), (1, 5, 6, 1)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="heatmaps must have"):
        find_peaks(np.zeros(shape, np.float32), threshold=0.1, limit=10)
