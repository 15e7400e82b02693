"""Top-down: the heatmaps of one person's box to that person's keypoints.

Every keypoint has a map of its own and lies at its maximum. `refinement` says how the position
inside the cell is found:

quarter      a quarter of a cell towards the higher neighbour, in x and in y (Newell et al. 2016,
             arXiv:1603.06937; the read-out of the hourglass, HRNet and Simple Baselines). Those
             programs leave both axes as they are when either is at or next to the border (which
             cells count differs); here an axis is refined wherever it has both neighbours.
dark         one Newton step to the maximum of the map's logarithm, which for a Gaussian is exact
             (Zhang et al. 2020, arXiv:1910.06278, section 3.2). The map is first smoothed by a
             Gaussian as wide as those that it was trained with. The step is taken only where the
             logarithm is curved like a peak's, and no further than a cell.
soft_argmax  the mean of all cells weighed by softmax(beta * map), and then the quarter;
             cavalleria/humanpose.pytorch, `lib/core/inference.py`, with its beta 160.
none         the cell.

The quarter after soft_argmax is no mistake: at beta 160 the softmax depends on little more than the
highest cell. Mean error in cells on Gaussians of sigma 2 at random places
(tests/estimator/decoders/test_heatmap.py):

peak  noise   none  quarter  soft_argmax alone  soft_argmax  dark
1.0   0       0.25     0.13               0.21         0.10  0.00
0.6   0.02    0.28     0.16               0.23         0.15  0.02
0.3   0.02    0.36     0.25               0.27         0.22  0.04

Hence `dark` is the default; published figures of HRNet and the hourglass are the quarter's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import geometry
from ..arrays import Float, Int, check_shape
from ..layout import OutputSpec
from ..poses import Poses
from ..skeleton import Skeleton

REFINEMENTS = ("quarter", "dark", "soft_argmax", "none")
SMOOTHING_REACH = 2.5  # in sigmas: 5 cells for sigma 2 and 8 for 3, the kernels of DARK's program
ANSWERS = "maps"
RENAMED: dict[str, str] = {}  # names of fields in specs written before
FLOOR = 1e-10  # below any height that a logarithm is taken of


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How the heatmaps of one person are read.

    Attributes:
      refinement: "dark", "quarter", "soft_argmax" or "none".
      min_score: a keypoint is found if the maximum of its map is above this score. At 0 nearly
        every keypoint is found, which is best for COCO's AP; drawings hide low scores.
      person_min_score: the person's score is the mean over keypoints above this score (HRNet's
        IN_VIS_THRE).
      beta: sharpness of soft_argmax.
      offset: input pixels added to x and y. In maps that tfpose trains, cell i lies at input
        (i + 0.5) * stride - 0.5. HRNet, LPN and Simple Baselines draw and read their own maps with
        cell i at input i * stride: their weights need -(stride - 1) / 2, which is -1.5.
      corners: the first and the last cell lie at the input's first and last pixel, as in maps drawn
        by unbiased data processing (Huang et al. 2020, arXiv:1911.07524), which ViTPose uses.
    """

    refinement: str = "dark"
    min_score: float = 0.0
    person_min_score: float = 0.2
    beta: float = 160.0
    offset: float = 0.0
    corners: bool = False

    def __post_init__(self) -> None:
        if self.refinement not in REFINEMENTS:
            raise ValueError(
                f"decoder.refinement must be one of {', '.join(REFINEMENTS)}, "
                f"found {self.refinement!r}"
            )
        for name in ("min_score", "person_min_score"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"decoder.{name} must be at least 0 and below 1, found {getattr(self, name)}"
                )
        if not 0 < self.beta <= 1e6:
            raise ValueError(f"decoder.beta must be positive and at most 10^6, found {self.beta}")
        if not abs(self.offset) <= 1e4:
            raise ValueError(
                f"decoder.offset must be finite, at most 10^4 pixels, found {self.offset}"
            )
        if self.corners and self.offset:
            raise ValueError(
                f"decoder.corners says where all cells lie: offset must be 0, found {self.offset}"
            )


def shapes(
    skeleton: Skeleton, layout: OutputSpec, height: int, width: int
) -> dict[str, tuple[int, ...]]:
    """(h, w, C) of each map, by name, for an input of that size."""
    return layout.map_shapes(len(skeleton.keypoints), len(skeleton.limbs), height, width)


