"""What a picture file says before it is decoded: its size, whether it is whole, how it lies.

Sources: ITU-T T.81 (JPEG) annex B; the PNG specification (W3C, third edition) sections 5 and 11;
RFC 9649 (WebP) section 2.7; Microsoft's BITMAPFILEHEADER, BITMAPCOREHEADER and BITMAPINFOHEADER
(wingdi.h); the Exif tag Orientation is 0x0112 of TIFF 6.0.
"""

import itertools
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from . import jpeg_scans

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15; the rest are tables
_EXIF_SEGMENT = 0xE1  # APP1
_ORIENTATION = 0x0112
_MOST_FILL = 1 << 16  # bytes FF in all; any number may stand before a marker, and none need
_FILL = re.compile(rb"\xff{1,%d}" % (_MOST_FILL + 2))  # one of them is the marker's own
_MOST_EXIFS, _MOST_ENTRIES = 16, 256  # blocks of Exif that are read, and entries of each
_MOST_CHUNKS = 1024  # of a PNG or WebP, and one more per KiB up to there


@dataclass(frozen=True, kw_only=True)
class Header:
    """What is known of a file before it is decoded.

    Attributes:
      height, width: pixels as stored; 0 where the format is not read here.
      whole: the file has its end; True where the format is not read here.
      alpha: it may have transparent pixels (PNG and WebP).
      orientation: Exif's 1..8; 1 where it is not read here.
      jpeg: it is a JPEG.
      scans: of a JPEG; its decoder goes through the whole picture once per scan.
      fault: why it is not decoded though it may be whole, as the rest of a sentence; "" if it is.
    """

    height: int = 0
    width: int = 0
    whole: bool = True
    alpha: bool = False
    orientation: int = 1
    jpeg: bool = False
    scans: int = 1
    fault: str = ""

    @property
    def upright(self) -> tuple[int, int]:
        """Height and width of the picture as it is read, turned by its orientation."""
        if self.orientation >= 5:
            return self.width, self.height
        return self.height, self.width


def read(data: bytes) -> Header:
    """The header of an encoded picture; of an unknown format it knows nothing, which is fine."""
    try:
        if data.startswith(_JPEG):
            return _read_jpeg(data)
        if data.startswith(_PNG):
            return _read_png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _read_webp(data)
        if data.startswith(b"BM"):
            return _read_bmp(data)
    except (struct.error, IndexError):  # it ends within its header
        return Header(whole=False)
    return Header()


def _read_jpeg(data: bytes) -> Header:
    """Walks the segments up to the first scan; a thumbnail inside a segment is skipped with it."""
    found = Header(jpeg=True)
    place, exifs, fills = 2, 0, 0
    for _ in range(jpeg_scans.MOST_SEGMENTS):
        fill = _FILL.match(data, place)
        if fill is None:  # out of step: the decoder may know how to go on
            return found if place < len(data) else replace(found, whole=False)
        fills += fill.end() - 1 - place
        if fills > _MOST_FILL:
            return replace(found, fault=_crowded("fill bytes", _MOST_FILL))
        place = fill.end() - 1
        if place + 12 > len(data):  # it ends within its header
            return replace(found, whole=False)
        marker = data[place + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            found = replace(found, height=height, width=width)
        if marker == 0xDA:  # the first scan: from here on, FF D9 is the end of the picture
            return _with_scans(found, data, place)
        length = struct.unpack_from(">H", data, place + 2)[0]
        if marker == _EXIF_SEGMENT and data.startswith(b"Exif\0\0", place + 4):
            exifs += 1
            if exifs <= _MOST_EXIFS:
                orientation = _exif_orientation(data[place + 4 : place + 2 + length])
                found = replace(found, orientation=orientation)
        place += 2 + length
    return replace(found, fault=_crowded("segments", jpeg_scans.MOST_SEGMENTS))


def _with_scans(found: Header, data: bytes, place: int) -> Header:
    whole, scans = jpeg_scans.has_end(data, place), jpeg_scans.count(data, place)
    fault = _crowded("scans", jpeg_scans.MOST) if scans > jpeg_scans.MOST else ""
    return replace(found, whole=whole, scans=scans, fault=fault)


def _crowded(parts: str, most: int) -> str:
    return f"has more than {most} {parts}, which take too long to read: save it anew as JPEG or PNG"


def _read_png(data: bytes) -> Header:
    width, height, _, colour = struct.unpack_from(">IIBB", data, 16)
    alpha, orientation, whole, exifs, fault = colour in (4, 6), 1, False, 0, ""
    for count, (kind, start, length) in enumerate(_png_chunks(data)):
        if fault := _crowd_of_chunks(count, start):
            break
        alpha |= kind == b"tRNS"
        whole |= kind == b"IEND"
        if kind == b"eXIf":
            exifs += 1
            if exifs <= _MOST_EXIFS:
                orientation = _exif_orientation(data[start : start + length])
    return Header(
        height=height,
        width=width,
        whole=whole or bool(fault),
        alpha=alpha,
        orientation=orientation,
        fault=fault,
    )


def _crowd_of_chunks(count: int, place: int) -> str:
    """Why a file with so many chunks before `place` is not decoded; "" where it is."""
    most = _MOST_CHUNKS + place // 1024
    return _crowded("chunks", most) if count >= most else ""


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and length of every chunk that has begun."""
    place = len(_PNG)
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        yield kind, place + 8, length
        if kind == b"IEND":
            return
        place += 12 + length


def _read_webp(data: bytes) -> Header:
    whole = len(data) >= 8 + struct.unpack_from("<I", data, 4)[0]
    kind = data[12:16]
    if kind == b"VP8X":
        orientation, fault = _webp_chunks(data)
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        return Header(
            height=height,
            width=width,
            whole=whole,
            alpha=bool(data[20] & 0x10),
            orientation=orientation,
            fault=fault,
        )
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        return Header(height=height, width=width, whole=whole, alpha=bool(bits >> 28 & 1))
    width, height = struct.unpack_from("<HH", data, 26)
    return Header(height=height & 0x3FFF, width=width & 0x3FFF, whole=whole)


def _read_bmp(data: bytes) -> Header:
    """Uncompressed rows must all be there; of the compressed kinds the length is not known."""
    start, info = struct.unpack_from("<II", data, 10)
    if info == 12:  # BITMAPCOREHEADER
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    width, height = abs(width), abs(height)  # rows from the top have a negative height
    row = (width * bits + 31) // 32 * 4
    whole = compression != 0 or len(data) >= start + row * height
    return Header(height=height, width=width, whole=whole)


def _webp_chunks(data: bytes) -> tuple[int, str]:
    """Orientation of an extended WebP, and why it is not decoded, if it is not."""
    place, orientation, exif, fault = 12, 1, bool(data[20] & 0x08), ""
    for count in itertools.count():
        if place + 8 > len(data) or (fault := _crowd_of_chunks(count, place)):
            break
        kind, length = struct.unpack_from("<4sI", data, place)
        if exif and kind == b"EXIF":
            orientation, exif = _exif_orientation(data[place + 8 : place + 8 + length]), False
        place += 8 + length + length % 2
    return orientation, fault


def _exif_orientation(exif: bytes) -> int:
    """The orientation in a block of Exif; 1 (upright) where it says none or cannot be read."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        start = struct.unpack_from(f"{order}I", exif, 4)[0]
        entries = struct.unpack_from(f"{order}H", exif, start)[0]
        for index in range(min(entries, _MOST_ENTRIES)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, start + 2 + 12 * index)
            if tag == _ORIENTATION:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
