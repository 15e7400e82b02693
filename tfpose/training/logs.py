"""Logs of a run: TensorBoard, a CSV with its curves, and lines with speed and time left."""

import csv
import importlib.util
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from estimator import files
from estimator.arrays import Float

from . import curves
from .progress import Progress, clock_text

CSV, TENSORBOARD = "log.csv", "tensorboard"
HEIGHT = "height"  # among a validation's figures: of the network's input, pixels


class Logs:
    """The logs of a run; a resumed run continues them.

    Args:
      folder: the run's.
      step: steps done; later rows of the CSV are dropped, since those steps will be repeated.
      steps: of the whole run.
      batch: pictures per step.
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, step: int, steps: int, batch: int
    ) -> None:
        self._folder, self._steps = Path(folder), steps
        self.progress = Progress(steps=steps, step=step, batch=batch)
        self._writer = _writer(self._folder / TENSORBOARD)
        self._rows = _rows_until(self._folder / CSV, step)
        _write_rows(self._folder / CSV, self._rows)
        self._behind = False  # the CSV lacks rows that a full disk did not take
        self._last = (time.monotonic(), step)

    def scalars(self, step: int, values: Mapping[str, float], *, pictures: int) -> None:
        """Writes a row: to TensorBoard, to the CSV and as a line.

        Args:
          step: steps done.
          values: name to number; "loss", "rate" and "epoch" are on the line.
          pictures: per step.
        """
        now = time.monotonic()
        elapsed, done = now - self._last[0], step - self._last[1]
        self._last = (now, step)
        speed = done * pictures / elapsed if elapsed > 0 else 0.0
        row = {"step": step, **values, "pictures_per_second": speed}
        self._show(step, {name.replace(".", "/"): value for name, value in row.items()})
        self._append(row)
        left = (self._steps - step) * pictures / speed if speed else 0.0
        self.progress.clear()
        logging.info(
            "step %d/%d  epoch %.2f  loss %.6g  rate %.3g  %.1f pictures/s  %s left",
            step,
            self._steps,
            values.get("epoch", 0.0),
            values.get("loss", np.nan),
            values.get("rate", np.nan),
            speed,
            clock_text(left),
        )

    def note(self, step: int, values: Mapping[str, float]) -> None:
        """Writes a validation's numbers to TensorBoard, to the CSV and as a line."""
        self._show(step, {f"validation/{name}": value for name, value in values.items()})
        self._append({"step": step} | {f"validation.{name}": v for name, v in values.items()})
        self.curves()
        figures = {name: value for name, value in values.items() if name != HEIGHT}
        shown = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        self.progress.clear()
        at = f" at height {values[HEIGHT]:.0f}" if HEIGHT in values else ""
        logging.info("step %d validation%s: %s", step, at, shown)

    def curves(self) -> None:
        """Draws the curves anew; a disk that is full is logged, and training goes on."""
        with _going_on(curves.FILE):
            curves.write(self._rows, self._folder)

    def pictures(self, step: int, pictures: Mapping[str, Float]) -> None:
        """Writes pictures, (B, H, W, 3) in 0..1, to TensorBoard."""
        if self._writer is None:
            return
        with _going_on(TENSORBOARD), self._writer.as_default(step=step):
            for name, value in pictures.items():
                tf.summary.image(name, value, max_outputs=len(value))

    def idle(self) -> None:
        """Restarts the clock: the time since the last row was not spent on training."""
        self._last = (time.monotonic(), self._last[1])
        self.progress.pause()

    def close(self) -> None:
        """Flushes, and draws the curves of the whole run."""
        self.progress.clear()
        if self._rows:
            self.curves()
        if self._writer is not None:
            with _going_on(TENSORBOARD):
                self._writer.close()

    def _show(self, step: int, values: Mapping[str, float]) -> None:
        if self._writer is None:
            return
        with _going_on(TENSORBOARD), self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def _append(self, row: Mapping[str, Any]) -> None:
        """Adds a row; a new column rewrites the file, and so does a row after a full disk."""
        new = {name: str(value) for name, value in row.items()}
        grown = not self._rows or set(new) - set(self._rows[0])
        self._rows.append(new)
        if grown:
            names = list(dict.fromkeys(name for row in self._rows for name in row))
            self._rows[0] = {name: self._rows[0].get(name, "") for name in names}
        anew, self._behind = grown or self._behind, True
        with _going_on(CSV):
            if anew:
                _write_rows(self._folder / CSV, self._rows)
            else:
                with (self._folder / CSV).open("a", encoding="utf-8", newline="") as file:
                    csv.DictWriter(file, list(self._rows[0])).writerow(new)
            self._behind = False


@contextmanager
def _going_on(file: str) -> Iterator[None]:
    """Logs that a file of the run could not be written; training goes on."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        said = getattr(error, "message", None) or str(error)
        logging.error(
            "%s could not be written, training goes on: %s", file, said.partition("\n")[0]
        )


def _writer(folder: Path) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        logging.warning(
            "no logs for TensorBoard (pip install tensorboard); %s has the numbers", CSV
        )
        return None
    return tf.summary.create_file_writer(str(folder))


def _rows_until(path: Path, step: int) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if (row.get("step") or "").isdigit() and int(row["step"]) <= step]


def _write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    if not rows:
        path.unlink(missing_ok=True)
        return
    with (
        files.Whole(path) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
