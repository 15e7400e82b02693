"""Views of pictures with people's boxes, and the map that a network should give for them.

A view is a window of a picture, around one of its people at a random size or as a network sees the
picture later, mirrored in half of the cases and with other colours. Targets are those of
estimator/people/box_map.py: the score is high in the middle of a person, and cells there know the
sides of the box. Of two people in a cell, the smaller counts.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from estimator.arrays import Float, UInt8
from estimator.inputs.preprocess import GREY

from .person_views import coloured

MIDDLE = 0.15  # deviation of the score around a person's middle, as a share of their box
LEAST_MIDDLE = 7.0  # of it, pixels
KNOWN = 0.3  # of the highest score, from which a cell knows the sides
VISIBLE = 0.2  # share of a box inside the view from which it counts
SMALLEST = 6.0  # height or width of a box in the view that counts, pixels


@dataclass(frozen=True, kw_only=True)
class BoxViewOptions:
    """How views are drawn.

    Attributes:
      edge: height and width, a multiple of the stride.
      stride: of the map.
      sure: score of a box around which a view may lie.
      sizes: smallest and largest longer side of that box, as a share of the edge.
      close: share of these views whose person is larger than the view, up to `closest` edges.
      whole: share of views that show a picture about as large as a network of that input height
        would see it, wherever its people are.
      heights: lowest and highest of the picture in such a view, as a share of the edge.
    """

    edge: int = 320
    stride: int = 16
    sure: float = 0.25
    sizes: tuple[float, float] = (0.1, 1.25)
    close: float = 0.15
    closest: float = 2.5
    whole: float = 0.0
    heights: tuple[float, float] = (0.75, 1.2)

    def __post_init__(self) -> None:
        if self.edge < 32 or self.edge % 32 or self.stride != 16:
            raise ValueError(
                "edge must be a positive multiple of 32 and stride 16, found "
                f"{self.edge} and {self.stride}"
            )
        if not 0 <= self.whole <= 1:
            raise ValueError(f"whole must be a share, 0..1, found {self.whole}")


class BoxView(NamedTuple):
    """A view and its targets.

    Attributes:
      image: (edge, edge, 3) uint8, RGB.
      score: (h, w) 0..1.
      sides: (4, h, w) distances to left, top, right and bottom, cells.
      known: (h, w) the box's score in cells that know the sides, elsewhere 0.
    """

    image: UInt8
    score: Float
    sides: Float
    known: Float


def draw(
    picture: UInt8, boxes: Float, options: BoxViewOptions, rng: np.random.Generator
) -> BoxView:
    """Draws a view.

    Args:
      picture: (H, W, 3) uint8, RGB.
      boxes: (N, 5) left, top, right, bottom in pixels of the picture, and scores.
      options: how.
      rng: of the draw.
    """
    whole = options.whole > 0 and rng.random() < options.whole
    factor, shift = (
        _whole(picture, options, rng) if whole else _window(picture, boxes, options, rng)
    )
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
    seen = _boxes_in(boxes, factor, shift, options.edge)
    image = _cut(picture, matrix, options.edge)
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
        seen[:, [0, 2]] = options.edge - seen[:, [2, 0]]
    return BoxView(coloured(image, rng), *targets(seen, options))


def _window(
    picture: UInt8, boxes: Float, options: BoxViewOptions, rng: np.random.Generator
) -> tuple[float, Float]:
    """Pixels of the view per pixel of the picture, and where the picture's corner lies."""
    edge, size = options.edge, np.array(picture.shape[1::-1], np.float64)
    sure = boxes[boxes[:, 4] > options.sure]
    if len(sure) == 0:
        factor = float(np.exp(rng.uniform(*np.log([0.6, 1.6])))) * edge / size.max()
        centre = size * rng.uniform(0.3, 0.7, 2)
    else:
        left, top, right, bottom = sure[rng.integers(len(sure)), :4]
        low, high = options.sizes if rng.random() >= options.close else (1.0, options.closest)
        wanted = edge * float(np.exp(rng.uniform(np.log(low), np.log(high))))
        factor = min(wanted / max(right - left, bottom - top, 1.0), 3.0)
        factor = max(factor, 0.6 * edge / size.max())
        centre = np.array([left + right, top + bottom]) / 2
        centre = centre + rng.uniform(-0.3, 0.3, 2) * [right - left, bottom - top]
    shift = edge * rng.uniform(0.3, 0.7, 2) - factor * centre
    room = edge - factor * size  # negative where the picture is larger than the view
    return factor, np.where(room < 0, np.clip(shift, room, 0), room / 2)


