"""What each network costs, stored in zoo.json, so that nobody waits for TensorFlow to see it.

`tfpose zoo --recount --write=FILE` makes the file; a test holds it equal to the networks.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("zoo.json")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One network, at its default input.

    Attributes:
      task: "bottom-up" sees the whole picture, "top-down" one person; a "detector" gives boxes.
      skeleton: name of the keypoints.
      height, width: of the input, pixels.
      stride: input pixels per map cell.
      parameters: trainable ones.
      macs: multiplications and additions of its convolutions, linear layers and attention, for one
        picture.
      source: the paper, as its arXiv number, or the family's first line.
    """

    task: str
    skeleton: str
    height: int
    width: int
    stride: int
    parameters: int
    macs: int
    source: str


def read(path: Path = FILE) -> dict[str, Figures]:
    """Model's name to its figures, sorted."""
    tree = json.loads(path.read_text(encoding="utf-8"))
    return {name: Figures(**part) for name, part in tree.items()}


def write(figures: Mapping[str, Figures], path: Path) -> None:
    """The inverse of `read`: a line for every network."""
    rows = (f"{json.dumps(name)}: {json.dumps(vars(part))}" for name, part in figures.items())
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
