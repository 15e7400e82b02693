"""Peaks of heatmaps: local maxima, refined to a fraction of a cell.

A peak of a network is close to the Gaussian that it was trained on, and the logarithm of a Gaussian
is a parabola: three cells per axis give its maximum exactly, whatever its width and height. So maps
need not be enlarged before they are read.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...arrays import Float, Int, UInt8, check_shape

# A cell is a peak if it is above its neighbours before it in reading order and not below those
# after it: of adjacent equal cells (quantised maps have them) the first one counts.
BEFORE = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], np.uint8)
AFTER = np.array([[0, 0, 0], [0, 0, 1], [1, 1, 1]], np.uint8)
# Networks give values slightly below 0, which have no logarithm; and half floats may overflow.
MOST_CHANNELS = 128  # of an OpenCV 5 array; OpenCV 4 has 512
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


def find_peaks(heatmaps: Float, *, threshold: float, limit: int) -> Peaks:
    """Finds the local maxima (of 3x3 cells) of every channel.

    Args:
      heatmaps: (h, w, K).
      threshold: the cell of a peak is above this.
      limit: maximum number of peaks per channel; the highest are kept.

    Raises:
      ValueError: `heatmaps` is not (h, w, K), or is empty.
    """
    check_shape("heatmaps", heatmaps, (None, None, None))
    if heatmaps.size == 0:
        raise ValueError(f"heatmaps must have a cell and a channel, found shape {heatmaps.shape}")
    width, count = heatmaps.shape[1:]
    flat = np.flatnonzero(
        (heatmaps > threshold)
        & (heatmaps > _dilated(heatmaps, BEFORE))
        & (heatmaps >= _dilated(heatmaps, AFTER))
    )
    cell, channel = np.divmod(flat, count)
    y, x = np.divmod(cell, width)
    xy, score = refine(heatmaps, x, y, channel)
    return _best(xy, score, channel, count, limit)


def _dilated(heatmaps: Float, kernel: UInt8) -> Float:
    """The largest value under a kernel, of each channel; OpenCV 5 takes 128 channels at most."""
    parts = [
        cv2.dilate(np.ascontiguousarray(part), kernel).reshape(part.shape)
        for part in np.array_split(heatmaps, -(-heatmaps.shape[2] // MOST_CHANNELS), axis=2)
    ]
    return np.asarray(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2))


def refine(heatmaps: Float, x: Int, y: Int, channel: Int) -> tuple[Float, Float]:
    """Finds the maxima of Gaussians between the cells.

    In x and in y, a parabola is fitted to the logarithms of the cell and its two neighbours. At the
    border, where a neighbour is missing, the peak stays in the middle of the cell.

    Args:
      heatmaps: (h, w, K).
      x, y, channel: (N,) cells that are not below their neighbours.

    Returns:
      (N, 2) positions in map cells, at most half a cell away, and (N,) heights of the maxima.
    """
    height, width, _ = heatmaps.shape
    middle = _logarithm(heatmaps[y, x, channel])
    shift = np.zeros((len(x), 2), np.float32)
    top = middle.copy()
    for axis, (step_x, step_y) in enumerate(((1, 0), (0, 1))):
        inside = np.flatnonzero(
            (x >= step_x) & (x < width - step_x) & (y >= step_y) & (y < height - step_y)
        )
        column, row, plane = x[inside], y[inside], channel[inside]
        lower = _logarithm(heatmaps[row - step_y, column - step_x, plane])
        upper = _logarithm(heatmaps[row + step_y, column + step_x, plane])
        bend = np.minimum(lower + upper - 2 * middle[inside], -1e-6)
        slope = upper - lower
        shift[inside, axis] = np.clip(-slope / (2 * bend), -0.5, 0.5)
        top[inside] -= slope**2 / (8 * bend)
    return np.stack([x, y], axis=1).astype(np.float32) + shift, np.exp(top)


def _logarithm(heights: Float) -> Float:
    """The logarithm of heights clipped to FLOOR and CEILING; NaN counts as FLOOR."""
    logarithm: Float = np.log(np.fmin(np.fmax(heights, FLOOR), CEILING))
    return logarithm


def _best(xy: Float, score: Float, channel: Int, count: int, limit: int) -> Peaks:
    """Sorts peaks by channel and score, and keeps the first `limit` of each channel."""
    order = np.lexsort((-score, channel))
    channel = channel[order].astype(np.int64)
    start = np.searchsorted(channel, np.arange(count + 1))
    if len(channel) and np.diff(start).max() > limit:
        kept = np.arange(len(channel)) - start[channel] < limit
        order, channel = order[kept], channel[kept]
        start = np.searchsorted(channel, np.arange(count + 1))
    return Peaks(
        xy=xy[order],
        score=score[order].astype(np.float32),
        channel=channel,
        start=start.astype(np.int64),
    )
