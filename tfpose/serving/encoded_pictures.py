"""Pictures as clients send them: base64 or bytes in, checked before a pixel is decoded."""

import base64
import binascii
from dataclasses import dataclass
from http import HTTPStatus

import cv2
import numpy as np

from estimator import ImageSpec, picture_header, pictures, preprocess
from estimator.arrays import UInt8
from estimator.picture_header import Header

from .errors import ServiceError
from .settings import Limits

_JPEG = b"\xff\xd8\xff"
_STARTS = (_JPEG, b"\x89PNG\r\n\x1a\n", b"BM")
_REDUCED = {
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def from_base64(text: str, name: str) -> bytes:
    """The bytes of standard base64; line breaks and a `data:image/...;base64,` before are passed.

    Raises:
      ServiceError: it is no base64.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ServiceError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: is not base64 ({error})"
        ) from error


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
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if not webp and not data.startswith(_STARTS):
        raise ServiceError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"{name}: is no JPEG, PNG, WebP or BMP ({len(data)} bytes); convert it to JPEG",
        )
    header = picture_header.read(data)
    height, width = header.height, header.width
    if not header.whole or not height or not width:
        raise ServiceError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{name}: is cut off or broken ({len(data)} bytes); send the whole file",
        )
    pixels = pixels or limits.picture_pixels
    if height * width > pixels or max(height, width) > limits.picture_side:
        raise ServiceError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{name}: has {width} x {height} pixels; at most {pixels} and "
            f"{limits.picture_side} a side are taken: make it smaller first",
        )
    return header


def decode(data: bytes, name: str) -> UInt8:
    """A checked picture as (H, W, 3) uint8, RGB, upright.

    Raises:
      ServiceError: 422, it cannot be decoded.
    """
    try:
        return pictures.read(data)
    except ValueError as error:
        said = str(error).removeprefix("the picture ")
        raise ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: {said}") from error


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduced:
    """A picture decoded at a part of its size.

    Attributes:
      picture: upright.
      factor: pixels of the whole picture a pixel of this one.
      height, width: of the whole picture, upright.
    """

    picture: UInt8
    factor: int
    height: int
    width: int


def decode_for(data: bytes, name: str, header: Header, image: ImageSpec) -> Reduced:
    """A checked picture as large as a network's input needs it.

    A JPEG much larger than the input is decoded at a half, a quarter or an eighth, which its
    decoder does in less time and memory, where `preprocess.letterbox` would halve it as often.

    Raises:
      ServiceError: 422, it cannot be decoded.
    """
    turned = b"Exif\0\0" in data[: 1 << 16]  # perhaps: what is turned begins at its end
    factor = _factor(header, image, whole_blocks=turned) if data.startswith(_JPEG) else 1
    decoded = None
    if factor > 1:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED[factor])
    if decoded is None:
        whole = decode(data, name)
        return Reduced(picture=whole, factor=1, height=whole.shape[0], width=whole.shape[1])
    height, width = header.height, header.width
    if decoded.shape[0] != -(-height // factor):  # its Exif orientation turns it
        height, width = width, height
    picture = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))
    return Reduced(picture=picture, factor=factor, height=height, width=width)


def _factor(header: Header, image: ImageSpec, *, whole_blocks: bool) -> int:
    """How many times the input a picture is, lying as it does or turned, as a power of two."""
    height, width = header.height, header.width
    if image.fit == "crop" or 0 < abs(height - width) < max(_REDUCED):
        return 1  # a box may be small; of an almost square one the turn could not be told
    times = min(_times(height, width, image), _times(width, height, image))
    factors = [factor for factor in _REDUCED if factor <= times]
    if whole_blocks:
        factors = [factor for factor in factors if not (height % factor or width % factor)]
    return max(factors, default=1)


def _times(height: int, width: int, image: ImageSpec) -> float:
    input_height, input_width = preprocess.input_size(height, width, image)
    return max(height / input_height, width / input_width)
