"""Finds the people of pictures with several detectors, and writes their fused boxes.

  tfpose find-boxes --detectors=picodet.xml,rtmdet.onnx --images=photos,more.zip --out=boxes.jsonl

A line per picture: {"file": NAME, "boxes": [[left, top, right, bottom, score], ...]}, for
`tfpose distil-boxes`. Each detector has a spec beside it, NAME.json (docs/evaluation.md). Killed,
the same command goes on.
"""

from pathlib import Path

from absl import flags
from tqdm import tqdm

from estimator import files, pictures
from estimator.program import run
from tfpose.commands import arguments

FLAGS = run.new_flags()

DETECTORS = flags.DEFINE_list(
    "detectors", None, "Files of person detectors.", required=True, flag_values=FLAGS
)
IMAGES = flags.DEFINE_list(
    "images", None, "Folders and zips with the pictures.", required=True, flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "The .jsonl to write.", required=True, flag_values=FLAGS)


arguments.existing(DETECTORS, IMAGES)
arguments.ending(OUT, (".jsonl",))
arguments.writable(OUT)


def main(_: list[str]) -> None:
    """Looks at the pictures that have no line yet, and prints how many boxes there are."""
    from tfpose.data import box_lines
    from tfpose.data.picture_files import Pictures
    from tfpose.teacher.detectors import open_detectors

    detectors = open_detectors([Path(path) for path in DETECTORS.value])
    images, out = Pictures(map(Path, IMAGES.value)), Path(OUT.value)
    before = box_lines.read(out) if out.is_file() else []
    done = {found.file for found in before}
    boxes, unread = sum(len(found.boxes) for found in before), []
    files.write(out, "".join(map(box_lines.line, before)))  # a line that was cut off goes
    with open(out, "a", encoding="utf-8") as file:
        for name in tqdm([name for name in images.photographs() if name not in done]):
            try:
                found = box_lines.Boxes(name, detectors(pictures.read(images.read(name))))
            except (ValueError, OSError):
                unread.append(name)
                continue
            file.write(box_lines.line(found))
            file.flush()
            boxes += len(found.boxes)
    print(f"{out}: {boxes} boxes; {len(before)} pictures were done before")
    if unread:
        print(f"{len(unread)} pictures could not be read:", *unread, sep="\n  ")
