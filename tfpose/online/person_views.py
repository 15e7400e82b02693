"""Views of cached people: crops as a first network's boxes would cut them, and their maps.

COCO's people are smaller, more often cut off and more often covered than those of the training
photographs. So a view may lose a part of the person behind an edge, be blurred as an enlarged small
person is, or have something in front; the box is that of a part of the keypoints, moved and scaled,
as `tfpose_s`'s boxes are. The maps are the teachers', moved with the picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from estimator import geometry
from estimator.arrays import Float, UInt8
from estimator.inputs.preprocess import GREY
from estimator.people.boxes import HIGHER, WIDER

Matrix: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Read = Callable[[str], UInt8]  # a picture by its name

HEAD, WRISTS, LEGS, ANKLES = (0, 1, 2, 3, 4), (9, 10), (13, 14, 15, 16), (15, 16)
EDGES = ((1, True), (1, False), (0, True), (0, False))  # axis; whether what is after is hidden
MISSED = ((ANKLES, 0.12), (LEGS, 0.10), (HEAD, 0.05), (WRISTS, 0.08))  # and how often


@dataclass(frozen=True, kw_only=True)
class ViewOptions:
    """How views are drawn.

    Attributes:
      height, width: pixels, multiples of 32.
      stride: pixels per cell of the maps.
      padding: factor on the box.
      sure: lowest maximum of a map whose keypoint counts.
      cut: share of the views that lose a part of the person behind an edge.
      cover: share of the views with something in front.
      turn: share of the views that are turned; by 15 degrees, one standard deviation.
      scattered: share of the views whose box is of a random three quarters of the keypoints.
      detected: share of the views whose box is a detector's, where one is known.
      jitter: standard deviation of the box's place, as a share of its size.
      blur: smallest factor by which a view is shrunk and enlarged again.
      disputed: distance from the human label, as a share of the person, beyond which a map counts
        `disputed_weight`.
      outside: weight of cells that the teachers did not see.

    Raises:
      ValueError: a height or width is no such multiple.
    """

    height: int = 256
    width: int = 192
    stride: int = 4
    padding: float = 1.15
    sure: float = 0.3
    cut: float = 0.35
    cover: float = 0.25
    turn: float = 0.5
    scattered: float = 0.25
    detected: float = 0.7
    jitter: float = 0.05
    blur: float = 0.3
    disputed: float = 0.12
    disputed_weight: float = 0.25
    outside: float = 0.15

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 32 or self.height % 32 or self.width % 32:
            raise ValueError(
                "height and width must be positive multiples of 32, found "
                f"{self.height} and {self.width}"
            )


class View(NamedTuple):
    """A training sample.

    Attributes:
      image: (H, W, 3) uint8, RGB.
      maps: (K, h, w) float32, 0..1.
      weight: (K, h, w) float32, of each cell in the loss.
    """

    image: UInt8
    maps: Float
    weight: Float


class Subject(NamedTuple):
    """A cached person as views are drawn from.

    Attributes:
      picture: (H, W, 3) uint8, RGB.
      maps: (h, w, K) uint8.
      matrix: (2, 3), from pixels of the picture to cells of the maps.
      labels: (K, 3) human keypoints; None if no human labelled.
      box: (4,) left, top, right, bottom, in which a detector sees them; None if it does not.
    """

    picture: UInt8
    maps: UInt8
    matrix: Float
    labels: Float | None
    box: Float | None = None


@dataclass(frozen=True)
class _Edge:
    """A line behind which the picture ends."""

    axis: int  # 0: x, 1: y
    place: float
    after: bool  # what lies after it is hidden

    def hides(self, xy: Float) -> Mask:
        beyond = xy[:, self.axis] > self.place
        return np.asarray(beyond if self.after else ~beyond)

    def applied(self, picture: UInt8) -> UInt8:
        """The picture with grey behind the edge."""
        length = picture.shape[1 - self.axis]
        place = int(np.clip(round(self.place) + 1, 1, max(length - 1, 1)))
        hidden = slice(place, None) if self.after else slice(None, place)
        covered = picture.copy()
        covered[(slice(None), hidden) if self.axis == 0 else hidden] = GREY
        return covered


def draw(
    subject: Subject,
    others: Sequence[UInt8],
    swapped: Sequence[int],
    options: ViewOptions,
    rng: np.random.Generator,
) -> View | None:
    """Draws a view of a person; None where the teachers saw too little of them.

    Args:
      subject: the person.
      others: pictures of which a part may lie in front.
      swapped: the keypoints' order in a mirrored view (`Skeleton.flip_order`).
      options: how it is drawn.
      rng: of the draw.
    """
    xy, height = _peaks(subject)
    sure = height > options.sure
    if sure.sum() < 4:
        return None
    weight = _trust(subject, xy, sure, options)
    edge = _edge(xy, sure, rng) if rng.random() < options.cut else None
    shown = sure if edge is None else sure & ~edge.hides(xy)
    if shown.sum() < 3:
        edge, shown = None, sure
    if subject.box is not None and edge is None and rng.random() < options.detected:
        box = _near(subject.box, rng)
    else:
        box = _box(xy[_found(shown, options, rng)], options, rng)
    mirrored = bool(rng.random() < 0.5)
    matrix = _matrix(box, mirrored, options, rng)
    picture = subject.picture if edge is None else edge.applied(subject.picture)
    image = coloured(_cut(picture, matrix, options, rng), rng)
    if others and rng.random() < options.cover:
        image = _covered(image, others[int(rng.integers(len(others)))], rng)
    maps, seen = _moved(subject, matrix, options)
    maps[sure & ~shown] = 0
    cells = weight[:, None, None] * (options.outside + (1 - options.outside) * seen)
    if mirrored:
        maps, cells = maps[list(swapped)], cells[list(swapped)]
    return View(image, maps, cells.astype(np.float32))


def draw_nobody(
    picture: UInt8, xy: Float, keypoints: int, options: ViewOptions, rng: np.random.Generator
) -> View:
    """Draws a view of a place where nobody is: its maps are empty.

    Args:
      picture: (H, W, 3) uint8, RGB.
      xy: (N, 2) keypoints that a first network saw there, in pixels of the picture; at least one.
      keypoints: number of maps.
      options: how it is drawn.
      rng: of the draw.
    """
    matrix = _matrix(_box(xy, options, rng), bool(rng.random() < 0.5), options, rng)
    image = coloured(_cut(picture, matrix, options, rng), rng)
    shape = (keypoints, options.height // options.stride, options.width // options.stride)
    return View(image, np.zeros(shape, np.float32), np.ones(shape, np.float32))


def _peaks(subject: Subject) -> tuple[Float, Float]:
    """(K, 2) highest cells in pixels of the picture, and (K,) their heights 0..1."""
    rows, columns, count = subject.maps.shape
    flat = subject.maps.reshape(rows * columns, count)
    place = flat.argmax(axis=0)
    cells = np.stack([place % columns, place // columns], axis=1).astype(np.float32)
    return geometry.transform(geometry.invert(subject.matrix), cells), flat.max(axis=0) / 255


def _trust(subject: Subject, xy: Float, sure: Mask, options: ViewOptions) -> Float:
    weight = np.ones(len(xy), np.float32)
    if subject.labels is not None:
        size = np.linalg.norm(np.ptp(xy[sure], axis=0))
        far = np.linalg.norm(subject.labels[:, :2] - xy, axis=1) > options.disputed * size
        weight[(subject.labels[:, 2] > 0) & sure & far] = options.disputed_weight
    return weight


def _edge(xy: Float, sure: Mask, rng: np.random.Generator) -> _Edge:
    """Half of the edges hide what is below, the others what is above, left or right."""
    first, last = xy[sure].min(axis=0), xy[sure].max(axis=0)
    axis, after = EDGES[rng.choice(len(EDGES), p=(0.5, 0.1, 0.2, 0.2))]
    share = rng.uniform(0.3, 0.95) if (axis, after) == EDGES[0] else rng.uniform(0.2, 0.8)
    place = first + share * (last - first) if after else last - share * (last - first)
    return _Edge(axis, float(place[axis]), after)


def _found(shown: Mask, options: ViewOptions, rng: np.random.Generator) -> Mask:
    """The keypoints that the first network found, of those that are shown."""
    found, chance = shown.copy(), rng.random()
    for missed, share in MISSED:
        if 0 <= chance < share:
            found[list(missed)] = False
        chance -= share
    if 0 <= chance < options.scattered:
        found &= rng.random(len(found)) > 0.25
    return found if found.sum() >= 3 else shown


def _box(
    xy: Float, options: ViewOptions, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    first, last = xy.min(axis=0), xy.max(axis=0)
    size = (last - first + 1) * [WIDER, HIGHER]
    centre = (first + last) / 2 + rng.normal(0, options.jitter, 2) * size
    size = size * np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.06, 2))
    left, top = centre - size / 2
    return float(left), float(top), float(size[0]), float(size[1])


def _near(box: Float, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A detector's box as it might be in another picture of the same."""
    first, last = box[:2].astype(np.float64), box[2:].astype(np.float64)
    size = last - first
    centre = (first + last) / 2 + rng.normal(0, 0.02, 2) * size
    size = size * np.exp(rng.normal(0, 0.04, 2))
    left, top = centre - size / 2
    return float(left), float(top), float(size[0]), float(size[1])


