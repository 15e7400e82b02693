"""Writes a teacher's labels of unlabelled pictures as COCO annotations.

  python -m scripts.pseudo_label --model=teacher.tflite --height=368 --images=photos,more.zip \
    --out=labels.json

Killed, the same command goes on where it was. docs/evaluation.md says how the thresholds act.
"""

import dataclasses
from pathlib import Path

from absl import app, flags

from estimator import skeletons
from tfpose import networks, pseudo_label
from tfpose.averaging import MULTISCALE, Averaging
from tfpose.picture_files import Pictures

DEFAULT = pseudo_label.Settings()
LIMITS = DEFAULT.thresholds
MODEL = flags.DEFINE_string("model", None, "The teacher: a .tflite, .keras, ...", required=True)
IMAGES = flags.DEFINE_list("images", None, "Folders and zips with the pictures.", required=True)
OUT = flags.DEFINE_string("out", None, "The .json to write.", required=True)
HEIGHT = flags.DEFINE_integer("height", None, "Base height of a flexible network's input.")
THREADS = flags.DEFINE_integer("threads", None, "Of a .tflite.")
BATCH = flags.DEFINE_integer("batch", None, "Pictures at a time; a .tflite takes one.")
FLIP = flags.DEFINE_bool("flip", DEFAULT.averaging.flip, "Average with the mirrored picture.")
MULTI = flags.DEFINE_bool("multiscale", False, f"Average over the sizes {MULTISCALE}.")
SKELETON = flags.DEFINE_enum(
    "skeleton", DEFAULT.skeleton.name, skeletons.names(), "Keypoints of the labels."
)
PERSON = flags.DEFINE_float("person", LIMITS.person, "Score from which a person is labelled.")
KEYPOINT = flags.DEFINE_float(
    "keypoint", LIMITS.keypoint, "Score from which a keypoint is labelled; below, it is ignored."
)
KEYPOINTS = flags.DEFINE_integer(
    "keypoints", LIMITS.keypoints, "A labelled person has at least so many."
)
SEEN = flags.DEFINE_float(
    "seen", LIMITS.seen, "Score from which a person who is not labelled is ignored, not denied."
)
MARGIN = flags.DEFINE_float(
    "margin", LIMITS.margin, "How far ignored regions reach, as a share of the person's size."
)


def main(argv: list[str]) -> None:
    if argv[1:]:
        raise app.UsageError(f"unexpected arguments {argv[1:]}; --images takes a,b")
    try:
        network = networks.load(MODEL.value, threads=THREADS.value)
        if HEIGHT.value is not None:
            network = network.with_height(HEIGHT.value)
        images = Pictures(map(Path, IMAGES.value))
        found = pseudo_label.label(network, images, OUT.value, settings=_settings(), progress=True)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(f"error: {error}") from error
    print(f"{OUT.value}: {found.people} people in {found.pictures} pictures, ", end="")
    print(f"{found.ignored} with regions to ignore; {found.resumed} were done before")
    if found.unread:
        print(f"{len(found.unread)} pictures could not be read:", *found.unread, sep="\n  ")


def _settings() -> pseudo_label.Settings:
    return dataclasses.replace(
        DEFAULT,
        thresholds=pseudo_label.Thresholds(
            person=PERSON.value,
            keypoint=KEYPOINT.value,
            keypoints=KEYPOINTS.value,
            seen=SEEN.value,
            margin=MARGIN.value,
        ),
        averaging=Averaging(flip=FLIP.value, scales=MULTISCALE if MULTI.value else (1.0,)),
        skeleton=skeletons.get(SKELETON.value),
        batch=BATCH.value,
    )


if __name__ == "__main__":
    app.run(main)
