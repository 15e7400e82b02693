"""Trains a recipe: `python -m scripts.train --recipe=NAME --data_dir=... --run=...`.

Every field of the recipe is a flag, nested ones with a dot: `--batch=16 --optimiser.rate=1e-4`. A
run that was killed goes on with the same command.
"""

import sys
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from absl import app, flags, logging

from tfpose import recipe, recipes, run, train, validation

RECIPE = flags.DEFINE_enum("recipe", None, recipes.names(), "What to train.", required=True)
RUN = flags.DEFINE_string(
    "run", None, "Folder of the run; an unfinished one goes on.", required=True
)
VALIDATION_ANNOTATIONS = flags.DEFINE_string(
    "validation_annotations", None, "COCO keypoints to measure AP on; none are measured without."
)
VALIDATION_IMAGES = flags.DEFINE_list(
    "validation_images", [], "Folders and zips with the pictures of --validation_annotations."
)
VALIDATION_HEIGHT = flags.DEFINE_integer(
    "validation_height", 0, "Base height of the input for validation; 0 takes the model's."
)
VALIDATION_SUBSET = flags.DEFINE_integer(
    "validation_subset", None, "Validate on so many pictures, always the same; all if not given."
)
THREADS = flags.DEFINE_integer(
    "threads", 0, "Cores that an operation may use; 0 takes all.", lower_bound=0
)
DEFINE: dict[type, Any] = {
    str: flags.DEFINE_string,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_boolean,
    tuple: flags.DEFINE_string,
}
OVERRIDES: dict[str, Any] = {
    name: DEFINE[kind](name, None, f"Instead of the recipe's {name}.")
    for name, kind in recipe.settings().items()
}


def main(argv: Sequence[str]) -> None:
    """Flags to one call."""
    if len(argv) > 1:
        raise app.UsageError(f"unknown arguments {argv[1:]}")
    given = {name: flag.value for name, flag in OVERRIDES.items() if flag.value is not None}
    try:
        effective = recipe.override(recipes.get(RECIPE.value), given)
        if THREADS.value:
            tf.config.threading.set_intra_op_parallelism_threads(THREADS.value)
            tf.config.threading.set_inter_op_parallelism_threads(THREADS.value)
        logging.info("recipe %s\n%s", RECIPE.value, effective.to_json())
        train.train(effective, RUN.value, validate=_validation(effective))
    except (ValueError, FileNotFoundError, FloatingPointError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


def _validation(effective: recipe.Recipe) -> train.Validate | None:
    if VALIDATION_ANNOTATIONS.value is None:
        return None
    return validation.on_coco(
        VALIDATION_ANNOTATIONS.value,
        VALIDATION_IMAGES.value,
        skeleton=run.spec_of(effective).skeleton,
        height=VALIDATION_HEIGHT.value,
        subset=VALIDATION_SUBSET.value,
    )


if __name__ == "__main__":
    app.run(main)
