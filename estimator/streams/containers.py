"""What a video file says about itself that OpenCV does not pass on: frame times, edit lists.

Sources: ISO/IEC 14496-12: boxes are a length, a kind and content; `elst` in `moov/trak/edts` is the
list of parts of the file that are shown.
"""

import itertools
import struct
import time
from pathlib import Path

import cv2

PROBED = 150  # frames whose times are looked at
PATIENCE = 1.0  # seconds for looking
UNSTEADY = 1.5  # ratio of the longest and the shortest frame of a file of variable rate
FASTEST = 120.0  # frames per second of a film


def film_rate(name: str, rate: float) -> float:
    """The frame rate that a film of this video needs to keep every frame.

    Args:
      name: of the video file.
      rate: the mean frame rate.

    Returns:
      `rate` where frames come evenly; where they don't, that of the two closest frames.
    """
    capture = cv2.VideoCapture(name)
    begin, stamps = time.monotonic(), list[float]()
    try:
        while len(stamps) < PROBED and time.monotonic() < begin + PATIENCE and capture.grab():
            stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    finally:
        capture.release()
    gaps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    if not gaps or min(gaps) <= 0 or max(gaps) < UNSTEADY * min(gaps):
        return rate
    return min(FASTEST, max(rate, round(1 / min(gaps), 3)))


def shows_a_part(path: Path) -> bool:
    """Whether an MP4 or MOV is whole and shows, by its edit list, only a part of its frames."""
    try:
        with path.open("rb") as file:
            length = path.stat().st_size
            movie, place = b"", 0
            while place < length:
                file.seek(place)
                head = file.read(16)
                if len(head) < 8:
                    return False
                size, kind = struct.unpack_from(">I4s", head)
                if size == 1 and len(head) == 16:
                    size = struct.unpack_from(">Q", head, 8)[0]
                size = size or length - place
                if size < 8 or place + size > length:
                    return False  # cut off
                if kind == b"moov":
                    file.seek(place)
                    movie = file.read(size)
                place += size
            return b"elst" in movie
    except OSError:
        return False
