"""Decodes large JPEGs at the reduced size that the network needs.

A JPEG stores the frequencies of blocks of 8x8 pixels, and the decoder can leave out the high ones:
at 1/2, 1/4 and 1/8 it gives one pixel for 2x2, 4x4 and 8x8 (libjpeg's `scale_denom`). This replaces
the halving of the whole picture in `preprocess`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import geometry, pictures
from ..arrays import UInt8
from ..layout import ImageSpec
from ..pictures import header as picture_header
from ..spec import PoseSpec
from . import preprocess

MOST = 8  # the strongest reduction of JPEG decoders
# Pixels of a picture whose people are cut out of it: those of COCO's, on which AP was measured.
FOR_CROPS = 640 * 480


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduced:
    """A picture, maybe decoded smaller than it is.

    Attributes:
      picture: (H, W, 3) uint8, RGB, upright.
      height, width: of the whole picture, upright, pixels.
      matrix: (2, 3), from pixels of the whole picture to pixels of this one; None if it is whole.
    """

    picture: UInt8
    height: int
    width: int
    matrix: npt.NDArray[np.float64] | None = None


def read(
    source: str | os.PathLike[str] | bytes,
    image: ImageSpec,
    *,
    keep: int = 0,
    header: picture_header.Header | None = None,
) -> tuple[UInt8, npt.NDArray[np.float64]]:
    """Reads a picture from a file, or from the bytes of one, for a network's input.

    Only JPEGs that are at least twice too large for a letterboxed input are reduced; everything
    else is read by `pictures.read`.

    Args:
      source: as in `pictures.read`.
      image: the input that the picture is to be laid into.
      keep: number of pixels that a reduced picture has at least.
      header: of the picture, where it was read already.

    Returns:
      picture: (H, W, 3) uint8, RGB, upright, at least as large as its part of the input.
      matrix: (2, 3), from pixels of the whole picture to pixels of this one.

    Raises:
      FileNotFoundError, OSError, ValueError: as in `pictures.read`.
    """
    found = read_reduced(source, image, keep=keep, header=header)
    return found.picture, geometry.scaling(1, 1) if found.matrix is None else found.matrix


def read_reduced(
    source: str | os.PathLike[str] | bytes,
    image: ImageSpec,
    *,
    keep: int = 0,
    header: picture_header.Header | None = None,
) -> Reduced:
    """Reads a picture as `read` does, and says how large it is.

    Args:
      source: as in `pictures.read`.
      image: the input that the picture is to be laid into.
      keep: number of pixels that a reduced picture has at least.
      header: of the picture, where it was read already.

    Raises:
      FileNotFoundError, OSError, ValueError: as in `pictures.read`.
    """
    file = None if isinstance(source, bytes) else Path(source)
    if isinstance(source, bytes):
        data = source
    elif file is not None and file.is_file():
        data = file.read_bytes()
    else:
        data = b""
    header = header or picture_header.read(data)
    factor = factor_for(header, image, keep=keep)
    if factor == 1:
        del data  # `pictures.read` decodes a large file without holding its bytes
        picture = pictures.read(source, header=header)
        return Reduced(picture=picture, height=picture.shape[0], width=picture.shape[1])
    picture = pictures.decode(
        data, "the picture" if file is None else str(file), factor, header=header
    )
    height, width = header.upright
    return Reduced(picture=picture, height=height, width=width, matrix=matrix(header, factor))


def kept(spec: PoseSpec) -> int:
    """Pixels that a picture needs besides those of the input: a detector's people are cut out."""
    return FOR_CROPS if spec.answers == "boxes" else 0


def factor_for(header: picture_header.Header, image: ImageSpec, *, keep: int = 0) -> int:
    """The factor by which both sides of a picture can be reduced: 1, 2, 4 or 8; see `read`."""
    height, width = header.upright
    if not header.jpeg or image.fit == "crop" or min(height, width) < 1:
        return 1
    fit = geometry.letterbox(height, width, *preprocess.input_size(height, width, image))
    factor = 1
    while (
        factor < MOST
        and height >= 2 * factor * fit.inner_height
        and width >= 2 * factor * fit.inner_width
        and height * width >= keep * (2 * factor) ** 2
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
