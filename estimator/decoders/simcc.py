"""Top-down: the bins of one person's box to that person's keypoints.

SimCC (Li et al. 2022, arXiv:2107.03332) reads a keypoint's x and y apart, each as the highest of a
row of bins that are finer than pixels. RTMPose (Jiang et al. 2023, arXiv:2303.07399) has two bins a
pixel, and labels that are Gaussians with a deviation of sqrt(bins / 16) bins (section 3.2).

The score of a keypoint is the lower of the heights of its two highest bins, as in mmpose 1.3.2
(`codecs/utils/post_processing.py`). `refinement` says how the place inside a bin is found:

parabola  the top of the parabola that fits best (least squares) to the bins within half a deviation
none      the bin; mmpose
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..arrays import Float, check_shape
from ..layout import OutputSpec
from ..poses import Poses
from ..skeleton import Skeleton

REFINEMENTS = ("parabola", "none")
ANSWERS = "bins"
RENAMED: dict[str, str] = {}  # names of fields in specs written before


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How the bins of one person are read.

    Attributes:
      refinement: "parabola" or "none".
      min_score: a keypoint is found if both of its highest bins are above this score. At 0 nearly
        every keypoint is found, which is best for COCO's AP; drawings hide low scores.
      person_min_score: the person's score is the mean over keypoints above this score.
      offset: input pixels added to x and y. In a network that tfpose trains, bin i lies at input
        (i + 0.5) / ratio - 0.5. mmpose draws and reads bin i at input i / ratio: its weights need
        (ratio - 1) / (2 * ratio), which is 0.25.
    """

    refinement: str = "parabola"
    min_score: float = 0.0
    person_min_score: float = 0.2
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.refinement not in REFINEMENTS:
            raise ValueError(
                f"decoder.refinement of SimCC must be one of {', '.join(REFINEMENTS)}, "
                f"found {self.refinement!r}"
            )
        for name in ("min_score", "person_min_score"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"decoder.{name} must be at least 0 and below 1, found {getattr(self, name)}"
                )
        if not np.isfinite(self.offset):
            raise ValueError(f"decoder.offset must be finite, found {self.offset}")


def shapes(
    skeleton: Skeleton, layout: OutputSpec, height: int, width: int
) -> dict[str, tuple[int, ...]]:
    """(K, bins) of `simcc_x` and `simcc_y` for an input of that size."""
    count = len(skeleton.keypoints)
    return {"simcc_x": (count, width * layout.simcc), "simcc_y": (count, height * layout.simcc)}


def sigma(bins: int) -> float:
    """Standard deviation of the labels, in bins."""
    return math.sqrt(bins / 16)


def decode(
    outputs: Mapping[str, Float], skeleton: Skeleton, layout: OutputSpec, parameters: Parameters
) -> Poses:
    """Reads the bins of one box.

    Args:
      outputs: `simcc_x` (K, X) and `simcc_y` (K, Y).
      skeleton: K keypoints.
      layout: the split ratio.
      parameters: how the bins are read.

    Returns:
      One person, in pixels of the network's input. `person_score` counts the keypoints only; the
      caller multiplies it by the score of the box.

    Raises:
      ValueError: the bins have another shape, or hold NaN.
    """
    count = len(skeleton.keypoints)
    found = []
    for name in ("simcc_x", "simcc_y"):
        check_shape(name, outputs[name], (count, None))
        found.append(read_out(outputs[name], parameters.refinement))
    (x, height_x), (y, height_y) = found
    score = np.clip(np.minimum(height_x, height_y), 0, 1)  # (K,)
    score[score <= parameters.min_score] = 0
    xy = (np.stack([x, y], axis=1) + 0.5) / layout.simcc - 0.5 + parameters.offset
    counted = score > parameters.person_min_score
    total = score[counted].sum() / max(int(counted.sum()), 1)
    return Poses(
        skeleton=skeleton,
        xy=np.where(score[:, np.newaxis] > 0, xy, np.nan).astype(np.float32)[np.newaxis],
        score=score.astype(np.float32)[np.newaxis],
        person_score=np.array([total], np.float32),
    )


def read_out(bins: Float, refinement: str) -> tuple[Float, Float]:
    """Finds the place and height of the highest bin of every row.

    Args:
      bins: (K, N).
      refinement: one of `REFINEMENTS`.

    Returns:
      (K,) places in bins, and (K,) heights.

    Raises:
      ValueError: there are no bins, or they hold NaN.
    """
    if bins.shape[1] == 0:
        raise ValueError(f"a row must have bins, found shape {bins.shape}")
    if np.isnan(bins).any():
        raise ValueError("bins hold NaN: is the network trained and its input 0..255?")
    highest = bins.argmax(axis=1)
    height = np.take_along_axis(bins, highest[:, np.newaxis], axis=1)[:, 0]
    place = highest.astype(np.float32)
    if refinement == "parabola":
        place += _parabola(bins, highest)
    return place, height


def _parabola(bins: Float, highest: npt.NDArray[np.int64]) -> Float:
    """(K,): the step from each highest bin to the top of a parabola through its neighbours.

    0 where a neighbour is missing, or where the parabola opens upwards.
    """
    count = bins.shape[1]
    reach = max(1, round(sigma(count) / 2))
    window = np.arange(-reach, reach + 1)
    inside = (highest >= reach) & (highest < count - reach)
    columns = (highest[:, np.newaxis] + window).clip(0, count - 1)
    values = np.take_along_axis(bins, columns, axis=1).astype(np.float64)  # (K, window)
    squares = window**2 - (window**2).mean()
    slope = values @ window / (window**2).sum()
    bend = values @ squares / (squares**2).sum()
    peaked = inside & (bend < 0)
    step = -slope / (2 * np.where(peaked, bend, -1))
    return np.where(peaked, step.clip(-1, 1), 0).astype(np.float32)
