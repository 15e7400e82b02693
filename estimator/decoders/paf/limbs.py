"""Limbs: the pairs of peaks that a part affinity field joins, and their scores.

After Cao et al. 2017, arXiv:1611.08050, section 2.3: a candidate limb is the segment between two
peaks, its score the field's component along it. Here the limbs of all kinds are scored in one
pass, by interpolation between the cells of the small map. Most pairs are rejected by the field at
their middle, in tables of all first by all second peaks, before they are listed: in a crowd 96%.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ...arrays import Float, Int, check_shape
from .peaks import Peaks

Complex: TypeAlias = npt.NDArray[np.complex64]
Double: TypeAlias = npt.NDArray[np.float64]

BLOCK = 1 << 15  # pairs per table: bounds memory and keeps arrays in the cache
ALMOST = 1 - 1e-3  # of the lowest component: a length and its bound differ by rounding
FEW = 1024  # pairs of which each gets its length: fewer calls take less than fewer lengths
TINY = np.finfo(np.float32).tiny
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
    xy = np.ascontiguousarray(peaks.xy.T)  # (2, N)
    parts = []
    for rows in _blocks(peaks, limbs):
        limb, first, second = _middle_supports(fields, xy, rows, min_field)
        start, end = xy.take(first, axis=1), xy.take(second, axis=1)  # (2, P)
        component = components(fields, limb, start, end, samples=samples)  # (P, S)
        score = component.sum(axis=1) / samples
        support = (component > min_field).sum(axis=1)
        enough = support >= min_share * samples - 1e-6
        good = (enough & (score > 0) & (score < np.inf)).nonzero()[0]
        parts.append((limb[good], first[good], second[good], score[good]))
    if len(parts) == 1:
        limb, first, second, score = parts[0]
    else:
        limb, first, second, score = map(np.concatenate, zip(_NONE, *parts, strict=True))
    return Candidates(limb=limb, first=first, second=second, score=score)


def components(fields: Complex, limb: Int, start: Float, end: Float, *, samples: int) -> Double:
    """Interpolates the components of the fields along segments.

    Args:
      fields: (h, w, L) as x + iy.
      limb: (C,) index of the field that is read for each segment.
      start, end: (2, C) ends of the segments, x and y, in map cells and inside the map.
      samples: number of points per segment, both ends included.

    Returns:
      (C, samples), about -1 to 1; 0 on a segment without length.
    """
    height, width, kinds = fields.shape
    way = end - start
    point = start[:, None] + way[:, None] * _shares(samples)  # (2, S, C): the last is the longest
    last, corners = _cells(height, width, kinds)
    xy = np.minimum(point.astype(np.intp), last)
    value = fields.reshape(-1).take((xy[1] * width + xy[0]) * kinds + limb + corners)
    value = value.view(np.float32)  # (2, 2, S, 2 C): y, x, points, x and y of each field
    share_x, share_y = (point - xy).repeat(2, axis=2)
    rows = value[:, 0] + (value[:, 1] - value[:, 0]) * share_x
    field = (rows[0] + (rows[1] - rows[0]) * share_y) * _directions(way).view(np.float32)
    component = field[:, ::2] + field[:, 1::2]
    return np.ascontiguousarray(component.T)  # a segment's points are summed side by side


@functools.cache
def _shares(samples: int) -> Float:
    """(S, 1) where the points of a segment lie, 0..1."""
    shares: Float = np.linspace(0, 1, samples, dtype=np.float32)[:, None]
    return shares


@functools.lru_cache(maxsize=64)
def _cells(height: int, width: int, kinds: int) -> tuple[Int, Int]:
    """Of a map that is read between its cells: the last cells that have neighbours, (2, 1, 1), x
    and y; and from a cell to the four around a point, (2, 2, 1, 1), y and x."""
    last = np.array([[[max(width - 2, 0)]], [[max(height - 2, 0)]]], np.int64)
    right, below = kinds * min(width - 1, 1), kinds * width * min(height - 1, 1)
    return last, np.array([[[[0]], [[right]]], [[[below]], [[below + right]]]], np.int64)


def _directions(way: Float) -> Complex:
    """Unit vectors along (2, C) ways as x + iy, (C,); 0 for a way without length."""
    joined = _joined(way)
    return np.divide(joined, np.maximum(np.abs(joined), TINY), dtype=np.complex64)


class _Rows(NamedTuple):
    """R first peaks of limbs, each with all second peaks of its limb.

    Attributes:
      limb: (R,) indices of the skeleton's limbs, ascending.
      first: (R,) the first peak.
      second: (R,) the first of its second peaks, which follow one another.
      seconds: (R,) how many they are.
    """

    limb: Int
    first: Int
    second: Int
    seconds: Int


def _middle_supports(
    fields: Complex, xy: Float, rows: _Rows, min_field: float
) -> tuple[Int, Int, Int]:
    """Pairs with a component above `min_field` in the cell at their middle.

    Many pairs are first tried with the larger side of a segment for its length, which is never
    above it.

    Returns:
      limb, first and second peak, (P,) each, limb after limb.
    """
    _, width, kinds = fields.shape
    until = rows.seconds.cumsum()
    row = np.arange(len(until)).repeat(rows.seconds)  # (P,) of each pair
    second = (rows.second + rows.seconds - until).take(row)
    second += np.arange(len(row))
    start, end = xy.take(rows.first, axis=1).take(row, axis=1), xy.take(second, axis=1)
    middle = start + end  # (2, P)
    middle += 1  # half a cell, to round
    x, y = middle.astype(np.intp) >> 1
    y *= width
    y += x
    y *= kinds
    y += rows.limb.take(row)
    field = fields.reshape(-1).take(y)
    way = np.subtract(end, start, out=middle)
    along = field.real * way[0]
    along += field.imag * way[1]
    if len(row) > FEW:
        larger = np.abs(way, out=start).max(axis=0)
        pair = (along > np.float32(ALMOST * min_field) * larger).nonzero()[0]
        pair = pair[along[pair] > min_field * np.abs(_joined(way[:, pair]))]
    else:
        pair = (along > min_field * np.abs(_joined(way))).nonzero()[0]
    kept = row[pair]
    return rows.limb[kept], rows.first[kept], second[pair]


def _joined(xy: Float) -> Complex:
    """Vectors (2, C) as x + iy, (C,)."""
    return np.ascontiguousarray(xy.T).view(np.complex64)[:, 0]


def _blocks(peaks: Peaks, limbs: tuple[tuple[int, int], ...]) -> Iterator[_Rows]:
    """All pairs of peaks of all limbs, in parts of about BLOCK pairs."""
    counts = peaks.start[1:] - peaks.start[:-1]
    of_first, of_second = _ends(limbs)
    firsts = counts[of_first]
    limb = np.arange(len(limbs)).repeat(firsts)  # (R,)
    before = peaks.start[of_first] + firsts - firsts.cumsum()
    seconds = counts[of_second][limb]
    rows = _Rows(
        limb=limb,
        first=before[limb] + np.arange(len(limb)),
        second=peaks.start[of_second][limb],
        seconds=seconds,
    )
    until = seconds.cumsum()
    pairs = int(until[-1]) if len(until) else 0
    if 0 < pairs <= BLOCK:
        yield rows
        return
    cuts = np.searchsorted(until, np.arange(BLOCK, pairs + BLOCK, BLOCK), side="right")
    for start, stop in itertools.pairwise([0, *np.unique(cuts[cuts > 0]).tolist()]):
        yield _Rows(*(part[start:stop] for part in rows))


@functools.cache
def _ends(limbs: tuple[tuple[int, int], ...]) -> tuple[Int, Int]:
    """(L,) indices of the keypoints at which limbs begin, and end."""
    first, second = np.array(limbs, np.int64).reshape(-1, 2).T
    return first, second