def _matrix(
    box: tuple[float, float, float, float],
    mirrored: bool,
    options: ViewOptions,
    rng: np.random.Generator,
) -> Matrix:
    """From pixels of the picture to those of the view."""
    turned = rng.random() < options.turn
    matrix = geometry.crop_matrix(
        box,
        options.height,
        options.width,
        padding=options.padding,
        degrees=float(np.clip(rng.normal(0, 15), -40, 40)) if turned else 0.0,
    )
    if mirrored:
        matrix[0] *= -1
        matrix[0, 2] += options.width - 1
    return matrix


def _cut(picture: UInt8, matrix: Matrix, options: ViewOptions, rng: np.random.Generator) -> UInt8:
    """The view's pixels; a part of the views is shrunk first, and enlarged again."""
    factor = min(1.0, rng.uniform(options.blur, 1.3))
    height, width = (max(8, round(length * factor)) for length in (options.height, options.width))
    small = geometry.scaling(width / options.width, height / options.height)
    image = cv2.warpAffine(
        picture, _joined(small, matrix), (width, height), borderValue=(GREY,) * 3
    )
    if factor < 1:
        image = cv2.resize(image, (options.width, options.height))
    return np.asarray(image)


def coloured(pixels: UInt8, rng: np.random.Generator) -> UInt8:
    """The pixels (H, W, 3) with another light, noise, or in grey, by chance."""
    if rng.random() < 0.7:
        shift = rng.uniform(-25, 25) + rng.uniform(-10, 10, 3)
        values = (np.arange(256)[:, np.newaxis] - GREY) * rng.uniform(0.7, 1.3) + GREY + shift
        table = np.rint(np.clip(values, 0, 255)).astype(np.uint8)  # (256, 3)
        pixels = np.asarray(cv2.LUT(pixels, table[np.newaxis]), np.uint8)
    if rng.random() < 0.2:
        noise = np.float32(rng.uniform(2, 10)) * rng.standard_normal(pixels.shape, np.float32)
        pixels = np.asarray(cv2.add(pixels, noise, dtype=cv2.CV_8U), np.uint8)
    if rng.random() < 0.05:
        grey = np.rint(pixels.mean(axis=2, keepdims=True)).astype(np.uint8)
        pixels = np.repeat(grey, 3, axis=2)
    return pixels


