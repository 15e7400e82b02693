"""Splits a stream of bytes into its JPEG pictures (MJPEG).

A JPEG is a sequence of segments, each with a marker and most with a length (ITU-T T.81, annex B),
so that an embedded thumbnail does not end it. Only the data after a start of scan (SOS) has no
length: the picture ends at the first FF D9 there. Bytes between pictures (headers of a multipart
stream) are skipped.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

START, END = b"\xff\xd8", b"\xff\xd9"
SCAN = 0xDA
LONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
FILL = re.compile(rb"\xff+")
CHUNK = 1 << 16
MOST = 1 << 28  # bytes of one picture


def split(stream: BinaryIO) -> Iterator[bytes]:
    """Yields every JPEG of a stream; a stream that does not begin with one is yielded whole.

    Args:
      stream: read as it comes, at most one picture and a chunk ahead.

    Raises:
      ValueError: a picture is larger than `MOST` bytes.
    """
    data = bytearray()
    more = _fill(stream, data, 4)
    if data and not data.startswith((START, b"--", b"\r\n--")):
        while _fill(stream, data, len(data) + 1):
            pass
        yield bytes(data)
        return
    while data or more:
        begin = data.find(START + b"\xff")
        if begin < 0:
            del data[: max(0, len(data) - 2)]
            if not _fill(stream, data, len(data) + 1):
                return
            continue
        del data[:begin]
        end = _end(stream, data)
        if end is None:
            if data:
                yield bytes(data)  # cut off: reading it says so
            return
        yield bytes(data[:end])
        del data[:end]
        more = _fill(stream, data, 1)


def _end(stream: BinaryIO, data: bytearray) -> int | None:
    """The number of bytes of the first picture; None if the stream ends before it does."""
    place = 2
    while True:
        if not _fill(stream, data, place + 4):
            return place + 2 if data[place : place + 2] == END else None
        if data[place] != 0xFF:  # damaged: look for the next marker
            found = data.find(b"\xff", place)
            place = found if found >= 0 else len(data)
            continue
        marker = data[place + 1]
        if marker == END[1]:
            return place + 2
        if marker == 0xFF:
            place = _behind_fill(data, place)
            continue
        if marker in LONE:
            place += 2
            continue
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == SCAN:
            return _end_of_scans(stream, data, place)


def _behind_fill(data: bytearray, place: int) -> int:
    """The last FF of a run of them."""
    run = FILL.match(data, place)
    return run.end() - 1 if run else place


def _end_of_scans(stream: BinaryIO, data: bytearray, place: int) -> int | None:
    """The end of a picture whose compressed data, in one or more scans, begins at `place`."""
    while True:
        found = data.find(END, place)
        if found >= 0:
            return found + 2
        place = max(place, len(data) - 1)
        if not _fill(stream, data, len(data) + 1):
            return None


def _fill(stream: BinaryIO, data: bytearray, length: int) -> bool:
    """Reads until `data` has `length` bytes; returns False if the stream ends before."""
    while len(data) < length:
        if len(data) > MOST:
            raise ValueError(f"a picture of the stream has more than {MOST} bytes: is it MJPEG?")
        chunk = stream.read1(CHUNK) if hasattr(stream, "read1") else stream.read(CHUNK)
        if not chunk:
            return False
        data += chunk
    return True
