"""Limbs: the pairs of peaks that a part affinity field joins, and their scores.

After Cao et al. 2017, arXiv:1611.08050, section 2.3: a candidate limb is the segment between two
peaks, its score the field's component along it. Here the limbs of all kinds are scored in one
pass, by interpolation between the cells of the small map. Most candidates are rejected by the field
at their middle, before the whole segment is read, so that the cost grows linearly with people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...arrays import Float, Int, check_shape
from .peaks import Peaks

Complex: TypeAlias = npt.NDArray[np.complex64]

BLOCK = 1 << 15  # pairs per pass: bounds memory and keeps arrays in the cache
_NONE = (np.zeros(0, np.int64),) * 3 + (np.zeros(0, np.float32),)


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """C candidate limbs.

    Attributes:
      limb: (C,) index of the skeleton's limb.
      first, second: (C,) indices of the peaks that the limb joins.
      score: (C,) mean component of the field, 0 to about 1.
    """

    limb: Int
    first: Int
    second: Int
    score: Float

    def __len__(self) -> int:
        return len(self.limb)


def find_limbs(
    pafs: Float,
    peaks: Peaks,
    limbs: tuple[tuple[int, int], ...],
    *,
    samples: int,
    min_field: float,
    min_share: float,
) -> Candidates:
    """Finds every pair of peaks that a field joins; a peak may be in several pairs.

    Args:
      pafs: (h, w, 2 L), limb i in the channels 2i (x) and 2i + 1 (y).
      peaks: of the keypoints' heatmaps.
      limbs: L pairs of keypoint indices.
      samples: number of points per segment, both ends included; at least 2.
      min_field: a point supports the limb if the component of the field there is above this.
      min_share: lowest share of the points that must support the limb, 0..1.

    Returns:
      Candidates, limb after limb; their scores are above 0, and the cell at their middle supports
      them, too.

    Raises:
      ValueError: `pafs` has not two channels per limb, or `samples` is below 2.
    """
    check_shape("pafs", pafs, (None, None, 2 * len(limbs)))
    if samples < 2:
        raise ValueError(f"samples must be at least 2, found {samples}")
    fields = np.ascontiguousarray(pafs).view(np.complex64)  # (h, w, L), x + iy
    place = np.ascontiguousarray(peaks.xy).view(np.complex64)[:, 0]  # (N,)
    parts = [_NONE]
    for limb, first, second in _pairs(peaks, limbs):
        kept = _middle_supports(fields, limb, place[first], place[second], min_field)
        limb, first, second = limb[kept], first[kept], second[kept]
        component = components(fields, limb, place[first], place[second], samples=samples)
        score = component.mean(axis=1)
        support = np.count_nonzero(component > min_field, axis=1)
        good = np.flatnonzero((support >= min_share * samples - 1e-6) & (score > 0))
        parts.append((limb[good], first[good], second[good], score[good]))
    limb, first, second, score = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Candidates(limb=limb, first=first, second=second, score=score)


def components(fields: Complex, limb: Int, start: Complex, end: Complex, *, samples: int) -> Float:
    """Interpolates the components of the fields along segments.

    Args:
      fields: (h, w, L) as x + iy.
      limb: (C,) index of the field that is read for each segment.
      start, end: (C,) ends of the segments as x + iy, in map cells and inside the map.
      samples: number of points per segment, both ends included.

    Returns:
      (C, samples), about -1 to 1; 0 on a segment without length.
    """
    height, width, kinds = fields.shape
    way = end - start
    length = np.abs(way)
    unit = np.divide(way, length, out=np.zeros_like(way), where=length > 0)
    point = start[:, None] + way[:, None] * np.linspace(0, 1, samples, dtype=np.float32)
    x = np.minimum(point.real.astype(np.intp), max(width - 2, 0))
    y = np.minimum(point.imag.astype(np.intp), max(height - 2, 0))
    share_x, share_y = point.real - x, point.imag - y
    corner = (y * width + x) * kinds + limb[:, None]
    right, below = kinds * min(width - 1, 1), kinds * width * min(height - 1, 1)
    flat = fields.reshape(-1)
    upper = _between(flat, corner, right, share_x)
    lower = _between(flat, corner + below, right, share_x)
    field = upper + (lower - upper) * share_y
    along: Float = field.real * unit.real[:, None] + field.imag * unit.imag[:, None]
    return along


def _between(flat: Complex, corner: Int, step: int, share: Float) -> Complex:
    first = flat.take(corner)
    between: Complex = first + (flat.take(corner + step) - first) * share
    return between


def _middle_supports(
    fields: Complex, limb: Int, start: Complex, end: Complex, min_field: float
) -> Int:
    """Indices of the segments with a component above `min_field` in the cell at their middle."""
    _, width, kinds = fields.shape
    middle = (start + end + (1 + 1j)) * np.float32(0.5)  # plus half a cell, to round
    x, y = middle.real.astype(np.intp), middle.imag.astype(np.intp)
    field = fields.reshape(-1).take((y * width + x) * kinds + limb)
    way = end - start
    along = field.real * way.real + field.imag * way.imag
    return np.flatnonzero(along > min_field * np.abs(way))


def _pairs(peaks: Peaks, limbs: tuple[tuple[int, int], ...]) -> Iterator[tuple[Int, Int, Int]]:
    """All pairs of peaks of all limbs: limb, first and second peak, (P,) each, P up to BLOCK."""
    ends = np.array(limbs, np.int64).reshape(-1, 2)
    firsts, seconds = np.diff(peaks.start)[ends].T  # (L,) number of peaks at each end
    until = np.cumsum(firsts * seconds)
    for begin in range(0, int(until[-1]) if len(until) else 0, BLOCK):
        pair = np.arange(begin, min(begin + BLOCK, int(until[-1])))
        limb = np.searchsorted(until, pair, side="right")
        row, column = np.divmod(pair - (until - firsts * seconds)[limb], seconds[limb])
        yield limb, peaks.start[ends[limb, 0]] + row, peaks.start[ends[limb, 1]] + column
