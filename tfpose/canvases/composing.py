"""Canvases: training pictures composed of crops of many sizes, which a teacher labels once.

A canvas is one crop, or a mosaic of two, four or nine (Bochkovskiy et al. 2020, arXiv:2004.10934,
section 3.3, has four). It is larger than the student's input, so that windows of it are new
pictures. Patches of other pictures may hide parts of it (Zhong et al. 2020, arXiv:1708.04896,
erase rectangles; patches of scenes look more like what people stand behind), and people of other
pictures may be pasted into it (`tfpose.canvases.cutouts`). Labels place the crops and set the size
of a person; the maps are the teacher's, so canvases need no labels. Canvas `number` depends on the
seed, the number, the options and the scenes alone, not on the canvases before it.
"""

from collections.abc import Mapping
from typing import TypeAlias

import cv2
import numpy as np

from estimator.arrays import Float, UInt8

from ..data.picture_files import BadPicture
from . import colours, cutouts, framing
from .options import CanvasOptions
from .scenes import Place, Scene, Scenes

SMALLEST = 24  # shorter side of what a person is cut out of, pixels
ATTEMPTS = 20  # pictures in a row that may be bad

Random = np.random.Generator
Outlines: TypeAlias = Mapping[tuple[Place | None, int], UInt8]


class Canvases:
    """The canvases of some scenes, by number.

    Args:
      scenes: the pictures to cut from.
      options: sizes and frequencies.
      weights: relative frequency of the scenes by origin; 1 for an origin that is not named.
      seed: of the canvases.
      outlines: of people, by the scene's place and the person's index, as `cutouts.outline` finds
        them. Others are computed on demand, which takes most of the time.

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
            image = colours.recoloured(image, random)
        if random.random() < self._options.blurred:
            image = cv2.GaussianBlur(image, (3, 3), 0)
        if random.random() < self._options.sharpened:
            image = colours.sharpened(image, random)
        if random.random() < self._options.grainy:
            image = colours.grainy(image, random)
        if random.random() < self._options.grey:
            image = colours.grey(image)
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
        """A mosaic of cells, which are given by their lower and right edges."""
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
        """Cuts one crop; `share` is a factor on the person's size."""
        scene, image = self._read(random)
        if scene.keypoints is None or scene.empty:
            return framing.covering(random, image, height, width, self._options.zoom)
        place = framing.Crop(height=height, width=width, share=share)
        matrix = framing.around_a_person(random, scene, image, place, self._options)
        crop, inside = framing.sampled(image, matrix, height, width)
        if inside.all():
            return crop
        return np.where(inside[..., None], crop, self._outside(random, height, width))

    def _paste(self, image: UInt8, random: Random) -> None:
        """Pastes a person of another picture into a canvas, in place."""
        scene, other = self._read(random)
        if scene.keypoints is None or scene.boxes is None or scene.empty:
            return
        height, width = image.shape[:2]
        person = framing.someone(scene, random)
        box = scene.boxes[person]
        left, top, right, bottom = cutouts.region(box, other.shape)
        if min(right - left, bottom - top) < SMALLEST:
            return
        factor = framing.person_factor(box, random, self._options, 0.8)
        outline = self._outlines.get((scene.place, person))
        if outline is None:
            outline = cutouts.outline(other, scene.keypoints[person], box)
        opacity = cutouts.softened(outline, box, other.shape)
        size = max(round((right - left) * factor), 1), max(round((bottom - top) * factor), 1)
        finer, softer = (
            (cv2.INTER_AREA, cv2.INTER_AREA) if factor < 1 else (cv2.INTER_CUBIC, cv2.INTER_LINEAR)
        )
        part = cv2.resize(other[top:bottom, left:right], size, interpolation=finer)
        opacity = cv2.resize(opacity, size, interpolation=softer)
        if random.random() < 0.5:
            part, opacity = part[:, ::-1], opacity[:, ::-1]
        middle = random.uniform(0, width), random.uniform(0, height)
        framing.lay(image, part, opacity, middle)

    def _occlude(self, image: UInt8, random: Random) -> None:
        """Hides parts of a canvas behind patches, in place."""
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
                return framing.covering(random, image, height, width, options.zoom)
            except BadPicture as problem:
                self._note(index, problem)
        level = (
            framing.GREY if draw > 1 - (1 - options.background) * 0.4 else random.integers(0, 256)
        )
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
