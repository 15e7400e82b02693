"""People's boxes of pictures as JSON lines: what `tfpose find-boxes` writes."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from estimator.arrays import Float


class Boxes(NamedTuple):
    """The boxes of a picture.

    Attributes:
      file: name of the picture.
      boxes: (N, 5) float32: left, top, right, bottom in pixels of the picture, and the score.
    """

    file: str
    boxes: Float


def line(found: Boxes) -> str:
    """One picture's line; coordinates to a tenth of a pixel, scores to a thousandth."""
    rows = [
        [*(round(float(v), 1) for v in row[:4]), round(float(row[4]), 3)] for row in found.boxes
    ]
    return json.dumps({"file": found.file, "boxes": rows}) + "\n"


def read(path: Path) -> list[Boxes]:
    """Reads all lines; a last one that is cut off, by a killed process, is left out.

    Raises:
      ValueError: another line is not of that form; says which.
    """
    found = []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, text in enumerate(lines, start=1):
        try:
            tree = json.loads(text)
            boxes = np.array(tree["boxes"], np.float32).reshape(-1, 5)
            if not np.isfinite(boxes).all():
                raise ValueError("a box is not of finite numbers")
            found.append(Boxes(str(tree["file"]), boxes))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) and not text.endswith("\n"):
                break
            raise ValueError(
                f"{path}, line {number}: not written by `tfpose find-boxes` ({error!r})"
            ) from error
    return found