def decode(
    outputs: Mapping[str, Float], skeleton: Skeleton, layout: OutputSpec, parameters: Parameters
) -> Poses:
    """Reads the maps of one box.

    Args:
      outputs: `heatmaps`, (h, w, K) or, with background, (h, w, K + 1).
      skeleton: K keypoints.
      layout: background, stride, and sigma of the heatmaps.
      parameters: how the maps are read.

    Returns:
      One person, in pixels of the network's input. `person_score` counts the keypoints only; the
      caller multiplies it by the score of the box.

    Raises:
      ValueError: the maps have another shape, or hold NaN.
    """
    channels = layout.channels(len(skeleton.keypoints), len(skeleton.limbs))["heatmaps"]
    check_shape("heatmaps", outputs["heatmaps"], (None, None, channels))
    return decode_boxes(outputs["heatmaps"][np.newaxis], skeleton, layout, parameters)


def decode_boxes(
    heatmaps: Float, skeleton: Skeleton, layout: OutputSpec, parameters: Parameters
) -> Poses:
    """Reads the maps of B boxes at once, (B, h, w, K) or with background, as B people in order.

    A person without any keypoint found is kept, with score 0, so that people and boxes correspond.
    Otherwise as `decode`.
    """
    channels = layout.channels(len(skeleton.keypoints), len(skeleton.limbs))["heatmaps"]
    check_shape("heatmaps", heatmaps, (None, None, None, channels))
    keypoints = heatmaps[..., : len(skeleton.keypoints)]
    cells, height = read_out(keypoints, parameters, sigma=layout.sigma / layout.stride)
    score = np.clip(height, 0, 1)  # (B, K)
    score[score <= parameters.min_score] = 0
    xy = _to_input(cells, heatmaps.shape[2], heatmaps.shape[1], layout.stride, parameters)
    counted = score > parameters.person_min_score
    total = np.where(counted, score, 0).sum(axis=1)
    return Poses(
        skeleton=skeleton,
        xy=np.where(score[..., np.newaxis] > 0, xy, np.float32(np.nan)),
        score=score,
        person_score=(total / np.maximum(counted.sum(axis=1), 1)).astype(np.float32),
    )


def _to_input(cells: Float, width: int, height: int, stride: int, parameters: Parameters) -> Float:
    """Cells (B, K, 2) of maps of that size as pixels of the input; see `Parameters`."""
    if not parameters.corners:
        return geometry.map_to_input(cells, stride) + np.float32(parameters.offset)
    last = np.maximum(np.array([width, height]) - 1, 1)
    factor: Float = ((stride * np.array([width, height]) - 1) / last).astype(np.float32)
    return cells * factor


def read_out(heatmaps: Float, parameters: Parameters, *, sigma: float) -> tuple[Float, Float]:
    """Finds the position and height of the maximum of every map.

    Args:
      heatmaps: (B, h, w, K).
      parameters: `refinement` and `beta` are used.
      sigma: standard deviation of the Gaussians that the maps were trained with, in cells.

    Returns:
      (B, K, 2) positions as (x, y) in cells, and (B, K) heights of the highest cells.

    Raises:
      ValueError: the maps have no cells, or hold NaN.
    """
    check_shape("heatmaps", heatmaps, (None, None, None, None))
    if 0 in heatmaps.shape[1:3]:
        raise ValueError(f"heatmaps must have cells, found shape {heatmaps.shape}")
    if np.isnan(heatmaps).any():
        raise ValueError("heatmaps hold NaN: is the network trained and its input 0..255?")
    maps = np.ascontiguousarray(heatmaps.transpose(0, 3, 1, 2), np.float32)  # (B, K, h, w)
    cells = _highest(maps)
    places = cells.astype(np.float32)
    if parameters.refinement == "quarter":
        places += _quarter(maps, cells)
    elif parameters.refinement == "dark":
        places += _newton(maps, cells, sigma)
    elif parameters.refinement == "soft_argmax":
        places = _soft_argmax(maps, parameters.beta)
        places += _quarter(maps, np.floor(places + 0.5).astype(np.int64))
    return places, _at(maps, cells)


