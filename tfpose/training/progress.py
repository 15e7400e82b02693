"""How far a run is, from its first step on: a line that is rewritten, or one every minute."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from absl import logging

ON_TERMINAL, ELSEWHERE = 0.5, 60.0  # seconds between two lines
CLEAR = "\r\x1b[2K"  # back to the line's begin; erase it


class Progress:
    """Shows step, loss, rate, speed and time left.

    Args:
      steps: of the whole run.
      step: steps done.
      batch: pictures per step.
      stream: a terminal gets one line that is rewritten; anything else, lines of the log.
      clock: seconds.
    """

    def __init__(
        self,
        *,
        steps: int,
        step: int,
        batch: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps, self._batch, self._clock = steps, batch, clock
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._every = ON_TERMINAL if self._terminal else ELSEWHERE
        self._began = self._shown = clock()
        self._first = step + 1
        self._trained, self._mark = 0.0, clock()
        self._on_line = False

    def step(self, step: int, *, loss: Callable[[], float], rate: float) -> None:
        """Counts a step, and shows the run if it is time to.

        Args:
          step: steps done.
          loss: of this step; called only where it is shown, since it waits for the device.
          rate: learning rate of this step.
        """
        now = self._clock()
        if step == self._first:  # it compiled the graph: no measure for the others
            logging.info("first step done after %.0f s; it compiled the network", now - self._began)
            self._trained, self._mark = 0.0, now
            self._show(self._line(step, loss(), rate), now)
            return
        self._trained += now - self._mark
        self._mark = now
        if now - self._shown >= self._every:
            self._show(self._line(step, loss(), rate), now)

    def pause(self) -> None:
        """Restarts the clock: the time since the last step was not spent on training."""
        self._mark = self._clock()

    def clear(self) -> None:
        """Makes room for a line of the log."""
        if self._on_line:
            self._stream.write(CLEAR)
            self._stream.flush()
            self._on_line = False

    def _line(self, step: int, loss: float, rate: float) -> str:
        done = step - self._first
        speed = done / self._trained if self._trained > 0 else 0.0  # steps per second
        pace = ""  # of the first step alone nothing is known
        if speed:
            left = clock_text((self._steps - step) / speed)
            pace = f"  {speed * self._batch:.1f} pictures/s  {left} left"
        share = 100 * step // self._steps
        return f"step {step}/{self._steps} ({share}%)  loss {loss:.4g}  rate {rate:.3g}{pace}"

    def _show(self, line: str, now: float) -> None:
        self._shown = now
        if self._terminal:
            self._stream.write(CLEAR + line)
            self._stream.flush()
            self._on_line = True
        else:
            logging.info("%s", line)


def clock_text(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
