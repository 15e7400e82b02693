"""Draws a sheet of what would be trained on; look at it before training.

python -m scripts.show_samples --dataset=coco --data_dir=data --policy=lightweight_openpose
"""

from pathlib import Path

from absl import app, flags, logging

from augment import policy
from estimator import skeletons
from estimator.decoders import heatmap, paf
from estimator.spec import ImageSpec, OutputSpec, PoseSpec
from tfpose import datasets, models, sample_sheet, sheets

DATASET = flags.DEFINE_string("dataset", None, "Prepared set: coco, custom/NAME.", required=True)
DATA_DIR = flags.DEFINE_string("data_dir", None, "--out of prepare_dataset.", required=True)
SPLIT = flags.DEFINE_string("split", "train", "Which split.")
POLICY = flags.DEFINE_string(
    "policy", "lightweight_openpose", f"One of {', '.join(policy.names())}; none for evaluation."
)
MODEL = flags.DEFINE_string(
    "model", None, "Show its sizes, skeleton and targets; 368x368 and the data's skeleton if not."
)
SKELETON = flags.DEFINE_string("skeleton", None, "Another skeleton than --model's or the data's.")
TOP_DOWN = flags.DEFINE_bool("top_down", False, "Without --model: a person a sample, 256x192.")
COUNT = flags.DEFINE_integer("count", 12, "How many samples.", lower_bound=1)
NEGATIVES = flags.DEFINE_bool("negatives", False, "Show pictures without people too.")
SEED = flags.DEFINE_integer("seed", 0, "Of the choice and the augmentation.")
OUT = flags.DEFINE_string("out", "samples.png", "The sheet.")


def main(_: list[str]) -> None:
    logging.set_verbosity(logging.WARNING)
    records, skeleton = datasets.load(
        DATASET.value, DATA_DIR.value, SPLIT.value, shuffle_seed=SEED.value
    )
    wanted = skeletons.get(SKELETON.value) if SKELETON.value else None
    if MODEL.value:
        spec = models.spec(MODEL.value, skeleton=wanted)
    elif TOP_DOWN.value:
        spec = PoseSpec(
            model="none",
            skeleton=wanted or skeleton,
            image=ImageSpec(height=256, width=192, fit="crop"),
            outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=8.0),
            decoder=heatmap.Parameters(),
        )
    else:
        spec = PoseSpec(
            model="none",
            skeleton=wanted or skeleton,
            image=ImageSpec(height=368, width=368),
            outputs=OutputSpec(),
            decoder=paf.Parameters(),
        )
    chosen = None if POLICY.value == "none" else policy.get(POLICY.value)
    sheet = sample_sheet.draw(
        records,
        spec,
        skeleton=skeleton,
        policy=chosen,
        count=COUNT.value,
        seed=SEED.value,
        people=not NEGATIVES.value,
    )
    sheets.write(Path(OUT.value), sheet)
    print(OUT.value)


if __name__ == "__main__":
    app.run(main)
