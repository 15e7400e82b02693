import io

import cv2
import numpy as np
import pytest
from absl import logging

from tfpose.training import curves
from tfpose.training.progress import CLEAR, Progress


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(logging, "info", lambda text, *parts: found.append(text % parts))
    return found


def test_elsewhere_the_first_step_is_a_line_and_then_one_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, found = Clock(), lines(monkeypatch)
    progress = Progress(steps=100, step=0, batch=8, stream=io.StringIO(), clock=clock)
    for step in range(1, 14):
        clock.now += 10
        progress.step(step, loss=lambda: 0.5, rate=1e-3)
    assert len(found) == 4  # two of the first step, one after 60 s, one after 120 s
    assert "after 10 s" in found[0]
    assert found[1] == "step 1/100 (1%)  loss 0.5  rate 0.001"
    assert found[2] == "step 7/100 (7%)  loss 0.5  rate 0.001  0.8 pictures/s  0:15:30 left"


def test_on_a_terminal_one_line_is_rewritten_and_makes_room_for_the_log() -> None:
    clock, stream = Clock(), Terminal()
    progress = Progress(steps=10, step=0, batch=1, stream=stream, clock=clock)
    for step in range(1, 4):
        clock.now += 1
        progress.step(step, loss=lambda: 1.0, rate=0.1)
    assert stream.getvalue().count(CLEAR + "step ") == 3
    progress.clear()
    progress.clear()
    assert stream.getvalue().endswith("left" + CLEAR)


def test_a_loss_that_is_not_shown_is_not_read() -> None:
    clock = Clock()
    progress = Progress(steps=10, step=0, batch=1, stream=io.StringIO(), clock=clock)
    progress.step(1, loss=lambda: 1.0, rate=0.1)
    progress.step(2, loss=lambda: pytest.fail("waits for the device"), rate=0.1)


ROWS = [
    {"step": "10", "loss": "0.3", "heatmaps.1": "0.1", "heatmaps.2": "0.1", "pafs.1": "0.1",
     "rate": "0.01"},
    {"step": "20", "loss": "0.2", "heatmaps.1": "0.1", "heatmaps.2": "0.05", "pafs.1": "0.05",
     "rate": "0.02"},
    {"step": "20", "validation.AP": "0.5"},
]  # fmt: skip


def test_terms_are_summed_by_head() -> None:
    found = curves.losses(ROWS)
    assert found["loss"] == [(10, 0.3), (20, 0.2)]
    assert found["heatmaps"] == [(10, 0.2), (20, pytest.approx(0.15))]
    assert found["pafs"] == [(10, 0.1), (20, 0.05)]


def test_curves_are_drawn_of_any_log(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = curves.write(ROWS, tmp_path)
    drawn = cv2.imread(str(path))
    assert drawn.shape == (curves.PANEL_HEIGHT, 3 * curves.PANEL_WIDTH, 3)
    line = np.array(curves.COLOURS[0])
    assert (drawn == line).all(axis=2).any()
    assert curves.draw([]).shape == drawn.shape
    assert curves.draw([{"step": "1", "loss": "nan"}]).shape == drawn.shape


STEPS = np.linspace(0, 100, 60)


@pytest.mark.parametrize(
    "values",
    [STEPS, 100 - STEPS, np.full(60, 99.0), np.full(60, 1.0), np.maximum(STEPS, 80)],
)
def test_the_legend_covers_no_line(values: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {
        name: list(zip(STEPS, share * values, strict=True))
        for name, share in {"first": 1.0, "second": 0.9, "third": 0.8}.items()
    }
    named = curves.panel("three lines", lines, lowest=0.0)
    monkeypatch.setattr(curves, "_legend", lambda *_: None)
    bare = curves.panel("three lines", lines, lowest=0.0)
    legend = (named != bare).any(axis=2)
    assert legend.any()
    line = np.isin(
        bare.reshape(-1, 3) @ (1, 256, 65536), np.array(curves.COLOURS) @ (1, 256, 65536)
    )
    assert not (legend & line.reshape(legend.shape)).any()
