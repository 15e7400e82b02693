"""Averaging a network's maps over a mirrored picture and over several sizes of it.

Maps are averaged, not people: the maps of a mirrored picture are mirrored back, and maps of several
sizes are resampled onto one grid by the matrices of the inputs, so that a cell is the same place of
the picture in all of them (geometry.py). Sizes 0.5, 1, 1.5 and 2, their mean: Cao et al.
2017 (arXiv:1611.08050); Lightweight OpenPose's `val.py --multiscale`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .. import geometry
from ..arrays import Float, UInt8
from ..layout import BOXES, ImageSpec
from ..maps import Maps, Runner
from ..spec import PoseSpec
from . import preprocess
from .mirroring import merge_mirrored

MULTISCALE = (0.5, 1.0, 1.5, 2.0)
CUBIC = -0.5  # Keys 1981 (IEEE TASSP 29), the value that is exact for parabolas

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Averaging:
    """Test-time averaging for one picture.

    Attributes:
      flip: average with the mirrored picture, too.
      scales: average over these factors on the network's base height.
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.scales or not all(scale > 0 for scale in self.scales):
            raise ValueError(f"scales must be positive factors, at least one; found {self.scales}")


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """An input of the network, (1, h, w, 3) uint8, and the (2, 3) matrix from picture to input."""

    image: UInt8
    matrix: Matrix


def views(
    picture: UInt8,
    image: ImageSpec,
    scales: Sequence[float] = (1.0,),
    box: Sequence[float] | None = None,
) -> list[View]:
    """The inputs for one picture, or for one box of it, one per scale.

    Raises:
      ValueError: there is a scale other than 1, and the graph is fixed or takes boxes.
    """
    if box is not None:
        if tuple(scales) != (1.0,):
            raise ValueError(f"a box is always laid in whole: scales must be (1,), found {scales}")
        cut, matrix = preprocess.crop(picture, box, image)
        return [View(image=cut, matrix=matrix)]
    return [
        View(image=laid, matrix=matrix)
        for laid, matrix in (
            preprocess.letterbox(picture, scaled(image, scale)) for scale in scales
        )
    ]


def scaled(image: ImageSpec, scale: float) -> ImageSpec:
    """The input spec with the height scaled by a factor, rounded to the multiple.

    Raises:
      ValueError: the graph is fixed.
    """
    if scale == 1:
        return image
    if not image.flexible:
        raise ValueError(
            f"a fixed graph of {image.height}x{image.width} has scale 1 only, found {scale}: "
            "export it as flexible"
        )
    steps = max(1, round(image.height * scale / image.multiple))
    return replace(image, height=steps * image.multiple)


def answer(runner: Runner, image: UInt8, spec: PoseSpec, *, flip: bool) -> dict[str, Float]:
    """The maps of a batch (B, h, w, 3); with `flip`, averaged with those of its mirror images."""
    maps = runner(image)
    if not flip:
        return maps
    return merge_mirrored(maps, runner(np.ascontiguousarray(image[:, :, ::-1])), spec)


def mean(maps: Sequence[Maps], *, stride: int, onto: int = 0) -> Maps:
    """The mean of the maps of one picture at several sizes, on the grid of one of them.

    People's boxes are that one's alone.

    Args:
      maps: with matrices that scale and shift only, as those of a letterbox.
      stride: input pixels per cell.
      onto: index of the maps whose grid is used.
    """
    if len(maps) == 1:
        return maps[0]
    target = maps[onto]
    outputs = {}
    for name, cells in target.outputs.items():
        if name == BOXES:
            outputs[name] = cells
            continue
        height, width = cells.shape[:2]
        laid = [
            part.outputs[name]
            if index == onto
            else resampled(part.outputs[name], _cells(target, part, stride), height, width)
            for index, part in enumerate(maps)
        ]
        outputs[name] = np.asarray(np.mean(laid, axis=0), np.float32)
    return Maps(outputs=outputs, matrix=target.matrix)


def grid(scales: Sequence[float]) -> int:
    """The index of the scale whose grid the mean uses: the largest.

    Measured with human-pose-estimation-0001 over MULTISCALE on 173 pictures of COCO 2017: AP is
    0.473 on the largest's, 0.465 on that of 1.5, 0.453 on that of 1 (docs/evaluation.md).
    """
    return int(np.argmax(scales))


def _cells(target: Maps, part: Maps, stride: int) -> Matrix:
    """The (2, 3) matrix from the cells of `target` to the cells of `part`."""
    to_input = _square(geometry.scaling(stride, stride))
    to_part = _square(part.matrix) @ _square(geometry.invert(target.matrix))
    cells: Matrix = (np.linalg.inv(to_input) @ to_part @ to_input)[:2]
    return cells


def _square(matrix: Matrix) -> Matrix:
    return np.vstack([matrix, [0, 0, 1]])


def resampled(maps: Float, matrix: Matrix, height: int, width: int) -> Float:
    """Resamples maps by cubic interpolation, with antialiasing where the result is smaller.

    Args:
      maps: (h, w, C).
      matrix: (2, 3) from the new cells to those of `maps`; scaling and shift only.
      height, width: of the result, cells.

    Returns:
      (height, width, C); outside the maps the value of the nearest cell is used.
    """
    rows = _weights(height, maps.shape[0], matrix[1, 1], matrix[1, 2])  # (height, h)
    columns = _weights(width, maps.shape[1], matrix[0, 0], matrix[0, 2])  # (width, w)
    return np.asarray(np.einsum("yh,hwc,xw->yxc", rows, maps, columns, optimize=True), np.float32)


def _weights(count: int, source: int, factor: float, offset: float) -> Float:
    """(count, source): row i reads the source at `factor * i + offset`."""
    reach = max(factor, 1.0)  # a wider kernel where cells are skipped
    centre = factor * np.arange(count) + offset
    taps = np.arange(-int(np.ceil(2 * reach)), int(np.ceil(2 * reach)) + 1)
    cells = np.round(centre).astype(int)[:, np.newaxis] + taps  # (count, taps)
    values = _cubic((cells - centre[:, np.newaxis]) / reach)
    values /= values.sum(axis=1, keepdims=True)
    weights = np.zeros((count, source))
    np.add.at(weights, (np.arange(count)[:, np.newaxis], np.clip(cells, 0, source - 1)), values)
    return weights.astype(np.float32)


def _cubic(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keys' cubic kernel; 0 from a distance of 2."""
    x = np.abs(distance)
    near = (CUBIC + 2) * x**3 - (CUBIC + 3) * x**2 + 1
    far = CUBIC * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0))
