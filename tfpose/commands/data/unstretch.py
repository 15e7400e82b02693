"""Gives pictures that were stretched to a square their 4:3 or 3:4 back, before they are labelled.

  tfpose unstretch --images=stretched.zip --detectors=picodet.xml --teachers=tinypose.xml \
    --out=photos
  tfpose pseudo-label --detectors=picodet.xml --teachers=tinypose.xml --images=photos \
    --out=labels.json

Of the two shapes, the one in which the best person's score is higher is taken. Squares with nobody
and pictures that are no squares are written as they are. Killed, the same command goes on. Each
network has a spec beside it, NAME.json (docs/training.md).
"""

from pathlib import Path

from absl import flags

from estimator.program import run
from tfpose.commands import arguments

FLAGS = run.new_flags()

IMAGES = flags.DEFINE_list(
    "images", None, "Folders and zips with the pictures.", required=True, flag_values=FLAGS
)
DETECTORS = flags.DEFINE_list(
    "detectors", None, "Files of person detectors.", required=True, flag_values=FLAGS
)
TEACHERS = flags.DEFINE_list(
    "teachers", None, "Files of top-down networks.", required=True, flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "Folder to write into.", required=True, flag_values=FLAGS)


arguments.existing(IMAGES, DETECTORS, TEACHERS)
arguments.writable(OUT, folder=True)


def main(_: list[str]) -> None:
    """Writes the pictures, and prints how many became what."""
    from tfpose.data.picture_files import Pictures
    from tfpose.teacher import unstretching
    from tfpose.teacher.detectors import open_detectors
    from tfpose.teacher.person_network import open_teacher
    from tfpose.teacher.top_down import Recipe, TopDown

    label = TopDown(
        open_detectors([Path(path) for path in DETECTORS.value]),
        open_teacher([Path(path) for path in TEACHERS.value]),
        Recipe(),
    )
    images = Pictures(map(Path, IMAGES.value))
    count = unstretching.unstretch(images, Path(OUT.value), label)
    print(f"{OUT.value}: {count.unstretched} squares have their shape back; unchanged are ", end="")
    print(f"{count.nobody} squares with nobody and {count.others} others; ", end="")
    print(f"{count.before} were there before")
    if count.unread:
        print(f"{len(count.unread)} pictures could not be read:", *count.unread, sep="\n  ")
