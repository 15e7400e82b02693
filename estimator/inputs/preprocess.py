"""From a picture, or a person's box in it, to the network's input and the matrix between them.

A letterbox uses `cv2.resize` and `cv2.copyMakeBorder`, whose results are the same on OpenCV 4 and
5. Those of `cv2.warpAffine` are not, so it is used for a person's box only.

Interpolation reads a few neighbouring pixels whatever the scale, so that a large photograph would
be aliased: it is halved by averaging until it is less than twice too large. The rest is cubic, as
in Lightweight OpenPose's val.py; averaging there, too (INTER_AREA), costs 0.01 AP on 173 COCO
pictures at height 368.

What is halved has even sides: the last row or column of an odd side is left out, and the matrix
says so. OpenCV halves odd sides ten times as slowly.
"""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .. import geometry
from ..arrays import UInt8, check_shape
from ..layout import ImageSpec

GREY = 128  # padding; where Lightweight OpenPose's normalisation has its zero
MAX_ASPECT = 4  # a flexible input is at most this many base heights wide
_BAND = 64  # rows of a halved picture that are made at a time
_MARGIN = 4  # pixels of a person's input, kept around it: interpolation reads beyond its border

Matrix = npt.NDArray[np.float64]


def check_picture(picture: npt.NDArray[Any]) -> None:
    """Refuses an array that is no picture.

    Raises:
      ValueError: not (H, W, 3) uint8 with at least one pixel; says what was found and what to do.
    """
    if not isinstance(picture, np.ndarray):
        raise ValueError(
            f"a picture must be a numpy array (H, W, 3) of uint8, RGB; found {type(picture)}. "
            "Read files with estimator.pictures.read"
        )
    if picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 1):
        raise ValueError(
            f"a picture must have three channels, RGB, found grey {picture.shape}: "
            "cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) makes them"
        )
    if picture.ndim == 3 and picture.shape[2] == 4:
        raise ValueError(
            f"a picture must have three channels, RGB, found four {picture.shape}: "
            "cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB) drops alpha"
        )
    check_shape("picture", picture, (None, None, 3))
    if picture.dtype != np.uint8:
        raise ValueError(
            f"a picture must be uint8, 0..255, found {picture.dtype}: scale it and "
            "use .astype(np.uint8)"
        )
    if picture.size == 0:
        raise ValueError(f"a picture must have at least one pixel, found {picture.shape}")


def input_size(picture_height: int, picture_width: int, image: ImageSpec) -> tuple[int, int]:
    """The height and width of the network's input for a picture.

    A fixed graph has the size of the spec. A flexible one has the height of the spec and the aspect
    ratio of the picture, both sides rounded up to the multiple of the spec. The width is at most
    `MAX_ASPECT` heights; a wider picture lowers the height instead, which bounds the size of the
    input.
    """
    if not image.flexible:
        return image.height, image.width
    widest = MAX_ASPECT * image.height
    factor = min(image.height / picture_height, widest / picture_width)
    height = _round_up(picture_height * factor, image.multiple)
    width = _round_up(picture_width * factor, image.multiple)
    return height, width


def _round_up(length: float, multiple: int) -> int:
    return max(1, math.ceil(length / multiple - 1e-6)) * multiple


def letterbox(picture: UInt8, image: ImageSpec) -> tuple[UInt8, Matrix]:
    """Fits a whole picture into the network's input, aspect ratio kept and padded with grey.

    Args:
      picture: (H, W, 3) uint8, RGB.
      image: the input; `input_size` gives its height h and width w for this picture.

    Returns:
      input: (1, h, w, 3) uint8.
      matrix: (2, 3), from pixels of the picture to pixels of the input.

    Raises:
      ValueError: not (H, W, 3) uint8.
    """
    check_picture(picture)
    picture_height, picture_width = picture.shape[:2]
    height, width = input_size(picture_height, picture_width, image)
    fit = geometry.letterbox(picture_height, picture_width, height, width)
    inner, matrix = _resize(picture, fit.inner_height, fit.inner_width)
    matrix[:, 2] += (fit.left, fit.top)
    bottom = fit.height - fit.top - fit.inner_height
    right = fit.width - fit.left - fit.inner_width
    if fit.top or fit.left or bottom or right:
        inner = cv2.copyMakeBorder(
            inner, fit.top, bottom, fit.left, right, cv2.BORDER_CONSTANT, value=(GREY,) * 3
        )
    return inner[None], matrix


