"""The curves of a run, drawn from its log.csv: loss by head, AP, learning rate.

Drawn with OpenCV, so that training needs no plotting library.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from estimator.arrays import UInt8

from ..data import contact_sheet

FILE = "curves.png"
PANEL_HEIGHT, PANEL_WIDTH = 300, 520  # pixels
LEFT, RIGHT, TOP, BOTTOM = 70, 14, 34, 34  # margins of a panel, pixels
INK, GRID, PAPER = (60, 60, 60), (225, 225, 225), (255, 255, 255)  # BGR
COLOURS = ((40, 40, 40), (200, 90, 20), (30, 120, 240), (60, 160, 60), (160, 60, 160))
FONT, SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.42
NOT_LOSS = ("step", "epoch", "loss", "rate", "gradient_norm", "pictures_per_second", "loss_scale")
VALIDATION = "validation."

Points = list[tuple[float, float]]  # (step, value)


def write(rows: Sequence[Mapping[str, str]], folder: Path) -> Path:
    """Draws a log's rows to `curves.png` in a folder.

    Args:
      rows: of log.csv: column to text, "" where there is none.
      folder: of the run.
    """
    path = folder / FILE
    contact_sheet.write(path, draw(rows))
    return path


def draw(rows: Sequence[Mapping[str, str]]) -> UInt8:
    """Draws a log's rows.

    Returns:
      (H, W, 3) BGR: three panels side by side.
    """
    panels = (
        panel("loss (log scale)", losses(rows), logarithmic=True),
        panel("validation AP", {"AP": column(rows, f"{VALIDATION}AP")}, lowest=0.0),
        panel("learning rate", {"rate": column(rows, "rate")}, lowest=0.0),
    )
    return np.hstack(panels)


def losses(rows: Sequence[Mapping[str, str]]) -> dict[str, Points]:
    """The loss, and its terms summed by head: "heatmaps", "pafs", "teacher.heatmaps"."""
    found = {"loss": column(rows, "loss")}
    names = dict.fromkeys(name for row in rows for name in row)
    terms = [name for name in names if name not in NOT_LOSS and not name.startswith(VALIDATION)]
    for head in dict.fromkeys(name.rpartition(".")[0] or name for name in terms):
        sums: dict[float, float] = {}
        for term in terms:
            if (term.rpartition(".")[0] or term) == head:
                for step, value in column(rows, term):
                    sums[step] = sums.get(step, 0.0) + value
        found[head] = sorted(sums.items())
    return found


def column(rows: Sequence[Mapping[str, str]], name: str) -> Points:
    """(step, value) of the rows that have a finite value there."""
    points = [(float(row["step"]), float(row[name])) for row in rows if row.get(name)]
    return [point for point in points if math.isfinite(point[1])]


def panel(
    title: str,
    lines: Mapping[str, Points],
    *,
    logarithmic: bool = False,
    lowest: float | None = None,
) -> UInt8:
    """One diagram.

    Args:
      title: above it.
      lines: (x, y) points of each line, by name.
      logarithmic: scales y by its logarithm.
      lowest: a value that the y axis holds in any case.

    Returns:
      (PANEL_HEIGHT, PANEL_WIDTH, 3) BGR.
    """
    canvas = np.full((PANEL_HEIGHT, PANEL_WIDTH, 3), PAPER, np.uint8)
    _text(canvas, title, LEFT, TOP - 14)
    scaled = {name: _scaled(points, logarithmic) for name, points in lines.items()}
    values = [value for points in scaled.values() for _, value in points]
    steps = [step for points in scaled.values() for step, _ in points]
    if not values:
        _text(canvas, "nothing yet", LEFT, PANEL_HEIGHT // 2)
        return canvas
    ends = [*values, *([] if lowest is None else [lowest])]
    low, high = _apart(min(ends), max(ends))
    first, last = _apart(min(0.0, *steps), max(steps))
    box = np.array([LEFT, TOP, PANEL_WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM])

    def place(step: float, value: float) -> tuple[int, int]:
        x = box[0] + (step - first) / (last - first) * (box[2] - box[0])
        y = box[3] - (value - low) / (high - low) * (box[3] - box[1])
        return round(float(x)), round(float(y))

    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value, step = low + share * (high - low), first + share * (last - first)
        x, y = place(step, value)
        cv2.line(canvas, (int(box[0]), y), (int(box[2]), y), GRID, 1)
        _text(canvas, f"{10**value if logarithmic else value:.3g}", 8, y + 4)
        text = f"{step:.0f}" if last - first >= 10 else f"{step:.1f}"
        _text(canvas, text, min(x, PANEL_WIDTH - RIGHT - 30) - 4, PANEL_HEIGHT - 12)
    drawn = np.zeros((PANEL_HEIGHT, PANEL_WIDTH, 3), np.uint8)  # where a line is
    for index, points in enumerate(scaled.values()):
        places = [place(*point) for point in points]
        _line(canvas, places, COLOURS[index % len(COLOURS)])
        _line(drawn, places, PAPER)
    if len(scaled) > 1:
        _legend(canvas, list(scaled), drawn[..., 0] > 0)
    return canvas


def _legend(canvas: UInt8, names: Sequence[str], drawn: npt.NDArray[np.bool_]) -> None:
    """Writes the lines' names, each in its colour, where they cover the least of the lines.

    Args:
      canvas: of a panel.
      names: of the lines.
      drawn: (PANEL_HEIGHT, PANEL_WIDTH), where a line is.
    """
    height = 16 * len(names)
    width = max(cv2.getTextSize(name, FONT, SIZE, 1)[0][0] for name in names)
    right, bottom = PANEL_WIDTH - RIGHT - width - 6, PANEL_HEIGHT - BOTTOM - height - 4
    places = [
        (x, y)
        for y in np.linspace(TOP + 2, bottom, 5).astype(int).tolist()
        for x in np.linspace(right, LEFT + 6, 7).astype(int).tolist()  # first the right
    ]
    left, top = min(
        places, key=lambda place: int(drawn[place[1] :, place[0] :][:height, :width].sum())
    )
    for index, name in enumerate(names):
        _text(canvas, name, left, top + 12 + 16 * index, COLOURS[index % len(COLOURS)])


def _scaled(points: Points, logarithmic: bool) -> Points:
    if not logarithmic:
        return points
    return [(step, math.log10(value)) for step, value in points if value > 0]


def _apart(low: float, high: float) -> tuple[float, float]:
    """Ends of an axis, which must differ."""
    return (low, high) if high - low > 1e-12 else (low - 0.5, high + 0.5)


def _line(panel: UInt8, places: Sequence[tuple[int, int]], colour: tuple[int, int, int]) -> None:
    cv2.polylines(panel, [np.array(places, np.int32)], False, colour, 2, cv2.LINE_AA)
    if len(places) <= 12:
        for place in places:
            cv2.circle(panel, place, 3, colour, -1, cv2.LINE_AA)


def _text(panel: UInt8, text: str, x: int, y: int, colour: tuple[int, int, int] = INK) -> None:
    cv2.putText(panel, text, (x, y), FONT, SIZE, colour, 1, cv2.LINE_AA)
