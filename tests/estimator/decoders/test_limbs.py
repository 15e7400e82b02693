import numpy as np
import pytest

from estimator.decoders.paf import limbs
from estimator.decoders.paf.limbs import Candidates, find_limbs
from estimator.decoders.paf.peaks import Peaks

ONE_LIMB = ((0, 1),)


def peaks_at(*channels: list[tuple[float, float]]) -> Peaks:
    """Peaks of height 1: a list of (x, y) for each channel."""
    counts = [len(places) for places in channels]
    return Peaks(
        xy=np.array([xy for places in channels for xy in places], np.float32).reshape(-1, 2),
        score=np.ones(sum(counts), np.float32),
        channel=np.repeat(np.arange(len(channels)), counts),
        start=np.concatenate([[0], np.cumsum(counts)]),
    )


def even_field(x: float, y: float, height: int = 10, width: int = 12) -> np.ndarray:
    return np.tile(np.array([x, y], np.float32), (height, width, 1))


def find(
    pafs: np.ndarray,
    peaks: Peaks,
    limbs: tuple[tuple[int, int], ...] = ONE_LIMB,
    min_share: float = 0.8,
) -> Candidates:
    return find_limbs(pafs, peaks, limbs, samples=10, min_field=0.05, min_share=min_share)


@pytest.mark.parametrize("channels", [([], []), ([(1, 1)], []), ([], [(1, 1)])])
def test_without_peaks_at_both_ends_there_are_no_limbs(channels: tuple[list, list]) -> None:
    assert len(find(even_field(1, 0), peaks_at(*channels))) == 0


@pytest.mark.parametrize(
    ("end", "score"),
    [((9, 2), 1), ((2, 8), 0.5), ((8, 8), (1 + 0.5) / np.sqrt(2)), ((2, 2), 0)],
)
def test_score_is_the_component_along_the_limb(end: tuple[int, int], score: float) -> None:
    found = find(even_field(1, 0.5), peaks_at([(2, 2)], [end]))
    assert found.score.tolist() == pytest.approx([score] if score else [])


def test_limb_against_the_field_is_none() -> None:
    assert len(find(even_field(1, 0), peaks_at([(9, 2)], [(2, 2)]))) == 0


def test_field_is_read_between_the_cells() -> None:
    rising = np.zeros((4, 11, 2), np.float32)
    rising[..., 0] = np.arange(11) / 10
    found = find(rising, peaks_at([(2.5, 1.25)], [(7.5, 1.25)]))
    assert found.score.tolist() == pytest.approx([0.5])


def test_limb_needs_its_share_of_points_in_the_field() -> None:
    pafs = even_field(1, 0)
    pafs[:, 7:] = 0  # points 0..6 of 0..9 are lit
    peaks = peaks_at([(0, 5)], [(9, 5)])
    assert len(find(pafs, peaks, min_share=0.8)) == 0
    assert find(pafs, peaks, min_share=0.7).score.tolist() == pytest.approx([0.7])


def test_every_limb_reads_its_own_field() -> None:
    pafs = np.concatenate([even_field(1, 0), even_field(0, 1)], axis=2)
    peaks = peaks_at([(2, 2)], [(8, 2)], [(2, 8), (8, 8)])
    found = find(pafs, peaks, ((0, 1), (0, 2)))
    pairs = list(zip(found.limb.tolist(), found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == [(0, 0, 1), (1, 0, 2), (1, 0, 3)]
    assert found.score.tolist() == pytest.approx([1, 1, np.sqrt(0.5)])


def test_limbs_are_the_same_however_they_are_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pafs = rng.uniform(-1, 1, (10, 12, 6)).astype(np.float32)
    peaks = peaks_at(*([tuple(xy) for xy in rng.uniform(0, 9, (7, 2))] for _ in range(3)))
    triangle = ((0, 1), (1, 2), (2, 0))
    whole = find(pafs, peaks, triangle, min_share=0.3)
    monkeypatch.setattr(limbs, "BLOCK", 10)
    parts = find(pafs, peaks, triangle, min_share=0.3)
    assert len(whole) > 5
    for name in ("limb", "first", "second", "score"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (8, 1)])
def test_maps_one_cell_thin_are_read(shape: tuple[int, int]) -> None:
    height, width = shape
    start, end = (0, 0), (width - 1, height - 1)
    found = find(even_field(1, 1, height, width), peaks_at([start], [end]))
    assert found.score.tolist() == pytest.approx([1] if max(shape) > 1 else [])


def test_wrong_fields_and_samples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pafs must have shape \(\*, \*, 2\)"):
        find(np.zeros((4, 4, 3), np.float32), peaks_at([], []))
    with pytest.raises(ValueError, match="samples must be at least 2, found 1"):
        find_limbs(
            even_field(1, 0), peaks_at([], []), ONE_LIMB, samples=1, min_field=0, min_share=0
        )
