"""Draws a sheet of what would be trained on; look at it before training.

tfpose show-samples --dataset=coco --data_dir=data --policy=lightweight_openpose
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

DATASET = flags.DEFINE_string(
    "dataset", None, "Prepared set: coco, custom/NAME.", required=True, flag_values=FLAGS
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "--out of `tfpose prepare-dataset`.", required=True, flag_values=FLAGS
)
SPLIT = flags.DEFINE_string("split", "train", "Which split.", flag_values=FLAGS)
POLICY = flags.DEFINE_string(
    "policy",
    "lightweight_openpose",
    f"One of {', '.join(policy.names())}; none for evaluation.",
    flag_values=FLAGS,
)
MODEL = flags.DEFINE_string(
    "model",
    None,
    "Show its sizes, skeleton and targets; 368x368 and the data's skeleton if not.",
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
    chosen = None if POLICY.value == "none" else policy.get(POLICY.value)
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


def _spec(skeleton: Skeleton) -> PoseSpec:
    """What the samples are made for.

    Args:
      skeleton: of the data.
    """
    wanted = arguments.skeleton_of(SKELETON.value)
    if MODEL.value:
        from tfpose import models

        return models.spec(MODEL.value, skeleton=wanted)
    if TOP_DOWN.value:
        return PoseSpec(
            model="none",
            skeleton=wanted or skeleton,
            image=ImageSpec(height=256, width=192, fit="crop"),
            outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=8.0),
            decoder=heatmap.Parameters(),
        )
    return PoseSpec(
        model="none",
        skeleton=wanted or skeleton,
        image=ImageSpec(height=368, width=368),
        outputs=OutputSpec(),
        decoder=paf.Parameters(),
    )
