"""Peaks of heatmaps: local maxima, refined to a fraction of a cell.

A peak of a network is close to the Gaussian that it was trained on, and the logarithm of a Gaussian
is a parabola: three cells per axis give its maximum exactly, whatever its width and height. So maps
need not be enlarged before they are read.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...arrays import Float, Int, check_shape

# Networks give values slightly below 0, which have no logarithm; and half floats may overflow.
FLOOR, CEILING = 0.01, 100.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Peaks:
    """N peaks, channel after channel, the highest of a channel first.

    Attributes:
      xy: (N, 2) positions in map cells, x before y.
      score: (N,) height of the refined peak; about 0..1.
      channel: (N,) ascending.
      start: (K + 1,) channel k owns the peaks start[k] to start[k + 1].
    """

    xy: Float
    score: Float
    channel: Int
    start: Int

    def __len__(self) -> int:
        return len(self.xy)


def find_peaks(
    heatmaps: Float, *, threshold: float, limit: int, channels: int | None = None
) -> Peaks:
    """Finds the local maxima (of 3x3 cells) of every channel.

    Of adjacent equal cells (quantised maps have them) the first one in reading order counts.

    Args:
      heatmaps: (h, w, C).
      threshold: the cell of a peak is above this.
      limit: maximum number of peaks per channel; the highest are kept.
      channels: K, number of channels that are searched, the first; None searches all. Passing maps
        whole is faster than passing a slice of them.

    Raises:
      ValueError: `heatmaps` is not (h, w, C), or is empty.
    """
    check_shape("heatmaps", heatmaps, (None, None, None))
    if heatmaps.size == 0:
        raise ValueError(f"heatmaps must have a cell and a channel, found shape {heatmaps.shape}")
    height, width, depth = heatmaps.shape
    padded = np.full((height + 2, width + 2, depth), -np.inf, np.float32)
    padded[1:-1, 1:-1] = heatmaps
    lit = padded > threshold
    count = depth if channels is None else channels
    lit[..., count:] = False
    flat, row = padded.reshape(-1), (width + 2) * depth
    place = np.flatnonzero(lit)
    for near in ((depth, row), (row + depth, row - depth)):  # by side, then by corner
        place = _not_below(flat, place, near)
    cell, channel = np.divmod(place, depth)
    y, x = np.divmod(cell, width + 2)
    xy = np.array((x, y), np.float32) - 1  # (2, N)
    inside = (xy > 0) & (xy < np.array([[width - 1], [height - 1]], np.float32))
    shift, score = _refine(flat, place, (depth, row), inside)
    return _best((xy + shift).T, score, channel, count, limit)


def _not_below(flat: Float, place: Int, steps: tuple[int, int]) -> Int:
    """The cells that are above their neighbours before and not below those after them."""
    near = flat.take(place + np.array((-steps[0], -steps[1], *steps))[:, None])  # (4, N)
    value = flat.take(place)
    below = (near[:2] >= value) | (near[2:] > value)
    kept: Int = place[~(below[0] | below[1])]
    return kept


def _refine(
    flat: Float, place: Int, steps: tuple[int, int], inside: npt.NDArray[np.bool_]
) -> tuple[Float, Float]:
    """Finds the maxima of Gaussians between the cells.

    In x and in y, a parabola is fitted to the logarithms of the cell and its two neighbours. At the
    border, where a neighbour is missing, the peak stays in the middle of the cell.

    Args:
      flat: the padded maps' cells.
      place: (N,) indices of cells that are not below their neighbours.
      steps: from a cell to its neighbour in x and in y.
      inside: (2, N) whether there are both neighbours in x, in y.

    Returns:
      (2, N) distances from the cell, x and y, at most half a cell, and (N,) heights of the maxima.
    """
    offsets = np.array([0, -steps[0], -steps[1], steps[0], steps[1]])
    heights = _logarithm(flat.take(place + offsets[:, None]))  # (5, N)
    middle, lower, upper = heights[0], heights[1:3], heights[3:]
    bend = np.minimum(lower + upper - 2 * middle, np.float32(-1e-6))
    slope = upper - lower
    shift = np.where(inside, np.minimum(np.maximum(-slope / (2 * bend), -0.5), 0.5), 0)
    rise = np.where(inside, slope**2 / (8 * bend), 0)
    return shift.astype(np.float32, copy=False), np.exp(middle - rise[0] - rise[1])


def _logarithm(heights: Float) -> Float:
    """The logarithm of heights clipped to FLOOR and CEILING; NaN counts as FLOOR."""
    logarithm: Float = np.log(np.fmin(np.fmax(heights, FLOOR), CEILING))
    return logarithm


def _best(xy: Float, score: Float, channel: Int, count: int, limit: int) -> Peaks:
    """Sorts peaks by channel and score, and keeps the first `limit` of each channel."""
    order = np.lexsort((-score, channel))
    channel = channel[order]
    start = np.searchsorted(channel, np.arange(count + 1))
    if len(channel) > limit and (start[1:] - start[:-1]).max() > limit:
        kept = np.arange(len(channel)) - start[channel] < limit
        order, channel = order[kept], channel[kept]
        start = np.searchsorted(channel, np.arange(count + 1))
    return Peaks(xy=xy[order], score=score[order], channel=channel, start=start)
