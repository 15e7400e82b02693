"""Finds the people of pictures with several detectors, and writes their fused boxes.

  tfpose find-boxes --detectors=picodet.xml,rtmdet.onnx --images=photos,more.zip --out=boxes.jsonl
  tfpose find-boxes ... --nobody=scenes.zip --animals=dogs --teachers=tinypose.xml

Pictures without people are given as --nobody: they get no boxes. In pictures of animals (--animals)
a box keeps its score only where a top-down network (--teachers) sees a person.

A line per picture: {"file": NAME, "boxes": [[left, top, right, bottom, score], ...]}, for
`tfpose distil-boxes`. Each detector has a spec beside it, NAME.json (docs/evaluation.md). Killed,
the same command goes on.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from absl import flags
from tqdm import tqdm

from estimator import files, pictures
from estimator.arrays import Float, UInt8
from estimator.program import run
from tfpose.commands import arguments

Look: TypeAlias = Callable[[UInt8], Float]  # a picture's boxes (N, 5)

FLAGS = run.new_flags()

DETECTORS = flags.DEFINE_list(
    "detectors", None, "Files of person detectors.", required=True, flag_values=FLAGS
)
IMAGES = flags.DEFINE_list(
    "images", None, "Folders and zips with the pictures.", required=True, flag_values=FLAGS
)
NOBODY = flags.DEFINE_list(
    "nobody", [], "Folders and zips with pictures in which nobody is.", flag_values=FLAGS
)
ANIMALS = flags.DEFINE_list(
    "animals", [], "Folders and zips with pictures of animals.", flag_values=FLAGS
)
TEACHERS = flags.DEFINE_list(
    "teachers", [], "Files of top-down networks, for --animals.", flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "The .jsonl to write.", required=True, flag_values=FLAGS)


arguments.existing(DETECTORS, IMAGES, NOBODY, ANIMALS, TEACHERS)
arguments.ending(OUT, (".jsonl",))
arguments.writable(OUT)


def main(_: list[str]) -> None:
    """Looks at the pictures that have no line yet, and prints how many boxes there are."""
    from tfpose.data import box_lines
    from tfpose.data.picture_files import Pictures

    if bool(ANIMALS.value) != bool(TEACHERS.value):
        raise ValueError("--animals need --teachers, and the reverse: give both or neither")
    out = Path(OUT.value)
    sets = [(Pictures(map(Path, containers)), look) for containers, look in _looks()]
    before = box_lines.read(out) if out.is_file() else []
    done = {found.file for found in before}
    boxes, unread = sum(len(found.boxes) for found in before), []
    files.write(out, "".join(map(box_lines.line, before)))  # a line that was cut off goes
    work = [(name, *each) for each in sets for name in each[0].photographs() if name not in done]
    with open(out, "a", encoding="utf-8") as file:
        for name, images, look in tqdm(work):
            try:
                found = box_lines.Boxes(name, look(pictures.read(images.read(name))))
            except (ValueError, OSError):
                unread.append(name)
                continue
            file.write(box_lines.line(found))
            file.flush()
            boxes += len(found.boxes)
    print(f"{out}: {boxes} boxes; {len(before)} pictures were done before")
    if unread:
        print(f"{len(unread)} pictures could not be read:", *unread, sep="\n  ")


def _looks() -> list[tuple[list[str], Look]]:
    """The folders and zips, and what gives the boxes of their pictures."""
    from tfpose.teacher import doubting
    from tfpose.teacher.detectors import open_detectors
    from tfpose.teacher.person_network import open_teacher

    detectors = open_detectors([Path(path) for path in DETECTORS.value])
    looks: list[tuple[list[str], Look]] = [(IMAGES.value, detectors)]
    if NOBODY.value:
        looks.append((NOBODY.value, lambda _: np.zeros((0, 5), np.float32)))
    if ANIMALS.value:
        teacher = open_teacher([Path(path) for path in TEACHERS.value])
        looks.append(
            (
                ANIMALS.value,
                lambda picture: doubting.doubted(picture, detectors(picture), teacher),
            )
        )
    return looks
