"""Pictures as clients send them: base64 or bytes in, checked before a pixel is decoded."""

import base64
import binascii
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import numpy as np
import numpy.typing as npt

from estimator import ImageSpec, pictures
from estimator.arrays import UInt8
from estimator.inputs import scaled_decoding
from estimator.pictures import header as picture_header
from estimator.pictures.header import Header

from ..errors import ServiceError
from ..settings import Limits

_STANDARD = bytes.maketrans(b"-_", b"+/")  # of the URL-safe alphabet
_PADDING = "its padding is wrong"
_PIECE = 128 << 10  # characters that are decoded at a time, in about half a millisecond
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM")


def from_base64(text: str, name: str, rest: Callable[[], None] = lambda: None) -> bytes:
    """The bytes of base64 (RFC 4648): the standard or the URL-safe alphabet, padded or not.

    Line breaks are passed over, and a `data:image/...;base64,` before. A blank between two
    characters is refused, for a form that was decoded once too often has blanks in place of "+".
    It is worked through in pieces, so that nothing is held but the text and the bytes.

    Args:
      text: base64.
      name: what messages call it.
      rest: called between two pieces.

    Raises:
      ServiceError: it is no base64.
    """
    try:
        return _decoded(text, rest)
    except UnicodeError:
        reason = "it has other characters"
    except (binascii.Error, ValueError) as error:
        reason = str(error)  # the error itself would hold this frame, and so the text
    raise ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: is not base64 ({reason})")


def _decoded(text: str, rest: Callable[[], None]) -> bytes:
    start = text.find(",") + 1 or len(text) if text.startswith("data:") else 0
    whole, left, blank = io.BytesIO(), b"", False
    for place in range(start, len(text), _PIECE):
        piece = text[place : place + _PIECE].encode("ascii").translate(_STANDARD, b"\r\n\t")
        if not left:
            piece = piece.lstrip(b" ")
        filled = piece.rstrip(b" ")
        if filled and (blank or b" " in filled):
            raise ValueError("there are blanks in it: was it decoded as a form, + to blanks?")
        blank |= len(filled) < len(piece)
        left += filled
        sure = max(0, len(left) - 1) // 4 * 4  # the last four may have padding
        whole.write(_quads(left[:sure]))
        left = left[sure:]
        rest()
    given = len(left) - len(left.rstrip(b"="))
    padding = -(len(left) - given) % 4
    if given not in (0, padding):
        raise ValueError(_PADDING)
    whole.write(base64.b64decode(left if given else left + b"=" * padding, validate=True))
    return whole.getvalue()


def _quads(data: bytes) -> bytes:
    if b"=" in data:
        raise ValueError(_PADDING)
    return base64.b64decode(data, validate=True)


def check(data: bytes, name: str, limits: Limits, *, pixels: int | None = None) -> Header:
    """Refuses, from the header alone, what is no picture or too large a one.

    Only formats whose size is known before they are decoded are let in.

    Args:
      data: the file.
      name: what messages call it.
      limits: of pictures.
      pixels: another limit than theirs.

    Returns:
      The header, whose height and width are known.

    Raises:
      ServiceError: 415 for another format, 413 for too many pixels, 422 for a broken file.
    """
    header = check_start(data, name, limits, pixels=pixels)
    if not header.whole or not header.height or not header.width:
        raise ServiceError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{name}: is cut off or broken ({len(data)} bytes); send the whole file",
        )
    return header


def check_start(data: bytes, name: str, limits: Limits, *, pixels: int | None = None) -> Header:
    """Refuses what the beginning of a file shows already; see `check`.

    Args:
      data: the file, or as much of it as is there.
      name: what messages call it.
      limits: of pictures.
      pixels: another limit than theirs.

    Returns:
      The header, as far as it is there.

    Raises:
      ServiceError: 415 for another format, 413 for too many pixels, 422 for too many parts.
    """
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if not webp and not data.startswith(_STARTS):
        raise ServiceError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"{name}: is no JPEG, PNG, WebP or BMP ({len(data)} bytes); convert it to JPEG",
        )
    header = picture_header.read(data)
    height, width = header.height, header.width
    if header.fault:
        raise ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: {header.fault}")
    pixels = pixels or limits.picture_pixels
    if height * width > pixels or max(height, width) > limits.picture_side:
        raise ServiceError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{name}: has {width} x {height} pixels; at most {pixels} and "
            f"{limits.picture_side} a side are taken: make it smaller first",
        )
    return header


def work(data: bytes, header: Header) -> float:
    """What decoding costs, about in nanoseconds on a core of 2020.

    A JPEG's pixels are decoded at a reduced size, once per scan; of the other formats all are.
    Measured on libjpeg-turbo 3 and libpng 1.6; the share of the bytes is that of dense JPEGs.
    """
    rounds = max(2.5, header.scans) if header.jpeg else 4
    return header.height * header.width * rounds + len(data)


def decode(data: bytes, name: str, header: Header) -> UInt8:
    """A picture, checked by its header, as (H, W, 3) uint8, RGB, upright.

    Raises:
      ServiceError: 422, it cannot be decoded.
    """
    with _told(name):
        return pictures.read(data, header=header)


def decode_for(
    data: bytes, name: str, header: Header, image: ImageSpec, *, keep: int = 0
) -> tuple[UInt8, npt.NDArray[np.float64]]:
    """A checked picture as large as a network's input needs it, and how it lies in the whole.

    Args:
      data, name, header: of the picture.
      image: the network's input.
      keep: number of pixels that a reduced picture has at least.

    Returns:
      As `estimator.inputs.scaled_decoding.read`.

    Raises:
      ServiceError: 422, it cannot be decoded.
    """
    with _told(name):
        return scaled_decoding.read(data, image, keep=keep, header=header)


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        said = str(error).removeprefix("the picture ")
        raise ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: {said}") from error
