"""Decodes large JPEGs at the reduced size that the network needs.

A JPEG stores the frequencies of blocks of 8x8 pixels, and the decoder can leave out the high ones:
at 1/2, 1/4 and 1/8 it gives one pixel for 2x2, 4x4 and 8x8 (libjpeg's `scale_denom`). This replaces
the halving of the whole picture in `preprocess`.
"""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import geometry, pictures
from ..arrays import UInt8
from ..layout import ImageSpec
from ..pictures import header as picture_header
from . import preprocess

MOST = 8  # the strongest reduction of JPEG decoders


def read(
    source: str | os.PathLike[str] | bytes, image: ImageSpec
) -> tuple[UInt8, npt.NDArray[np.float64]]:
    """Reads a picture from a file, or from the bytes of one, for a network's input.

    Only JPEGs that are at least twice too large for a letterboxed input are reduced; everything
    else is read by `pictures.read`.

    Args:
      source: as in `pictures.read`.
      image: the input that the picture is to be laid into.

    Returns:
      picture: (H, W, 3) uint8, RGB, upright, at least as large as its part of the input.
      matrix: (2, 3), from pixels of the whole picture to pixels of this one.

    Raises:
      FileNotFoundError, OSError, ValueError: as in `pictures.read`.
    """
    data = source if isinstance(source, bytes) else Path(source)
    if isinstance(data, Path) and data.is_file():
        source, data = data, data.read_bytes()
    if not isinstance(data, bytes):
        return pictures.read(data), geometry.scaling(1, 1)  # says what is wrong with it
    header = picture_header.read(data)
    factor = factor_for(header, image)
    name = "the picture" if isinstance(source, bytes) else str(source)
    return pictures.decode(data, name, factor), matrix(header, factor)


def factor_for(header: picture_header.Header, image: ImageSpec) -> int:
    """The factor by which both sides of a picture can be reduced: 1, 2, 4 or 8."""
    height, width = header.upright
    if not header.jpeg or image.fit == "crop" or min(height, width) < 1:
        return 1
    fit = geometry.letterbox(height, width, *preprocess.input_size(height, width, image))
    factor = 1
    while (
        factor < MOST
        and height >= 2 * factor * fit.inner_height
        and width >= 2 * factor * fit.inner_width
    ):
        factor *= 2
    return factor


def matrix(header: picture_header.Header, factor: int) -> npt.NDArray[np.float64]:
    """The matrix from the whole picture to the reduced one, both upright.

    In the stored picture reduced pixels start at the left and the top, and the last one of a row
    may extend beyond the picture. If the orientation puts the stored end first, that pixel comes
    first.
    """
    reduced_by = geometry.scaling(1 / factor, 1 / factor)
    beyond = [-side % factor / factor for side in (header.width, header.height)]
    if header.orientation >= 5:
        beyond.reverse()
    if header.orientation in pictures.FLIPPED_X:
        reduced_by[0, 2] += beyond[0]
    if header.orientation in pictures.FLIPPED_Y:
        reduced_by[1, 2] += beyond[1]
    return reduced_by
