"""Trains a network: a recipe, with any of its fields changed by flags.

tfpose train --recipe=lightweight_openpose_half --data_dir=data --run=runs/half

Every field of the recipe is a flag, nested ones with a dot: `--batch=16 --optimiser.rate=1e-4`. A
run that was killed goes on with the same command.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import app, flags, logging

from estimator.program import run
from tfpose.commands import arguments, label_flags, next_steps, recipe_flags, zoo_figures

if TYPE_CHECKING:
    from tfpose.training import loop, recipe

FLAGS = run.new_flags()

RECIPE = flags.DEFINE_enum(
    "recipe", None, arguments.modules("recipes"), "What to train.", required=True, flag_values=FLAGS
)
RUN = flags.DEFINE_string(
    "run", None, "Folder of the run; an unfinished one goes on.", required=True, flag_values=FLAGS
)
VALIDATION_ANNOTATIONS = flags.DEFINE_string(
    "validation_annotations",
    None,
    "COCO keypoints to measure AP on; none are measured without.",
    flag_values=FLAGS,
)
VALIDATION_IMAGES = flags.DEFINE_list(
    "validation_images",
    [],
    "Folders and zips with the pictures of --validation_annotations.",
    flag_values=FLAGS,
)
VALIDATION_HEIGHT = flags.DEFINE_integer(
    "validation_height",
    0,
    "Base height of the input for validation; 0 takes the height of the training pictures.",
    flag_values=FLAGS,
)
LABELS = label_flags.LabelFlags(FLAGS)
VALIDATION_SUBSET = flags.DEFINE_integer(
    "validation_subset",
    None,
    "Validate on so many pictures, always the same; all if not given.",
    flag_values=FLAGS,
)
VALIDATION_PCKH_PEOPLE = flags.DEFINE_string(
    "validation_pckh_people",
    None,
    "MPII: HRNet's valid.json to measure PCKh on, instead of AP; with --validation_images.",
    flag_values=FLAGS,
)
VALIDATION_PCKH_TRUTH = flags.DEFINE_string(
    "validation_pckh_truth", None, "MPII's gt_valid.mat, of the same people.", flag_values=FLAGS
)
THREADS = flags.DEFINE_integer(
    "threads", 0, "Cores that an operation may use; 0 takes all.", lower_bound=0, flag_values=FLAGS
)
GPUS = flags.DEFINE_integer(
    "gpus",
    None,
    "Train on so many GPUs, which share each batch; 0 trains on the CPU, and all are taken if not "
    "given.",
    lower_bound=0,
    flag_values=FLAGS,
)
OVERRIDES = recipe_flags.define(FLAGS)
arguments.existing(VALIDATION_ANNOTATIONS, VALIDATION_IMAGES)
arguments.existing(VALIDATION_PCKH_PEOPLE, VALIDATION_PCKH_TRUTH)
arguments.existing(OVERRIDES["data_dir"], OVERRIDES["canvases"], OVERRIDES["teacher.weights"])
arguments.one_of(OVERRIDES["model"], tuple(zoo_figures.read()))
arguments.skeleton(OVERRIDES["skeleton"])
arguments.writable(RUN, folder=True)


def main(_: list[str]) -> None:
    """Flags to one call."""
    import tensorflow as tf

    from tfpose import recipes
    from tfpose.training import loop, recipe

    given = {name: flag.value for name, flag in OVERRIDES.items() if flag.value is not None}
    effective = recipe.override(recipes.get(RECIPE.value), given)
    if THREADS.value:
        tf.config.threading.set_intra_op_parallelism_threads(THREADS.value)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS.value)
    if GPUS.value is not None:
        _choose_gpus(GPUS.value)
    logging.info("recipe %s\n%s", RECIPE.value, effective.to_json())
    loop.train(effective, RUN.value, validate=_validation(effective))
    print(_next(effective))


def _next(effective: "recipe.Recipe") -> str:
    from tfpose import models
    from tfpose.training import run

    spec = run.spec_of(effective)
    return next_steps.text(
        Path(RUN.value),
        models.spec(spec.model).image,
        height=VALIDATION_HEIGHT.value or spec.image.height,
        annotations=VALIDATION_ANNOTATIONS.value,
        images=VALIDATION_IMAGES.value,
    )


def _choose_gpus(count: int) -> None:
    """Hides the other GPUs from TensorFlow.

    Raises:
      ValueError: there are not as many.
    """
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if count > len(found):
        raise ValueError(f"--gpus={count}, and TensorFlow finds {len(found)} GPUs here")
    tf.config.set_visible_devices(found[:count], "GPU")


def _validation(effective: "recipe.Recipe") -> "loop.Validate | None":
    from tfpose.training import run, validation

    if VALIDATION_PCKH_PEOPLE.value or VALIDATION_PCKH_TRUTH.value:
        return _validation_on_mpii()
    if VALIDATION_ANNOTATIONS.value is None:
        return None
    return validation.on_coco(
        VALIDATION_ANNOTATIONS.value,
        VALIDATION_IMAGES.value,
        skeleton=run.spec_of(effective).skeleton,
        height=VALIDATION_HEIGHT.value,
        subset=VALIDATION_SUBSET.value,
        choice=LABELS.choice,
    )


def _validation_on_mpii() -> "loop.Validate":
    from tfpose.training import validation_mpii

    if VALIDATION_ANNOTATIONS.value or not (
        VALIDATION_PCKH_PEOPLE.value and VALIDATION_PCKH_TRUTH.value and VALIDATION_IMAGES.value
    ):
        raise app.UsageError(
            "PCKh needs --validation_pckh_people, --validation_pckh_truth and --validation_images, "
            "and no --validation_annotations"
        )
    return validation_mpii.on_mpii(
        VALIDATION_PCKH_PEOPLE.value, VALIDATION_PCKH_TRUTH.value, VALIDATION_IMAGES.value
    )
