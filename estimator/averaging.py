"""Averaging a network's maps over a mirrored picture and over several sizes of it.

Maps are averaged, not people: a mirrored picture's maps are turned back, and maps of several sizes
are laid onto one grid with the matrices that made the inputs, so that a cell means one place of
the picture in all of them (geometry.py). Sizes 0.5, 1, 1.5 and 2, their mean: Cao et al.
2017 (arXiv:1611.08050); Lightweight OpenPose's `val.py --multiscale`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from . import geometry, preprocess
from .arrays import Float, UInt8
from .decoders.heatmap import merge_flipped
from .maps import Maps
from .runner import Runner
from .skeleton import Skeleton
from .spec import ImageSpec, PoseSpec

MULTISCALE = (0.5, 1.0, 1.5, 2.0)
CUBIC = -0.5  # Keys 1981 (IEEE TASSP 29), the value that is exact for parabolas

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Averaging:
    """What is averaged for one picture.

    Attributes:
      flip: the mirrored picture too.
      scales: factors on the network's base height.
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.scales or not all(scale > 0 for scale in self.scales):
            raise ValueError(f"scales must be positive factors, at least one; found {self.scales}")


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """A picture as one input of the network: (1, h, w, 3) uint8, and (2, 3) that made it."""

    image: UInt8
    matrix: Matrix


def views(
    picture: UInt8,
    image: ImageSpec,
    scales: Sequence[float] = (1.0,),
    box: Sequence[float] | None = None,
) -> list[View]:
    """The inputs for one picture, or one box of it, one a scale.

    Raises:
      ValueError: the graph is fixed, or takes boxes, and there is another scale than 1.
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
    """The input for a picture that is so much larger.

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
    """The maps of a batch (B, h, w, 3), averaged with those of its mirror images if asked."""
    maps = runner(image)
    if not flip:
        return maps
    return merge_mirrored(maps, runner(np.ascontiguousarray(image[:, :, ::-1])), spec)


def merge_mirrored(
    maps: Mapping[str, Float], mirrored: Mapping[str, Float], spec: PoseSpec
) -> dict[str, Float]:
    """The mean of a picture's maps and its mirror image's maps, turned back.

    Left and right change places, and the x component of every field its sign. Networks whose cells
    do not lie in the middle of their pixels (HRNet's weights; the decoder's `offset` says so) are
    moved by whole cells first, as HRNet's SHIFT_HEATMAP does.

    Args:
      maps: `heatmaps` (..., h, w, K or K + 1), maybe `pafs` (..., h, w, 2L).
      mirrored: the same, of the mirrored picture.
      spec: of the network.

    Raises:
      ValueError: a limb has no mirrored limb, or shapes are not the spec's.
    """
    offset = getattr(spec.decoder, "offset", 0.0)  # pixels; the mirrored lies twice as far off
    merged = {
        "heatmaps": merge_flipped(
            maps["heatmaps"],
            mirrored["heatmaps"],
            spec.skeleton,
            shift=round(-2 * offset / spec.outputs.stride),
        )
    }
    if "pafs" in maps:
        channels, signs = mirrored_fields(spec.skeleton)
        back = mirrored["pafs"][..., ::-1, channels] * signs
        merged["pafs"] = ((maps["pafs"] + back) / 2).astype(np.float32)
    return merged


def mirrored_fields(skeleton: Skeleton) -> tuple[list[int], Float]:
    """Where each field channel comes from, and its sign, when a picture is mirrored."""
    order = skeleton.flip_order
    place = {limb: index for index, limb in enumerate(skeleton.limbs)}
    channels: list[int] = []
    signs: list[float] = []
    for start, end in skeleton.limbs:
        mirrored = (order[start], order[end])
        if mirrored not in place and mirrored[::-1] not in place:
            raise ValueError(
                f"skeleton {skeleton.name!r} has the limb {(start, end)} but not its mirror "
                f"{mirrored}: its fields cannot be averaged over a mirrored picture"
            )
        along = 1.0 if mirrored in place else -1.0  # else the limb runs the other way
        limb = place.get(mirrored, place.get(mirrored[::-1], -1))
        channels += [2 * limb, 2 * limb + 1]
        signs += [-along, along]
    return channels, np.array(signs, np.float32)


def mean(maps: Sequence[Maps], *, stride: int, onto: int = 0) -> Maps:
    """The mean of maps of one picture at several sizes, on the grid of one of them.

    Args:
      maps: with matrices that scale and move, as a letterbox does.
      stride: input pixels a cell.
      onto: index of the grid.
    """
    if len(maps) == 1:
        return maps[0]
    target = maps[onto]
    outputs = {}
    for name, cells in target.outputs.items():
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
    """The index of the scale on whose grid the mean lies: the largest.

    Measured with human-pose-estimation-0001 over MULTISCALE on 173 pictures of COCO 2017: AP is
    0.473 on the largest's, 0.465 on that of 1.5, 0.453 on that of 1 (docs/evaluation.md).
    """
    return int(np.argmax(scales))


def _cells(target: Maps, part: Maps, stride: int) -> Matrix:
    """The (2, 3) matrix from the cells of one to the cells of the other."""
    to_input = _square(geometry.scaling(stride, stride))
    to_part = _square(part.matrix) @ _square(geometry.invert(target.matrix))
    cells: Matrix = (np.linalg.inv(to_input) @ to_part @ to_input)[:2]
    return cells


def _square(matrix: Matrix) -> Matrix:
    return np.vstack([matrix, [0, 0, 1]])


def resampled(maps: Float, matrix: Matrix, height: int, width: int) -> Float:
    """Reads maps at other places: cubic, and where it shrinks, over as many cells as it skips.

    Args:
      maps: (h, w, C).
      matrix: (2, 3) from the new cells to those of `maps`; it scales and moves, nothing else.
      height, width: of the result, cells.

    Returns:
      (height, width, C); beyond the edge the last cell goes on.
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
