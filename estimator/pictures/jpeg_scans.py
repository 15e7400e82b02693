"""Counts the scans of a JPEG, from its bytes alone, in a time that grows with their number only.

A progressive JPEG stores the picture in scans, and a decoder goes through all blocks of the picture
once per scan, even where a scan says nothing. Photographs have about ten; a file of 3 MB can have
tens of thousands, which keep a decoder busy for minutes (libjpeg-turbo, "Two issues with the JPEG
standard": a decoder must set a limit of its own).

In compressed data a byte FF is followed by 00, or by a restart marker D0..D7 (ITU-T T.81, B.1.1.5).
"""

import re

MOST = 100  # scans; more are not decoded
MOST_SEGMENTS = 4096  # of tables and texts, before the first scan and again after it
SCAN, END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_TAIL = 1 << 10  # bytes at the end of a file that are searched first
_PIECE = 1 << 18  # bytes that are searched at a time: meanwhile no other thread runs Python


def count(data: bytes, start: int) -> int:
    """The number of scans, or more than `MOST` where it is certain that there are more.

    Args:
      data: the file.
      start: place of the first scan's marker.
    """
    bound = 0  # also counts those in what lies behind the picture
    for place in range(start, len(data), _PIECE):
        bound += data.count(b"\xff\xda", place, place + _PIECE + 1)
        if bound > MOST:
            return _walk(data, start)
    return bound


def has_end(data: bytes, start: int) -> bool:
    """Whether there is an end of a picture behind `start`; it is nearly always the last thing."""
    if data.find(b"\xff\xd9", max(start, len(data) - _TAIL)) >= 0:
        return True
    for place in range(len(data), start, -_PIECE):
        if data.find(b"\xff\xd9", max(start, place - _PIECE), place + 1) >= 0:
            return True
    return False


def _walk(data: bytes, place: int) -> int:
    """Follows the markers from one to the next, as a decoder does."""
    scans = 0
    for _ in range(MOST_SEGMENTS):
        marker = data[place + 1]
        if marker == END:
            return scans
        scans += marker == SCAN
        if scans > MOST:
            return scans
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        found = _MARKER.search(data, place + 2 + length)
        if found is None:
            return scans
        place = found.start()
    return MOST + 1
