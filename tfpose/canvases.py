"""Canvases: training pictures composed of crops of many sizes, for a teacher to look at once.

A canvas is one crop, or a mosaic of two, four or nine (Bochkovskiy et al. 2020, arXiv:2004.10934,
section 3.3, has four), larger than what the student is shown, so that windows of it are new
pictures. Patches of other pictures may hide parts of it (Zhong et al. 2020, arXiv:1708.04896,
erase rectangles; patches of scenes look more like what people stand behind), and people of other
pictures may stand in it (`tfpose.cutouts`). Labels say where to cut and how large a person
becomes; what the people's maps are is the teacher's to say, so that canvases need no labels at
all. Canvas `number` hangs on the seed, the number, the options and the scenes alone, not on the
canvases before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from estimator.arrays import Float, UInt8

from . import canvas_colours, cutouts
from .picture_files import BadPicture
from .scenes import Place, Scene, Scenes

GREY = 128
SMALLEST = 24  # shorter side of what a person is cut out of, pixels
ATTEMPTS = 20  # pictures in a row that may be bad
SHARES = (
    "rotated",
    "occluded",
    "pasted",
    "background",
    "recoloured",
    "blurred",
    "sharpened",
    "grainy",
    "grey",
)
SHARPNESS = 1.4  # pixels that are kept for one of the crop, before it is sampled

Random = np.random.Generator
Matrix = npt.NDArray[np.float64]
Outlines: TypeAlias = Mapping[tuple[Place | None, int], UInt8]


@dataclass(frozen=True, kw_only=True)
class CanvasOptions:
    """What canvases are made of.

    Attributes:
      height, width: pixels.
      single, four, pair, nine: how often a canvas is one crop, 2x2, two side by side, 3x3; they
        are weighed against each other.
      person: the longer side of the person that a crop is cut for: smallest and largest, pixels,
        drawn evenly in its logarithm. Mosaics' people are smaller in proportion.
      enlarge: largest factor on a picture.
      rotated: share of the crops that are turned, by `rotation` degrees (deviation of a normal
        distribution, cut at four times that).
      zoom: largest factor beyond what covers the crop, for pictures where nobody is labelled.
      occluded: share of the canvases with one to three patches laid over them: ellipses and turned
        rectangles of 6 to 30% of the canvas's edges from their middle, of pictures without people.
      pasted: share of the canvases into which one to three people of other pictures are laid.
      background: share of the crops whose outside is a picture without people, not a colour.
      recoloured, blurred, sharpened: share of the canvases with other contrast and brightness, with
        a 3x3 Gaussian blur, and with an unsharp mask (enlarged pictures lack the fine edges of a
        camera's), before the teacher sees them.
      grainy, grey: share of the canvases with a sensor's noise, and without colours, likewise.
    """

    height: int = 288
    width: int = 288
    single: float = 0.45
    four: float = 0.35
    pair: float = 0.10
    nine: float = 0.10
    person: tuple[float, float] = (60.0, 340.0)
    enlarge: float = 3.0
    rotated: float = 0.6
    rotation: float = 9.0
    zoom: float = 1.6
    occluded: float = 0.4
    pasted: float = 0.5
    background: float = 0.9
    recoloured: float = 0.5
    blurred: float = 0.1
    sharpened: float = 0.25
    grainy: float = 0.2
    grey: float = 0.04

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 32:
            raise ValueError(f"a canvas has at least 32x32, found {self.height}x{self.width}")
        shares = (self.single, self.four, self.pair, self.nine)
        if min(shares) < 0 or not sum(shares) > 0:
            raise ValueError(f"single, four, pair, nine must be weights, found {shares}")
        low, high = self.person
        if not 0 < low <= high:
            raise ValueError(f"person must be smallest and largest, found {self.person}")
        if not (self.enlarge > 0 and self.zoom >= 1 and self.rotation >= 0):
            raise ValueError(
                "enlarge must be positive, zoom at least 1 and rotation not negative, found "
                f"{self.enlarge}, {self.zoom} and {self.rotation}"
            )
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share of 0..1, found {getattr(self, name)}")


class Canvases:
    """The canvases of some scenes, by number.

    Args:
      scenes: what to cut from.
      options: how.
      weights: how often a scene is taken, by its origin; 1 where it is not named.
      seed: another one gives other canvases.
      outlines: of people, by the scene's place and the person's number, as `cutouts.outline` finds
        them; who is not among them is outlined when it is needed, which takes the longest.

    Raises:
      ValueError: a weight is negative or names no origin, or nothing has a weight.

    Attributes:
      bad: the pictures that could not be read so far, name to reason.
    """

    def __init__(
        self,
        scenes: Scenes,
        options: CanvasOptions,
        *,
        weights: Mapping[str, float] | None = None,
        seed: int = 0,
        outlines: Outlines | None = None,
    ) -> None:
        self._scenes, self._options, self._seed = scenes, options, seed
        self._outlines = outlines or {}
        self._sums = np.cumsum(_weights(scenes.scenes, weights or {}))
        self._empty = [index for index, scene in enumerate(scenes.scenes) if scene.empty]
        self.bad: dict[str, str] = {}

    def __call__(self, number: int) -> UInt8:
        """The canvas of that number, (H, W, 3) uint8 RGB.

        Raises:
          ValueError: `ATTEMPTS` pictures in a row could not be read.
        """
        random = np.random.default_rng((self._seed, number))
        image = self._composed(random)
        if random.random() < self._options.pasted:
            for _ in range(int(random.integers(1, 4))):
                self._paste(image, random)
        if random.random() < self._options.occluded:
            self._occlude(image, random)
        if random.random() < 0.5:
            image = image[:, ::-1]
        if random.random() < self._options.recoloured:
            image = canvas_colours.recoloured(image, random)
        if random.random() < self._options.blurred:
            image = cv2.GaussianBlur(image, (3, 3), 0)
        if random.random() < self._options.sharpened:
            image = canvas_colours.sharpened(image, random)
        if random.random() < self._options.grainy:
            image = canvas_colours.grainy(image, random)
        if random.random() < self._options.grey:
            image = canvas_colours.grey(image)
        return np.ascontiguousarray(image)

    def _composed(self, random: Random) -> UInt8:
        options = self._options
        height, width = options.height, options.width
        shares = np.cumsum([options.single, options.four, options.pair, options.nine])
        kind = int(np.searchsorted(shares, random.random() * shares[-1], side="right"))
        if kind == 0:
            return self._cell(random, height, width, 1.0)
        if kind == 1:
            rows = [int(random.integers(3 * height // 10, 7 * height // 10)), height]
            columns = [[int(random.integers(3 * width // 10, 7 * width // 10))] for _ in rows]
            return self._tiled(random, rows, [[*inner, width] for inner in columns], 0.6)
        if kind == 2:
            return self._tiled(random, [height], [[width // 2, width]], 0.8)
        rows, inner = ([part * edge // 3 for part in (1, 2, 3)] for edge in (height, width))
        return self._tiled(random, rows, [inner] * 3, 0.4)

    def _tiled(
        self, random: Random, rows: list[int], columns: list[list[int]], share: float
    ) -> UInt8:
        """Cells between the edges given by their lower and right ends."""
        image = np.empty((rows[-1], columns[0][-1], 3), np.uint8)
        top = 0
        for bottom, ends in zip(rows, columns, strict=True):
            left = 0
            for right in ends:
                cell = self._cell(random, bottom - top, right - left, share)
                image[top:bottom, left:right] = cell
                left = right
            top = bottom
        return image

    def _cell(self, random: Random, height: int, width: int, share: float) -> UInt8:
        """One crop; `share` of the person's size."""
        scene, image = self._read(random)
        if scene.keypoints is None or scene.empty:
            return _covering(random, image, height, width, self._options.zoom)
        matrix = _framing(random, scene, image, height, width, share, self._options)
        crop, inside = _sampled(image, matrix, height, width)
        if inside.all():
            return crop
        return np.where(inside[..., None], crop, self._outside(random, height, width))

    def _paste(self, image: UInt8, random: Random) -> None:
        """Lays a person of another picture over a canvas, in place."""
        scene, other = self._read(random)
        if scene.keypoints is None or scene.boxes is None or scene.empty:
            return
        height, width = image.shape[:2]
        person = _someone(scene, random)
        box = scene.boxes[person]
        left, top, right, bottom = cutouts.region(box, other.shape)
        if min(right - left, bottom - top) < SMALLEST:
            return
        factor = _factor(box, random, self._options, 0.8)
        outline = self._outlines.get((scene.place, person))
        if outline is None:
            outline = cutouts.outline(other, scene.keypoints[person], box)
        opacity = cutouts.softened(outline, box, other.shape)
        size = max(round((right - left) * factor), 1), max(round((bottom - top) * factor), 1)
        smaller = factor < 1
        part = cv2.resize(
            other[top:bottom, left:right],
            size,
            interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC,
        )
        opacity = cv2.resize(
            opacity, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        )
        if random.random() < 0.5:
            part, opacity = part[:, ::-1], opacity[:, ::-1]
        middle = random.uniform(0, width), random.uniform(0, height)
        _lay(image, part, opacity, middle)

    def _occlude(self, image: UInt8, random: Random) -> None:
        """Lays patches over a canvas, in place."""
        height, width = image.shape[:2]
        for _ in range(int(random.integers(1, 4))):
            middle = random.uniform(0, 1, 2) * (width, height)
            halves = np.exp(random.uniform(np.log(0.06), np.log(0.30), 2)) * (width, height)
            degrees = random.uniform(0, 180)
            mask = np.zeros((height, width), np.uint8)
            if random.random() < 0.5:
                axes = tuple(map(int, halves))
                cv2.ellipse(mask, tuple(map(int, middle)), axes, degrees, 0, 360, 1, -1)
            else:
                corners = cv2.boxPoints((tuple(middle), tuple(2 * halves), degrees))
                cv2.fillConvexPoly(mask, corners.astype(np.int32), 1)
            cv2.copyTo(self._outside(random, height, width), mask, image)

    def _outside(self, random: Random, height: int, width: int) -> UInt8:
        options, draw = self._options, random.random()
        if draw < options.background and self._empty:
            index = self._empty[int(random.integers(len(self._empty)))]
            try:
                image = self._scenes.without_bars(index)
                return _covering(random, image, height, width, options.zoom)
            except BadPicture as problem:
                self._note(index, problem)
        level = GREY if draw > 1 - (1 - options.background) * 0.4 else random.integers(0, 256)
        return np.full((height, width, 3), level, np.uint8)

    def _read(self, random: Random) -> tuple[Scene, UInt8]:
        problem: BadPicture | None = None
        for _ in range(ATTEMPTS):
            draw = random.random() * self._sums[-1]
            index = int(np.searchsorted(self._sums, draw, side="right"))
            try:
                return self._scenes.scenes[index], self._scenes.without_bars(index)
            except BadPicture as found:
                problem = found
                self._note(index, found)
        raise ValueError(f"{ATTEMPTS} pictures in a row cannot be read; the last: {problem}")

    def _note(self, index: int, problem: BadPicture) -> None:
        self.bad[self._scenes.scenes[index].name] = str(problem)


def _weights(scenes: tuple[Scene, ...], weights: Mapping[str, float]) -> Float:
    origins = {scene.origin for scene in scenes}
    unknown = sorted(set(weights) - origins)
    if unknown or any(weight < 0 for weight in weights.values()):
        raise ValueError(
            f"weights must not be negative and name origins of the pictures "
            f"({', '.join(sorted(origins))}), found {dict(weights)}"
        )
    found = np.array([weights.get(scene.origin, 1.0) for scene in scenes])
    if not found.sum() > 0:
        raise ValueError(f"no picture has a weight: {dict(weights)}")
    return found


def _covering(random: Random, image: UInt8, height: int, width: int, zoom: float) -> UInt8:
    """A cut anywhere in a picture that is made large enough, and up to `zoom` times larger."""
    factor = max(height / image.shape[0], width / image.shape[1]) * random.uniform(1, zoom)
    rows, columns = (
        max(edge, round(length * factor))
        for edge, length in zip((height, width), image.shape, strict=False)
    )
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    large = cv2.resize(image, (columns, rows), interpolation=how)
    top, left = random.integers(0, rows - height + 1), random.integers(0, columns - width + 1)
    return np.asarray(large[top : top + height, left : left + width])


def _framing(
    random: Random,
    scene: Scene,
    image: UInt8,
    height: int,
    width: int,
    share: float,
    options: CanvasOptions,
) -> Matrix:
    """(2, 3) from the picture to a crop that has one of its people somewhere about its middle."""
    assert scene.keypoints is not None
    assert scene.boxes is not None
    person = _someone(scene, random)
    left, top, wide, high = scene.boxes[person]
    smallest = 0.55 * min(height, width) / max(image.shape[:2])
    factor = max(_factor(scene.boxes[person], random, options, share), smallest)
    factor = min(factor, options.enlarge)
    labelled = scene.keypoints[person][scene.keypoints[person, :, 2] > 0, :2]
    spot = np.array([left + wide / 2, top + high / 2])
    if random.random() < 0.5:  # cuts people off at the canvas's edge, or in the middle
        spot = labelled[random.integers(len(labelled))]
    turned = random.random() < options.rotated
    degrees = random.normal(0, options.rotation) if turned else 0.0
    angle = np.deg2rad(np.clip(degrees, -4 * options.rotation, 4 * options.rotation))
    cosine, sine = np.cos(angle) * factor, np.sin(angle) * factor
    matrix = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    edges = np.array([width, height])
    matrix[:, 2] = edges * (0.5 + random.uniform(-0.3, 0.3, 2)) - matrix[:, :2] @ spot
    if not turned:
        covered = np.array([image.shape[1], image.shape[0]]) * factor
        low, high_ = np.minimum(edges - covered, 0), np.maximum(edges - covered, 0)
        matrix[:, 2] = np.clip(matrix[:, 2], low, high_)
    return matrix


def _someone(scene: Scene, random: Random) -> int:
    """One of the labelled people of a scene that has some."""
    assert scene.keypoints is not None
    return int(random.choice(np.flatnonzero((scene.keypoints[..., 2] > 0).any(axis=1))))


def _factor(box: Float, random: Random, options: CanvasOptions, share: float) -> float:
    """What brings a person to a size of the options, at most `enlarge`."""
    target = np.exp(random.uniform(*np.log(options.person))) * share
    return float(min(target / max(*box[2:], 20.0), options.enlarge))


def _lay(image: UInt8, part: UInt8, opacity: Float, middle: tuple[float, float]) -> None:
    """Mixes a part into an image about a point x, y, in place; what lies outside is cut off."""
    height, width = part.shape[:2]
    left, top = int(middle[0] - width / 2), int(middle[1] - height / 2)
    rows = slice(max(top, 0), min(top + height, image.shape[0]))
    columns = slice(max(left, 0), min(left + width, image.shape[1]))
    inside = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    alpha = opacity[inside][..., None]
    mixed = alpha * part[inside] + (1 - alpha) * image[rows, columns]
    image[rows, columns] = np.round(mixed).astype(np.uint8)


def _sampled(
    image: UInt8, matrix: Matrix, height: int, width: int
) -> tuple[UInt8, npt.NDArray[np.bool_]]:
    """The crop, and where the picture is; a picture that shrinks is averaged first.

    Cubic, as the runtime's letterbox: linear interpolation blurs.
    """
    factor = float(np.hypot(*matrix[:, 0]))
    if factor < 0.6:
        shrink = max(factor * SHARPNESS, 0.05)
        image = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        matrix = matrix / np.array([shrink, shrink, 1.0])
    size = (width, height)
    crop = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderValue=(GREY,) * 3)
    ones = np.ones(image.shape[:2], np.uint8)
    return crop, cv2.warpAffine(ones, matrix, size, flags=cv2.INTER_NEAREST) > 0