def _highest(maps: Float) -> Int:
    """(B, K, 2): the highest cell of each map (B, K, h, w), the first of equals."""
    width = maps.shape[3]
    index = maps.reshape(*maps.shape[:2], width * maps.shape[2]).argmax(axis=2)
    return np.stack([index % width, index // width], axis=2)


def _at(maps: Float, cells: Int, x: int = 0, y: int = 0) -> Float:
    """(B, K): the value of each map at an offset from its cell, clamped to the border."""
    boxes, keypoints, height, width = maps.shape
    column = np.clip(cells[..., 0] + x, 0, width - 1)
    row = np.clip(cells[..., 1] + y, 0, height - 1)
    return maps[np.arange(boxes)[:, np.newaxis], np.arange(keypoints), row, column]


def _inside(maps: Float, cells: Int, margin: int) -> npt.NDArray[np.bool_]:
    """(B, K, 2): whether a cell has `margin` neighbours on both sides, in x and in y."""
    lengths = np.array([maps.shape[3], maps.shape[2]])
    return (cells >= margin) & (cells < lengths - margin)


def _quarter(maps: Float, cells: Int) -> Float:
    """(B, K, 2): a quarter of a cell towards the higher neighbour; 0 if both are equal."""
    slope = np.stack(
        [
            _at(maps, cells, x=1) - _at(maps, cells, x=-1),
            _at(maps, cells, y=1) - _at(maps, cells, y=-1),
        ],
        axis=2,
    )
    return np.where(_inside(maps, cells, 1), 0.25 * np.sign(slope), 0).astype(np.float32)


def _soft_argmax(maps: Float, beta: float) -> Float:
    """(B, K, 2): the mean cell, weighed by softmax(beta * map)."""
    weights = np.exp(np.float32(beta) * (maps - maps.max(axis=(2, 3), keepdims=True)))
    weights /= weights.sum(axis=(2, 3), keepdims=True)
    x = weights.sum(axis=2) @ np.arange(maps.shape[3], dtype=np.float32)
    y = weights.sum(axis=3) @ np.arange(maps.shape[2], dtype=np.float32)
    return np.stack([x, y], axis=2)


def _newton(maps: Float, cells: Int, sigma: float) -> Float:
    """(B, K, 2): the step from each cell to the maximum of a parabola through the logarithms."""
    log = np.log(np.maximum(_smooth_around(maps, cells, sigma), FLOOR))  # (B, K, 5, 5)
    slope_x = (log[..., 2, 3] - log[..., 2, 1]) / 2
    slope_y = (log[..., 3, 2] - log[..., 1, 2]) / 2
    bend_x = (log[..., 2, 4] - 2 * log[..., 2, 2] + log[..., 2, 0]) / 4
    bend_y = (log[..., 4, 2] - 2 * log[..., 2, 2] + log[..., 0, 2]) / 4
    twist = (log[..., 3, 3] - log[..., 3, 1] - log[..., 1, 3] + log[..., 1, 1]) / 4
    determinant = bend_x * bend_y - twist**2
    peaked = (bend_x < 0) & (determinant > 0) & _inside(maps, cells, 2).all(axis=2)
    step = (
        np.stack([twist * slope_y - bend_y * slope_x, twist * slope_x - bend_x * slope_y], axis=2)
        / np.where(peaked, determinant, 1)[..., np.newaxis]
    )
    return np.where(peaked[..., np.newaxis], np.clip(step, -1, 1), 0).astype(np.float32)


def _smooth_around(maps: Float, cells: Int, sigma: float) -> npt.NDArray[np.float64]:
    """(B, K, 5, 5): the 5x5 cells about each cell, of the maps blurred with zeros around them."""
    height, width = maps.shape[2:]
    reach = int(SMOOTHING_REACH * sigma + 0.5)
    window = np.arange(-reach - 2, reach + 3)
    rows = cells[..., 1, np.newaxis, np.newaxis] + window[:, np.newaxis]  # (B, K, S, 1)
    columns = cells[..., 0, np.newaxis, np.newaxis] + window  # (B, K, 1, S)
    box = np.arange(len(maps))[:, np.newaxis, np.newaxis, np.newaxis]
    keypoint = np.arange(maps.shape[1])[:, np.newaxis, np.newaxis]
    patches = maps[box, keypoint, rows.clip(0, height - 1), columns.clip(0, width - 1)]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    patches = np.where(inside, patches, 0).astype(np.float64)  # (B, K, S, S)
    distance = window - np.arange(-2, 3)[:, np.newaxis]
    weights = np.where(np.abs(distance) <= reach, np.exp(-(distance**2) / (2 * sigma**2)), 0)
    weights /= weights.sum(axis=1, keepdims=True)  # (5, S)
    smooth: npt.NDArray[np.float64] = weights @ patches @ weights.T
    return smooth
