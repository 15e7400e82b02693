"""Sources of frames: pictures, video files, cameras, network streams, standard input.

    with sources.open_source("walk.mp4") as source:
        for frame in source:
            ...

Names of sources:

    photo.jpg, folder, 'shots/*.png'   pictures, in natural order (pictures.find)
    shot_%04d.png                      an image sequence
    walk.mp4, wave.gif                 a video file or an animated GIF; OpenCV turns phone videos
                                       upright. A file of another suffix is known by its content
    camera:0                           a camera, by number
    rtsp://..., http://...             a stream; a video file at an http address is read as a file
    -                                  standard input: JPEG pictures one after another (MJPEG, as
                                       `ffmpeg -f mjpeg -` writes them), or one picture of any kind

Files and standard input lose no frame. Cameras and streams are live: see live.py.
"""

import logging
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from .. import pictures
from ..inputs import scaled_decoding
from ..inputs.scaled_decoding import Reduced
from ..layout import ImageSpec
from ..pictures import jpeg_stream, signatures
from . import containers
from .frames import Frame, Source
from .live import STREAM_TIMEOUTS, LiveSource

VIDEO_SUFFIXES = frozenset(
    {".264", ".265", ".3gp", ".avi", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v"}
    | {".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm"}
    | {".wmv"}
)
ANIMATED = frozenset({".gif", ".png", ".webp"})
CAMERA = re.compile(r"camera:(\d+)")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
PUSHED = ("rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp")  # pushed by the sender
SEQUENCE = re.compile(r"%0?\d*d")
RATE = 30.0  # frames per second where the source does not say it
KEPT = 1 << 23  # pixels of a picture that is decoded smaller than it is, at least
UNREADABLE = (OSError, ValueError, MemoryError, cv2.error)  # errors that cost one picture only


class _File:
    """Base of the sources that lose no frame."""

    live = False
    dropped = 0

    def __init__(self, name: str, rate: float | None, frames: int | None) -> None:
        self.name, self.rate, self.frames = name, rate, frames
        self.failures: list[tuple[str, str]] = []
        self._closed = False

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        raise NotImplementedError

    def close(self) -> None:
        self._closed = True


class PictureFiles(_File):
    """Picture files as frames; a file that cannot be read is named in `failures` and skipped.

    Args:
      files: the pictures.
      name: of all of them.
      rate: frames per second.
      image: the network's input, where no more than it is wanted: JPEGs of more than `KEPT` pixels
        are then decoded smaller, as `scaled_decoding.read` does.
    """

    def __init__(
        self,
        files: Iterable[Path],
        *,
        name: str,
        rate: float = RATE,
        image: ImageSpec | None = None,
    ) -> None:
        self.files, self._image = tuple(files), image
        super().__init__(name, rate, len(self.files))
        self._rate = rate

    def __iter__(self) -> Iterator[Frame]:
        for index, file in enumerate(self.files):
            if self._closed:
                return
            try:
                found = self._read(file)
                _tell_of_animation(file)
            except UNREADABLE as error:
                self.failures.append((str(file), str(error) or type(error).__name__))
                continue
            yield Frame(
                picture=found.picture,
                index=index,
                time=index / self._rate,
                name=str(file),
                captured=time.monotonic(),
                whole=(found.height, found.width),
                reduced_by=found.matrix,
            )

    def _read(self, file: Path) -> Reduced:
        if self._image is not None:
            return scaled_decoding.read_reduced(file, self._image, keep=KEPT)
        picture = pictures.read(file)
        return Reduced(picture=picture, height=picture.shape[0], width=picture.shape[1])


class Video(_File):
    """A video file, or a video file at an http address.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: OpenCV cannot read it.
    """

    def __init__(self, name: str, capture: cv2.VideoCapture | None = None) -> None:
        if capture is None:
            if not Path(name).is_file():
                raise FileNotFoundError(f"no video at {name}")
            capture = cv2.VideoCapture(name)
        if not capture.isOpened():
            raise ValueError(
                f"{name} is no video that OpenCV can read; convert it: "
                f"ffmpeg -i {name} -c:v libx264 converted.mp4"
            )
        rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        known = rate if 0 < rate < 1000 else None  # some containers give their time base
        super().__init__(name, known, int(count) if count > 0 else None)
        self._capture = capture

    def __iter__(self) -> Iterator[Frame]:
        step, index, last = 1 / (self.rate or RATE), 0, -np.inf
        first, picture = None, None
        try:
            while not self._closed:
                done, picture = self._capture.read(picture)  # reuses the memory
                if not done:
                    self._report_end(index)
                    return
                stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                first = stamp if first is None else first
                stamp -= first
                last = stamp if stamp > last else last + step  # some containers have none
                yield Frame(
                    picture=cv2.cvtColor(picture, cv2.COLOR_BGR2RGB),
                    index=index,
                    time=last,
                    name=self.name,
                    captured=time.monotonic(),
                )
                index += 1
        finally:
            self._capture.release()

    def _report_end(self, read: int) -> None:
        if read == 0:
            raise ValueError(f"{self.name} has no frame that OpenCV can read: is it whole?")
        short = self.frames and read < 0.98 * self.frames - 1  # headers round
        if short and not containers.shows_a_part(Path(self.name)):
            logging.warning(
                "%s ended after %d of the %d frames in its header: it is cut off or damaged",
                self.name,
                read,
                self.frames,
            )


class Piped(_File):
    """Pictures from standard input; the writing program waits for the reader."""

    def __init__(self, stream: BinaryIO, *, rate: float = RATE) -> None:
        super().__init__("-", rate, None)
        self._stream, self._rate = stream, rate

    def __iter__(self) -> Iterator[Frame]:
        found = 0
        for index, data in enumerate(jpeg_stream.split(self._stream)):
            if self._closed:
                return
            found += 1
            name = f"picture {index} of standard input"
            try:
                picture = pictures.read(data)
            except ValueError as error:
                self.failures.append((name, str(error).replace("the picture", name, 1)))
                continue
            yield Frame(
                picture=picture,
                index=index,
                time=index / self._rate,
                name="-",
                captured=time.monotonic(),
            )
        if not found:
            raise ValueError("standard input was empty: pipe JPEG pictures into it, or one picture")


def is_stream(name: str) -> bool:
    """Whether a name is that of a video or stream, not of pictures."""
    return (
        name == "-"
        or bool(CAMERA.fullmatch(name) or ADDRESS.match(name))
        or Path(name).suffix.lower() in VIDEO_SUFFIXES
        or _is_video_inside(Path(name))
    )


def _is_video_inside(path: Path) -> bool:
    """Whether a file is a video by its content: an animated GIF, or one without a known suffix."""
    suffix = path.suffix.lower()
    if suffix in pictures.SUFFIXES - {".gif"} or not path.is_file():
        return False
    data = _head(path)
    return signatures.is_animated(data) if data.startswith(b"GIF8") else signatures.is_video(data)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(signatures.ENOUGH)


def _tell_of_animation(path: Path) -> None:
    """Logs that an animation among pictures is read by its first frame only."""
    if path.suffix.lower() in ANIMATED and signatures.is_animated(_head(path)):
        logging.warning(
            "%s is an animation: only its first frame is read; give a GIF on its own to read it as "
            "a video",
            path,
        )


def open_source(name: str, *, rate: float | None = None) -> Source:
    """Opens the source of a name; the top of this file lists the kinds.

    Args:
      name: a path, a glob, camera:N, an address, or -.
      rate: frames per second of pictures, which have no rate of their own.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it cannot be opened.
    """
    if rate is not None and not rate > 0:
        raise ValueError(f"rate must be positive, found {rate}")
    camera = CAMERA.fullmatch(name)
    if camera:
        return LiveSource(name, lambda: cv2.VideoCapture(int(camera[1])))
    if name == "-":
        if sys.stdin is None:
            raise ValueError("standard input is closed: pipe JPEG pictures into it, or one picture")
        return Piped(sys.stdin.buffer, rate=rate or RATE)
    if ADDRESS.match(name):
        return _open_address(name)
    if is_stream(name):
        return Video(name)
    files = _sequence(name) if SEQUENCE.search(name) else pictures.find([name]).files
    return PictureFiles(files, name=name, rate=rate or RATE)


def _open_address(name: str) -> Source:
    """Opens an address: a file if its number of frames is known and it is not pushed, else live."""

    def connect() -> cv2.VideoCapture:
        return cv2.VideoCapture(name, cv2.CAP_FFMPEG, STREAM_TIMEOUTS)

    capture, scheme = connect(), name.partition("://")[0].lower()
    if scheme not in PUSHED and capture.isOpened() and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        return Video(name, capture)
    return LiveSource(name, connect, first=capture)


def _sequence(name: str) -> tuple[Path, ...]:
    """The files of a printf-like name (shot_%04d.png), sorted by number."""
    path = Path(name)
    parts = SEQUENCE.split(path.name)
    if len(parts) != 2:
        raise ValueError(f"an image sequence has one number in the file's name, found {name}")
    pattern = re.compile(rf"{re.escape(parts[0])}(\d+){re.escape(parts[1])}")
    found = sorted(
        (int(match[1]), file)
        for file in (path.parent.iterdir() if path.parent.is_dir() else ())
        if (match := pattern.fullmatch(file.name))
    )
    if not found:
        raise FileNotFoundError(f"no pictures of the sequence {name}")
    return tuple(file for _, file in found)
