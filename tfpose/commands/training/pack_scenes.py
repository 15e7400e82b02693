"""Writes what `tfpose distil-online` reads: pictures with labels, the teacher, the student's start.

  tfpose pack-scenes --dataset=custom/people --data_dir=DATA \
    --origins=people_train.json.zip --teacher_weights=human_pose_estimation_0001.npz \
    --start=tfpose_s.keras --out=packed
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags, logging

from estimator import files
from estimator.program import run
from tfpose.canvases import scenes
from tfpose.commands import arguments

if TYPE_CHECKING:
    import keras

FLAGS = run.new_flags()

DATASET = flags.DEFINE_list(
    "dataset", [], "Prepared sets, whose labels say where to cut.", flag_values=FLAGS
)
DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "The folder that was --out when they were prepared.",
    required=True,
    flag_values=FLAGS,
)
ORIGINS = flags.DEFINE_string(
    "origins", None, "COCO annotations whose images say their origin in --origin_field; without, "
    "a picture's origin is its data set."
, flag_values=FLAGS)  # fmt: skip
ORIGIN_FIELD = flags.DEFINE_string(
    "origin_field", "dataset", "Of the images in --origins.", flag_values=FLAGS
)
TEACHER_WEIGHTS = flags.DEFINE_string(
    "teacher_weights",
    None,
    "Of human_pose_estimation_0001 (docs/weights.md).",
    required=True,
    flag_values=FLAGS,
)
START = flags.DEFINE_string(
    "start", None, "A tfpose_s to go on with: .keras.", required=True, flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "Folder to write.", required=True, flag_values=FLAGS)
TEACHER = "human_pose_estimation_0001"


arguments.existing(DATA_DIR, ORIGINS, TEACHER_WEIGHTS, START)
arguments.writable(OUT, folder=True)


def main(_: list[str]) -> None:
    """Writes the folder."""
    logging.set_verbosity(logging.WARNING)
    count = _write(Path(OUT.value))
    print(f"{OUT.value}: {count} pictures; train with `tfpose distil-online --packed`")


def _write(out: Path) -> int:
    from tfpose.models import lightweight_openpose
    from tfpose.online import pack
    from tfpose.weights import keras_files, opening

    student = keras_files.load_keras(Path(START.value))
    if student.name != "tfpose_s":
        raise ValueError(f"--start must be a tfpose_s, {START.value} is a {student.name}")
    teacher, _ = opening.load(TEACHER, TEACHER_WEIGHTS.value)
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


def _arrays(model: "keras.Model") -> dict[str, Any]:
    from tfpose.blocks.layer_names import variable_name

    return {
        variable_name(variable): np.asarray(variable)
        for layer in model.layers
        for variable in layer.weights
    }


def _save(path: Path, arrays: Mapping[str, Any]) -> None:
    with files.Whole(path) as partial:
        np.savez(partial, **arrays)