def _resize(picture: UInt8, height: int, width: int) -> tuple[UInt8, Matrix]:
    """Halves the picture while it is at least twice too large, then interpolates (INTER_CUBIC).

    Returns:
      resized: (height, width, 3).
      matrix: (2, 3), from pixels of the picture to pixels of the result. Up to a pixel of the
        result is missing at the right and at the bottom; the rest is stretched by as much.
    """
    have_height, have_width = picture.shape[:2]
    step = halving_step(have_height, have_width, height, width)
    rows, columns = have_height // step * step, have_width // step * step
    halved = _halved(picture[:rows, :columns], step)
    resized = cv2.resize(halved, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(resized), geometry.scaling(width / columns, height / rows)


def _halved(picture: UInt8, step: int) -> UInt8:
    """Halves a picture, whose sides are multiples of the step, until it is `step` times smaller.

    Some rows are worked on at a time, which takes less memory and stays in the processor's caches.
    """
    if step == 1:
        return picture
    rows, columns = (side // step for side in picture.shape[:2])
    result = np.empty((rows, columns, 3), np.uint8)
    for top in range(0, rows, _BAND):
        band = picture[top * step : (top + _BAND) * step]
        while band.shape[1] > 2 * columns:
            half = (band.shape[1] // 2, band.shape[0] // 2)
            band = cv2.resize(band, half, interpolation=cv2.INTER_AREA)
        into = result[top : top + _BAND]
        cv2.resize(band, into.shape[1::-1], dst=into, interpolation=cv2.INTER_AREA)
    return result


def halving_step(have_height: int, have_width: int, height: int, width: int) -> int:
    """The power of two by which a picture is halved before it is interpolated."""
    step = 1
    while have_height // step >= 2 * height and have_width // step >= 2 * width:
        step *= 2
    return step


def crop(picture: UInt8, box: Sequence[float], image: ImageSpec) -> tuple[UInt8, Matrix]:
    """Cuts a person's box out of a picture, for a top-down network.

    Args:
      picture: (H, W, 3) uint8, RGB.
      box: x, y of the top left corner, width and height, pixels of the picture, as edges.
      image: the input; its `box_padding` widens the box.

    Returns:
      input: (1, h, w, 3) uint8, grey where the box leaves the picture.
      matrix: (2, 3), from pixels of the picture to pixels of the input.

    Raises:
      ValueError: not (H, W, 3) uint8, or the box is not four finite numbers with an area.
    """
    check_picture(picture)
    if len(box) != 4 or not np.isfinite(box).all():
        raise ValueError(f"a box must be four finite numbers (x, y, width, height), found {box}")
    x, y, box_width, box_height = map(float, box)
    matrix = geometry.crop_matrix(
        (x, y, box_width, box_height), image.height, image.width, padding=image.box_padding
    )
    picture, moved = _shrunk_for(picture, matrix, image)
    cut = cv2.warpAffine(
        picture,
        moved,
        (image.width, image.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(GREY,) * 3,
    )
    return np.asarray(cut)[None], matrix


def _shrunk_for(picture: UInt8, matrix: Matrix, image: ImageSpec) -> tuple[UInt8, Matrix]:
    """What the warp reads of the picture, averaged down if it would skip pixels.

    Returns:
      The picture, or a part of it, and the matrix from it to the input.
    """
    factor = math.hypot(matrix[0, 0], matrix[1, 0])
    if factor >= 0.5:
        return picture, matrix
    left, top, right, bottom = _seen(picture, matrix, image, margin=_MARGIN / factor)
    part = picture[top:bottom, left:right]
    height, width = (max(1, round(side * factor)) for side in part.shape[:2])
    part, shrink = _resize(part, height, width)
    back = geometry.invert(shrink)  # from the small part to the picture
    back[:, 2] += (left, top)
    return part, matrix @ np.vstack([back, [0, 0, 1]])


def _seen(
    picture: UInt8, matrix: Matrix, image: ImageSpec, *, margin: float
) -> tuple[int, int, int, int]:
    """The part of the picture that an input shows: left, top, right and bottom, pixel edges.

    It has at least one pixel, though the input may lie outside the picture.
    """
    x, y = image.width - 0.5, image.height - 0.5
    corners = np.array([[-0.5, -0.5], [x, -0.5], [-0.5, y], [x, y]])
    places = corners @ (back := geometry.invert(matrix))[:, :2].T + back[:, 2]
    sides = np.array(picture.shape[1::-1])
    first = np.clip(np.floor(places.min(axis=0) - margin), 0, sides - 1).astype(int)
    last = np.clip(np.ceil(places.max(axis=0) + margin), first + 1, sides).astype(int)
    return int(first[0]), int(first[1]), int(last[0]), int(last[1])