def _covered(image: UInt8, other: UInt8, rng: np.random.Generator) -> UInt8:
    """The view with an oval part of another picture at its side or lower half."""
    height, width = image.shape[:2]
    rows, columns = (int(rng.uniform(0.15, 0.5) * length) for length in (height, width))
    top, left = (
        int(rng.integers(max(1, length - part)))
        for length, part in zip(other.shape[:2], (rows, columns), strict=True)
    )
    patch = other[top : top + rows, left : left + columns]
    rows, columns = patch.shape[:2]
    y = int(rng.integers(0, max(1, height - rows)))
    at_left = rng.random() < 0.5
    x = int(rng.integers(0, max(1, width // 4)))
    x = x if at_left else max(0, width - columns - x)
    down, right = np.mgrid[:rows, :columns]
    oval = np.hypot((down - rows / 2) / (rows / 2), (right - columns / 2) / (columns / 2)) < 1
    covered = image.copy()
    covered[y : y + rows, x : x + columns][oval] = patch[oval]
    return covered


def _moved(subject: Subject, matrix: Matrix, options: ViewOptions) -> tuple[Float, Float]:
    """The maps (K, h, w) on the view's cells, and (h, w) where the teachers saw: 1, else 0."""
    cells = geometry.scaling(options.stride, options.stride)  # cells to pixels of the view
    onto = _joined(np.asarray(subject.matrix, np.float64), _joined(geometry.invert(matrix), cells))
    size = (options.width // options.stride, options.height // options.stride)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    maps = np.stack(
        [
            cv2.warpAffine(np.ascontiguousarray(one), onto, size, flags=flags)
            for one in subject.maps.transpose(2, 0, 1)
        ]
    )
    everywhere = np.ones(subject.maps.shape[:2], np.float32)
    seen = cv2.warpAffine(everywhere, onto, size, flags=flags)
    return maps.astype(np.float32) / np.float32(255), np.asarray(seen, np.float32)


def _joined(second: Matrix, first: Matrix) -> Matrix:
    joined: Matrix = (np.vstack([second, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]]))[:2]
    return joined
