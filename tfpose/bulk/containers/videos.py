"""Videos, by segment: a frame belongs to the segment in which its time lies.

Seeking lands on a frame that can be decoded alone, somewhere before the segment; frames before it
are passed over. Since times decide, neither uneven rates nor a header's wrong number of frames lose
or double one. A frame's number is its time at the video's rate; where frames come unevenly, two may
have one number, and their times tell them apart.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from estimator.arrays import UInt8
from estimator.streams import containers as video_files
from estimator.streams import sources

from .. import storage
from ..pieces import Item, Piece, cut
from ..storage import Stored
from . import Reading

LEAD = 2.0  # seconds before a segment at which reading begins


def list_pieces(stored: Stored, most: int, reading: Reading) -> Sequence[Piece]:
    """Reads the header. A video that does not say its rate and length is one segment."""
    try:
        with storage.local(stored.path) as path, sources.Video(path) as video:
            rate, frames = video.rate, video.frames
    except (OSError, ValueError) as error:
        return [Piece(kind="videos", path=stored.path, count=1, size=0, fault=str(error))]
    known = rate is not None and frames is not None
    count = -(-(frames or 1) // reading.every)
    parts = cut(count, most if known else count)
    return [
        Piece(
            kind="videos",
            path=stored.path,
            first=first * reading.every,
            count=number,
            size=stored.size * number // count,
            detail=str(frames or ""),
            last=index == len(parts) - 1,
        )
        for index, (first, number) in enumerate(parts)
    ]


def read(piece: Piece, reading: Reading) -> Iterator[Item]:
    """The frames of a segment.

    Raises:
      OSError, ValueError: the video cannot be read (any more), or ends early.
    """
    with storage.local(piece.path) as path:
        capture = cv2.VideoCapture(path)
        try:
            yield from _segment(capture, path, piece, reading.every)
        finally:
            capture.release()


def _segment(capture: Any, path: str, piece: Piece, every: int) -> Iterator[Item]:
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate = rate if 0 < rate < 1000 else sources.RATE
    end = math.inf if piece.last else piece.first + piece.count * every
    number, steady = -1, _steady_times(capture, path, piece.first / rate - LEAD)
    for time in steady:
        number = round(time * rate)
        if number >= end:
            return
        if number >= piece.first and number % every == 0:
            yield Item(
                place=(number - piece.first) // every,
                source=piece.path,
                frame=number,
                time=round(time, 6),
                load=partial(_retrieve, capture),
            )
    _check_end(piece, number + 1, Path(path))


def _steady_times(capture: Any, path: str, begin: float) -> Iterator[float]:
    """Goes from frame to frame, from `begin` or earlier: the seconds of each since the first."""
    if not capture.grab():
        return
    first = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    if begin > 0:
        capture.set(cv2.CAP_PROP_POS_MSEC, (first + begin) * 1000)
        if (
            not capture.grab()
            or capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 - first > begin + LEAD / 2
        ):
            capture.open(path)  # it cannot be sought: from the beginning, then
            capture.grab()
    step, last = 1 / (capture.get(cv2.CAP_PROP_FPS) or sources.RATE), -math.inf
    while True:
        time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 - first
        last = time if time > last else last + step  # some containers have none
        yield last
        if not capture.grab():
            return


def _retrieve(capture: Any) -> UInt8:
    done, picture = capture.retrieve()
    if not done:
        raise OSError("the frame cannot be decoded")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def _check_end(piece: Piece, read: int, path: Path) -> None:
    """Names a video that ends early; only its last segment does, so that it is named once.

    Raises:
      ValueError: it does.
    """
    frames = int(piece.detail or 0)
    if read == 0:
        raise ValueError(f"{piece.path} has no frame that OpenCV can read: is it whole?")
    short = (
        piece.last and read < 0.98 * frames - 1
    )  # headers round, as in estimator.streams.sources
    if short and not video_files.shows_a_part(path):
        raise ValueError(f"it ends after {read} of the {frames} frames in its header")
