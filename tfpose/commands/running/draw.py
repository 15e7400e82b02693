"""Draws predictions that were written before: no network runs.

  tfpose predict photos/ --json=poses.json
  tfpose draw --predictions=poses.json --images=photos --out=drawn
  tfpose draw --predictions=results.json --annotations=person_keypoints_val2017.json \
    --images=val2017.zip --out=drawn --min_score=0.3

Takes the readable JSON of `predict`, and COCO's results, of which --annotations gives the names of
the pictures; without it, 139 is the picture 139.jpg or 000000000139.jpg.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags, logging

from estimator.outputs.draw import COLOURS
from estimator.program import run
from tfpose.commands import arguments

if TYPE_CHECKING:
    from estimator.poses import Poses

FLAGS = run.new_flags()

PREDICTIONS = flags.DEFINE_string(
    "predictions", None, "JSON of predict, or COCO's results.", required=True, flag_values=FLAGS
)
IMAGES = flags.DEFINE_list(
    "images", None, "Folders and zips with the pictures.", required=True, flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "Folder to draw into.", required=True, flag_values=FLAGS)
ANNOTATIONS = flags.DEFINE_string(
    "annotations", None, "COCO annotations that name the results' pictures.", flag_values=FLAGS
)
SKELETON = flags.DEFINE_string(
    "skeleton",
    None,
    "Keypoints of the predictions, by name or from a .json; coco17 of COCO's results if not given.",
    flag_values=FLAGS,
)
MIN_SCORE = flags.DEFINE_float(
    "min_score", 0.0, "Keypoints of a lower score are left out.", flag_values=FLAGS
)
MIN_PERSON_SCORE = flags.DEFINE_float(
    "min_person_score", 0.0, "People of a lower score are left out.", flag_values=FLAGS
)
COLOUR_BY = flags.DEFINE_enum(
    "colour_by", COLOURS[0], COLOURS, "What a limb's colour shows.", flag_values=FLAGS
)
SCORES = flags.DEFINE_bool("scores", False, "Write each person's score.", flag_values=FLAGS)
SUFFIXES = (".jpg", ".png", ".jpeg")

arguments.existing(PREDICTIONS, IMAGES, ANNOTATIONS)
arguments.skeleton(SKELETON)
arguments.writable(OUT, folder=True)


def main(_: list[str]) -> None:
    """Draws every picture of the file.

    Raises:
      ValueError: not one picture could be drawn.
    """
    from estimator import pictures
    from estimator.outputs import draw, results
    from tfpose.data.picture_files import BadPicture, Pictures

    images, out = Pictures(map(Path, IMAGES.value)), Path(OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    drawn, unread = 0, 0
    for names, poses in _pictures():
        name = next((name for name in names if images.find(name)), names[0])
        try:
            picture = pictures.read(images.read(name))
        except (BadPicture, ValueError, OSError) as error:
            logging.warning("%s", error)
            unread += 1
            continue
        shown = draw.skeletons(
            picture,
            poses.select(poses.person_score >= MIN_PERSON_SCORE.value),
            min_score=MIN_SCORE.value,
            colour_by=COLOUR_BY.value,
            scores=SCORES.value,
        )
        results.write_picture(out / f"{Path(name).stem}.jpg", shown)
        drawn += 1
    if not drawn:
        raise ValueError(f"{PREDICTIONS.value}: not one of its {unread} pictures is in --images")
    print(f"{out}: {drawn} pictures drawn" + (f", {unread} could not be read" if unread else ""))


def _pictures() -> "Iterator[tuple[list[str], Poses]]":
    """Possible names of each picture in the file, and its people."""
    from estimator import skeletons
    from estimator.outputs import reading

    rows = reading.read(Path(PREDICTIONS.value))
    skeleton = arguments.skeleton_of(SKELETON.value)
    if all("people" in row and "file" in row for row in rows):
        for row in rows:
            yield [str(row["file"])], reading.of_readable(row, skeleton)
        return
    names = _names()
    grouped: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if not {"image_id", "keypoints", "score"} <= set(row):
            raise ValueError(
                f"{PREDICTIONS.value} has a row that is neither predict's nor a COCO result: "
                f"{sorted(row)}"
            )
        grouped[row["image_id"]].append(row)
    for image_id, group in grouped.items():
        poses = reading.of_coco(group, skeleton or skeletons.get("coco17"))
        yield ([names[image_id]] if image_id in names else _guessed(image_id)), poses


def _names() -> dict[Any, str]:
    from tfpose.data import annotations

    if not ANNOTATIONS.value:
        return {}
    images = annotations.read(Path(ANNOTATIONS.value)).images
    return {image_id: image.file_name for image_id, image in images.items()}


def _guessed(image_id: Any) -> list[str]:
    stems = [str(image_id)]
    if isinstance(image_id, int):
        stems.append(f"{image_id:012}")  # COCO's
    return stems[:1] * ("." in stems[0]) + [stem + suffix for stem in stems for suffix in SUFFIXES]
