"""Cameras and network streams: the reader always gets the latest frame.

A thread captures every frame and keeps the last one, so that the delay is that of one frame however
slow the reader is; frames that are replaced before they are read count as dropped. A source that
dies is opened again, after 0.5 s, 1 s, 2 s ... at most 8 s, until it is back or closed.
"""

import atexit
import logging
import threading
import time
from collections.abc import Callable, Iterator

import cv2

from ..arrays import UInt8
from .frames import Frame

FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0  # seconds before a source is opened again
TIMEOUT = 5.0  # seconds without a byte, after which a stream is dead
STREAM_TIMEOUTS = [
    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(TIMEOUT * 1000)),
    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(TIMEOUT * 1000)),
]


class LiveSource:
    """A camera or stream, as a `sources.Source`.

    Args:
      name: for messages.
      connect: opens the source; called again whenever it has died.
      first: the result of an earlier `connect`.

    Raises:
      ValueError: it cannot be opened now.
    """

    live = True
    rate: float | None = None
    frames: int | None = None

    def __init__(
        self,
        name: str,
        connect: Callable[[], cv2.VideoCapture],
        *,
        first: cv2.VideoCapture | None = None,
    ) -> None:
        self.name = name
        self.failures: list[tuple[str, str]] = []
        self.reconnected = 0
        self._connect = connect
        capture = first or connect()
        if not capture.isOpened():
            raise ValueError(
                f"{name} cannot be opened: is the camera plugged in and free, or the address right "
                "and its server up?"
            )
        self._news = threading.Condition()
        self._latest: tuple[UInt8, int, float] | None = None  # BGR, index, monotonic time
        self._captured = self._delivered = 0
        self._start: float | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._capture, args=(capture,), name=f"capture {name}", daemon=True
        )
        self._thread.start()
        atexit.register(self._stop)

    def __enter__(self) -> "LiveSource":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        """Waits for the thread, which may be in a read: Python must not exit before it ends."""
        self.close()
        self._thread.join(2 * TIMEOUT)
        atexit.unregister(self._stop)

    @property
    def dropped(self) -> int:
        """The number of frames that were replaced by a later one before they were read."""
        with self._news:
            return self._captured - self._delivered - (self._latest is not None)

    def close(self) -> None:
        """Ends the frames; may be called from any thread, and from a signal handler."""
        self._ended.set()

    def __iter__(self) -> Iterator[Frame]:
        while (taken := self._take()) is not None:
            picture, index, moment = taken
            self._start = moment if self._start is None else self._start
            yield Frame(
                picture=cv2.cvtColor(picture, cv2.COLOR_BGR2RGB),
                index=index,
                time=moment - self._start,
                name=self.name,
                captured=moment,
            )

    def _take(self) -> tuple[UInt8, int, float] | None:
        """Waits for a new frame and returns the latest; None at the end."""
        with self._news:
            while self._latest is None:
                if self._ended.is_set():
                    return None
                self._news.wait(0.1)
            taken, self._latest = self._latest, None
            self._delivered += 1
            return None if self._ended.is_set() else taken

    def _capture(self, capture: cv2.VideoCapture) -> None:
        while not self._ended.is_set():
            done, picture = _read(capture)
            if not done:
                capture.release()
                again = self._reconnect()
                if again is None:
                    return
                capture = again
                continue
            with self._news:
                self._latest = (picture, self._captured, time.monotonic())
                self._captured += 1
                self._news.notify()
        capture.release()

    def _reconnect(self) -> cv2.VideoCapture | None:
        """Opens the source again, however long it takes; None if it was closed meanwhile."""
        wait, lost = FIRST_WAIT, time.monotonic()
        logging.warning("%s gives no more frames; opening it again", self.name)
        while not self._ended.wait(wait):
            capture = self._connect()
            if capture.isOpened():
                self.reconnected += 1
                logging.warning("%s is back after %.1f s", self.name, time.monotonic() - lost)
                return capture
            wait = min(2 * wait, LONGEST_WAIT)
        return None


def _read(capture: cv2.VideoCapture) -> tuple[bool, UInt8]:
    """Reads the next frame; an exception of OpenCV counts as no frame."""
    try:
        done, picture = capture.read()
    except cv2.error:
        done, picture = False, None
    return bool(done), picture
