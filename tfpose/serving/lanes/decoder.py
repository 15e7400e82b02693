"""Decodes pictures that would hold a lane up, in a process that is ended when it takes too long.

A lane is a thread, and nothing ends a thread that is inside a decoder. So what is estimated to take
long waits here, one picture at a time, beside the queue of all others: a process of low priority,
with a bound on memory, decodes it and makes it smaller. It starts with the first such picture.
"""

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from estimator.arrays import UInt8

from ..errors import ServiceError, busy
from ..metrics import Metrics
from ..settings import Limits
from . import framing

_ROOT = str(Path(__file__).resolve().parents[3])
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from tfpose.serving.lanes import decoding_process; decoding_process.main()"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduced:
    """A decoded picture, made smaller.

    Attributes:
      picture: (H, W, 3) uint8, RGB, upright.
      matrix: (2, 3), from pixels of the picture sent, upright, to pixels of this one.
    """

    picture: UInt8
    matrix: npt.NDArray[np.float64]


class Decoder:
    """The process and those who wait for it.

    Args:
      limits: how many may wait, and what a picture may take.
      metrics: are kept up to date.
    """

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits, self._metrics = limits, metrics
        self._thread = ThreadPoolExecutor(1, "decoder")
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting = 0
        self._closed = False

    async def read(self, data: bytes, name: str, *, factor: int, until: float) -> Reduced:
        """A picture, decoded.

        Args:
          data: the file, checked by its header.
          name: what messages call it.
          factor: 1, or for a JPEG 2, 4 or 8: by which its sides may be reduced.
          until: of `time.monotonic`, when it must be there.

        Raises:
          ServiceError: 422, it cannot be decoded within its limits; 503, too many wait.
        """
        if self._closed:
            raise busy("the service is shutting down")
        if self._waiting >= self._limits.costly_pictures:
            self._metrics.refused.labels("costly").inc()
            raise busy("too many large pictures at once", round(self._limits.decode_seconds / 2))
        self._waiting += 1
        self._metrics.costly.set(self._waiting)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._thread, self._read, data, name, factor, until)
        try:
            return await asyncio.wait_for(work, max(0.0, until - time.monotonic()))
        except (TimeoutError, asyncio.TimeoutError) as error:
            raise busy("there is too much to do: not done in time") from error
        finally:
            self._waiting -= 1
            self._metrics.costly.set(self._waiting)

    def close(self) -> None:
        """Ends the process and gives up who waits."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()  # who waits for its answer waits no longer
        self._thread.shutdown(wait=True, cancel_futures=True)
        if (process := self._process) is not None:
            _end(process)

    def _read(self, data: bytes, name: str, factor: int, until: float) -> Reduced:
        if self._closed or time.monotonic() > until:
            raise busy("there is too much to do: not done in time")
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = _start(self._limits.decode_bytes)
        seconds = self._limits.decode_seconds
        timer = threading.Timer(seconds, process.kill)
        timer.daemon = True
        start = time.monotonic()
        timer.start()
        try:
            head, pixels = _ask(
                process, data, {"factor": factor, "pixels": self._limits.reduced_pixels}
            )
        except (OSError, EOFError, ValueError) as error:
            _end(process)
            self._process = None
            late = time.monotonic() - start >= seconds
            reason = f"takes more than {seconds:g} s" if late else "takes too much memory"
            raise ServiceError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"{name}: {reason} to decode: make it smaller, or save it anew as JPEG",
            ) from error
        finally:
            timer.cancel()
        if "error" in head:
            said = str(head["error"]).removeprefix("the picture ")
            raise ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: {said}")
        picture = np.frombuffer(pixels, np.uint8).reshape(head["shape"])
        return Reduced(picture=picture, matrix=np.array(head["matrix"], np.float64))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(OSError):  # what was not sent yet cannot be
        process.communicate()


def _start(memory: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, _ROOT, str(memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # decoders print a line per fault of a file
    )


def _ask(
    process: subprocess.Popen[bytes], data: bytes, asked: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    """Sends a picture and waits for the answer's head and pixels.

    Raises:
      EOFError, OSError: the process ended.
    """
    if process.stdin is None or process.stdout is None:
        raise EOFError("the decoding process has no pipes")
    framing.send(process.stdin, asked, data)
    answer = framing.receive(process.stdout)
    if answer is None:
        raise EOFError("the decoding process ended")
    return answer
