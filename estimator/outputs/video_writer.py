"""Writes drawn frames into a video file, with the sound of the source video."""

import logging
import os
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np

from .. import files, geometry
from ..arrays import UInt8

# The codecs of OpenCV's wheels, by suffix. Their mp4 is MPEG-4 part 2: players show it, most
# browsers do not.
CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
MIN_FREE = 8 << 20  # bytes of disk before each frame; OpenCV reports no failed write
NEARLY = 0.45  # of a frame's time: from here on, a frame is the next one
LONGEST_HOLD = 2.0  # seconds for which a frame is repeated where others are missing


class VideoWriter:
    """Writes a video of constant rate from frames with times; whole or not at all.

    A frame is repeated until the time of the next one, so that the video keeps real time and its
    sound if frames are missing; a gap of more than 2 s is shortened to that. Frames of another size
    than the first are letterboxed.

    Args:
      path: with one of the suffixes of CODECS.
      rate: frames per second of the video.
      sound_of: a video whose sound is copied, if ffmpeg is installed.

    Raises:
      OSError: the file cannot be written.
      ValueError: a wrong suffix or rate.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        rate: float,
        sound_of: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in CODECS:
            raise ValueError(f"a video's name must end in {', '.join(CODECS)}; found {path}")
        if not rate > 0:
            raise ValueError(f"rate must be positive, found {rate}")
        files.check_writable(self.path)
        self._rate, self._sound_of = rate, sound_of
        self._writer: cv2.VideoWriter | None = None
        self._whole: files.Whole | None = None
        self._height = self._width = 0
        self._bgr: UInt8 | None = None
        self._written, self._skipped = 0, 0.0

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, picture: UInt8, time: float) -> None:
        """Writes one frame.

        Args:
          picture: (H, W, 3) uint8, RGB.
          time: of the frame, in seconds since the first.

        Raises:
          OSError: the disk is full, or the file cannot be created; there is no video then, and what
            was at its place stays.
        """
        try:
            files.check_room(self.path, max(MIN_FREE, 2 * picture.nbytes))
        except OSError:
            self._discard()
            raise
        writer = self._writer or self._begin(picture)
        exact = (time - self._skipped) * self._rate + 1
        due = round(exact)
        if due <= self._written < exact - NEARLY:  # times are rounded; no frame is lost for that
            due = self._written + 1
        most = self._written + max(1, round(LONGEST_HOLD * self._rate))
        if due > most:
            self._skipped += (due - most) / self._rate
            due = most
        if due <= self._written:
            return
        frame = cv2.cvtColor(self._sized(picture), cv2.COLOR_RGB2BGR, dst=self._bgr)
        self._bgr = frame  # new memory per frame would cost as much as the conversion
        while self._written < due:
            writer.write(frame)
            self._written += 1

    def close(self) -> None:
        """Finishes the file and moves it to its place.

        Raises:
          OSError: the video cannot be read back with all its frames; it is not kept then.
        """
        if self._writer is None or self._whole is None:
            return
        self._writer.release()
        self._writer = None
        with self._whole as partial:
            if _frames(partial) < self._written - 1:  # some containers tell a duration, rounded
                raise OSError(f"{self.path} was not written whole: is the disk full?")
            if self._sound_of is not None:
                self._add_sound(partial, self._sound_of)

    def _discard(self) -> None:
        if self._writer is not None and self._whole is not None:
            self._writer.release()
            self._writer = None
            self._whole.discard()

    def _begin(self, picture: UInt8) -> cv2.VideoWriter:
        self._height, self._width = (max(2, length // 2 * 2) for length in picture.shape[:2])
        code = cv2.VideoWriter.fourcc(*CODECS[self.path.suffix.lower()])
        self._whole = files.Whole(self.path)
        self._writer = cv2.VideoWriter(
            str(self._whole.partial), code, self._rate, (self._width, self._height)
        )
        if not self._writer.isOpened():
            self._writer = None
            self._whole.discard()
            raise OSError(
                f"{self.path} cannot be written as a video of {self._width} x {self._height} pixels"
            )
        return self._writer

    def _sized(self, picture: UInt8) -> UInt8:
        height, width = picture.shape[:2]
        if (height, width) == (self._height, self._width):
            return picture
        if (height // 2 * 2, width // 2 * 2) == (self._height, self._width):
            return picture[: self._height, : self._width]  # video wants even numbers
        fit = geometry.letterbox(height, width, self._height, self._width)
        inner = cv2.resize(
            picture, (fit.inner_width, fit.inner_height), interpolation=cv2.INTER_AREA
        )
        bottom = fit.height - fit.top - fit.inner_height
        right = fit.width - fit.left - fit.inner_width
        return np.asarray(
            cv2.copyMakeBorder(inner, fit.top, bottom, fit.left, right, cv2.BORDER_CONSTANT)
        )

    def _add_sound(self, partial: Path, source: str | os.PathLike[str]) -> None:
        program = shutil.which("ffmpeg")
        if program is None:
            logging.warning(
                "%s is silent: to keep the sound of %s, if it has any, install ffmpeg",
                self.path,
                source,
            )
            return
        mixed = partial.with_name(f"{self.path.stem}.sound{self.path.suffix}")
        streams = ("-map", "0:v:0", "-map", "1:a?", "-c", "copy", "-shortest")
        command = [program, "-v", "error", "-nostdin", "-y"]
        command += ["-i", str(partial), "-i", str(source), *streams, str(mixed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            os.replace(mixed, partial)
            return
        reason = done.stderr.strip().splitlines()[-1:] or ["ffmpeg failed"]
        logging.warning("%s has no sound: %s", self.path, reason[0])


def _frames(path: Path) -> int:
    """The number of frames that a video says it has; -1 where it cannot be opened."""
    capture = cv2.VideoCapture(str(path))
    found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else -1
    capture.release()
    return found
