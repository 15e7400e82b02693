"""Draws a sheet of what would be trained on; look at it before training.

tfpose show-samples --dataset=custom/mine --data_dir=data --recipe=finetune --height=224
tfpose show-samples --dataset=coco --data_dir=data --policy=lightweight_openpose

With --recipe, and the --height, --width and --skeleton that `tfpose train` gets, it is what that
training sees: the recipe's network, sizes and augmentation.
"""

from pathlib import Path

from absl import flags, logging

from augment import policy
from estimator.decoders import heatmap, paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.program import run
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec
from tfpose.commands import arguments, zoo_figures

FLAGS = run.new_flags()
DEFAULT_POLICY = "lightweight_openpose"

DATASET = flags.DEFINE_string(
    "dataset", None, "Prepared set: coco, custom/NAME.", required=True, flag_values=FLAGS
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "--out of `tfpose prepare-dataset`.", required=True, flag_values=FLAGS
)
SPLIT = flags.DEFINE_string("split", "train", "Which split.", flag_values=FLAGS)
RECIPE = flags.DEFINE_enum(
    "recipe",
    None,
    arguments.modules("recipes"),
    "Show what this recipe trains on: its network, sizes and policy.",
    flag_values=FLAGS,
)
HEIGHT = flags.DEFINE_integer(
    "height", None, "Height of the training pictures, as for `tfpose train`.", flag_values=FLAGS
)
WIDTH = flags.DEFINE_integer(
    "width", None, "Width of the training pictures, as for `tfpose train`.", flag_values=FLAGS
)
POLICY = flags.DEFINE_string(
    "policy",
    None,
    f"One of {', '.join(policy.names())}; none for evaluation. The recipe's if not given, or "
    f"{DEFAULT_POLICY}.",
    flag_values=FLAGS,
)
MODEL = flags.DEFINE_string(
    "model",
    None,
    "Show its sizes, skeleton and targets; 368x368 and the data's skeleton without it.",
    flag_values=FLAGS,
)
SKELETON = flags.DEFINE_string(
    "skeleton",
    None,
    "Another skeleton than --model's or the data's: a name, or a .json.",
    flag_values=FLAGS,
)
TOP_DOWN = flags.DEFINE_bool(
    "top_down", False, "Without --model: a person a sample, 256x192.", flag_values=FLAGS
)
COUNT = flags.DEFINE_integer("count", 12, "How many samples.", lower_bound=1, flag_values=FLAGS)
NEGATIVES = flags.DEFINE_bool(
    "negatives", False, "Show pictures without people too.", flag_values=FLAGS
)
SEED = flags.DEFINE_integer("seed", 0, "Of the choice and the augmentation.", flag_values=FLAGS)
OUT = flags.DEFINE_string("out", "samples.png", "The sheet.", flag_values=FLAGS)


arguments.existing(DATA_DIR)
arguments.one_of(MODEL, tuple(zoo_figures.read()))
arguments.one_of(POLICY, (*policy.names(), "none"))
arguments.skeleton(SKELETON)
arguments.writable(OUT)


def main(_: list[str]) -> None:
    """Draws the sheet."""
    from tfpose import datasets
    from tfpose.data import contact_sheet
    from tfpose.pipeline import sample_sheet

    logging.set_verbosity(logging.WARNING)
    records, skeleton = datasets.load(
        DATASET.value, DATA_DIR.value, SPLIT.value, shuffle_seed=SEED.value
    )
    name = POLICY.value or _policy_of_recipe() or DEFAULT_POLICY
    chosen = None if name == "none" else policy.get(name)
    sheet = sample_sheet.draw(
        records,
        _spec(skeleton),
        skeleton=skeleton,
        policy=chosen,
        count=COUNT.value,
        seed=SEED.value,
        people=not NEGATIVES.value,
    )
    contact_sheet.write(Path(OUT.value), sheet)
    print(OUT.value)


def _policy_of_recipe() -> str:
    """The recipe's policy, "" where no recipe is given."""
    if not RECIPE.value:
        return ""
    from tfpose import recipes

    return recipes.get(RECIPE.value).policy


def _spec(skeleton: Skeleton) -> PoseSpec:
    """What the samples are made for.

    Args:
      skeleton: of the data.
    """
    wanted = arguments.skeleton_of(SKELETON.value)
    if RECIPE.value or MODEL.value:
        from tfpose import models, recipes

        recipe = recipes.get(RECIPE.value) if RECIPE.value else None
        return models.spec(
            MODEL.value or (recipe.model if recipe else ""),
            skeleton=wanted,
            height=HEIGHT.value or (recipe.height if recipe else 0) or None,
            width=WIDTH.value or (recipe.width if recipe else 0) or None,
        )
    if TOP_DOWN.value:
        return PoseSpec(
            model="none",
            skeleton=wanted or skeleton,
            image=ImageSpec(height=HEIGHT.value or 256, width=WIDTH.value or 192, fit="crop"),
            outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=8.0),
            decoder=heatmap.Parameters(),
        )
    return PoseSpec(
        model="none",
        skeleton=wanted or skeleton,
        image=ImageSpec(height=HEIGHT.value or 368, width=WIDTH.value or 368),
        outputs=OutputSpec(),
        decoder=paf.Parameters(),
    )