def _whole(
    picture: UInt8, options: BoxViewOptions, rng: np.random.Generator
) -> tuple[float, Float]:
    """As `_window`; a picture as high as the network's input, about, at a random place."""
    height, width = picture.shape[:2]
    factor = options.edge / height * float(np.exp(rng.uniform(*np.log(options.heights))))
    return factor, (options.edge - factor * np.array([width, height])) * rng.random(2)


def _cut(picture: UInt8, matrix: Float, edge: int) -> UInt8:
    factor = matrix[0, 0]
    small = int(max(1, 1 / factor / 1.4))  # shrunk by areas first, so that nothing aliases
    if small > 1:
        height, width = (max(1, length // small) for length in picture.shape[:2])
        scale = np.array([picture.shape[1] / width, picture.shape[0] / height])
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
        matrix = np.concatenate([matrix[:, :2] * scale, matrix[:, 2:]], axis=1)
    return np.asarray(cv2.warpAffine(picture, matrix, (edge, edge), borderValue=(GREY,) * 3))


def _boxes_in(boxes: Float, factor: float, shift: Float, edge: int) -> Float:
    """The boxes in pixels of the view, cut at its edges; a part of a person counts less."""
    whole = factor * boxes[:, :4] + np.tile(shift, 2)
    cut = np.clip(whole, 0, edge)
    sides, all_of_them = cut[:, 2:] - cut[:, :2], whole[:, 2:] - whole[:, :2]
    share = sides.prod(axis=1) / np.maximum(all_of_them.prod(axis=1), 1e-6)
    score = boxes[:, 4] * np.minimum(2 * share, 1)
    kept = (share >= VISIBLE) & (sides.min(axis=1, initial=np.inf) >= SMALLEST)
    seen = np.concatenate([cut, score[:, np.newaxis]], axis=1)[kept]
    return np.asarray(seen, np.float32)


def targets(boxes: Float, options: BoxViewOptions) -> tuple[Float, Float, Float]:
    """The map for some boxes.

    Args:
      boxes: (N, 5) in pixels of the view, as edges from 0 to `options.edge`, and scores.
      options: sizes.

    Returns:
      Score (h, w), sides (4, h, w) and known (h, w), as `BoxView` has them.
    """
    count = options.edge // options.stride
    y, x = (np.mgrid[:count, :count] + 0.5) * options.stride
    score, known = np.zeros((count, count), np.float32), np.zeros((count, count), np.float32)
    sides = np.zeros((4, count, count), np.float32)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for left, top, right, bottom, sure in boxes[np.argsort(-areas)]:  # the smallest comes last
        across = (x - (left + right) / 2) / max(MIDDLE * (right - left), LEAST_MIDDLE)
        down = (y - (top + bottom) / 2) / max(MIDDLE * (bottom - top), LEAST_MIDDLE)
        middle = np.exp(-0.5 * (across**2 + down**2))
        middle /= max(middle.max(), KNOWN)  # a small person's middle may lie between cells
        score = np.maximum(score, np.where(middle > 0.05, sure * middle, 0))
        inside = (x > left) & (x < right) & (y > top) & (y < bottom) & (middle > KNOWN)
        distances = (x - left, y - top, right - x, bottom - y)
        sides = np.where(inside, np.stack(distances) / options.stride, sides)
        known = np.where(inside, sure, known)
    return score.astype(np.float32), sides.astype(np.float32), known.astype(np.float32)
