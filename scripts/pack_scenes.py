"""Writes what scripts.distil_online reads: pictures with labels, the teacher, the student's start.

  python -m scripts.pack_scenes --dataset=custom/people --data_dir=DATA \
    --origins=people_train.json.zip --teacher_weights=human_pose_estimation_0001.npz \
    --start=tfpose_s.keras --out=packed
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from absl import app, flags, logging

from tfpose import models, networks, scenes, starts
from tfpose.models import lightweight_openpose
from tfpose.online import pack

DATASET = flags.DEFINE_list("dataset", [], "Prepared sets, whose labels say where to cut.")
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "The folder that was --out when they were prepared.", required=True
)
ORIGINS = flags.DEFINE_string(
    "origins", None, "COCO annotations whose images say their origin in --origin_field; without, "
    "a picture's origin is its data set."
)  # fmt: skip
ORIGIN_FIELD = flags.DEFINE_string("origin_field", "dataset", "Of the images in --origins.")
TEACHER_WEIGHTS = flags.DEFINE_string(
    "teacher_weights", None, "Of human_pose_estimation_0001 (docs/weights.md).", required=True
)
START = flags.DEFINE_string("start", None, "A tfpose_s to go on with: .keras.", required=True)
OUT = flags.DEFINE_string("out", None, "Folder to write.", required=True)
TEACHER = "human_pose_estimation_0001"


def main(argv: list[str]) -> None:
    if argv[1:]:
        raise app.UsageError(f"unexpected arguments {argv[1:]}; lists are written a,b")
    logging.set_verbosity(logging.WARNING)
    try:
        count = _write(Path(OUT.value))
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    print(f"{OUT.value}: {count} pictures; train with scripts.distil_online --packed")


def _write(out: Path) -> int:
    student = networks.load_keras(Path(START.value))
    if student.name != "tfpose_s":
        raise ValueError(f"--start must be a tfpose_s, {START.value} is a {student.name}")
    spec = models.spec(TEACHER)
    teacher = models.build(spec, flexible=True)
    starts.load_weights(teacher, spec, TEACHER_WEIGHTS.value)
    known = scenes.origins(Path(ORIGINS.value), ORIGIN_FIELD.value) if ORIGINS.value else {}
    parts = [
        scenes.prepared(name, DATA_DIR.value, "train", origins=known)[0] for name in DATASET.value
    ]
    found = scenes.gather(*parts).scenes
    pack.write(found, out)
    variant = lightweight_openpose.VARIANTS[TEACHER]
    numbers = {"scale": np.float32(variant.scale), "offset": np.float32(variant.offset)}
    _save(out / "teacher.npz", numbers | _arrays(teacher))
    _save(out / "start.npz", _arrays(student))
    return len(found)


def _arrays(model: keras.Model) -> dict[str, Any]:
    return {
        f"{layer.name}/{variable.name}": np.asarray(variable)
        for layer in model.layers
        for variable in layer.weights
    }


def _save(path: Path, arrays: Mapping[str, Any]) -> None:
    np.savez(path, **arrays)


if __name__ == "__main__":
    app.run(main)
