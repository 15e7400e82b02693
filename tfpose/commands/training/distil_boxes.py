"""Gives tfpose_s a map of people's boxes, learnt from detectors (docs/training.md).

  tfpose find-boxes --detectors=picodet.xml,rtmdet.onnx --images=photos --out=boxes.jsonl
  tfpose distil-boxes --boxes=boxes.jsonl --images=photos --out=runs/boxes --seconds=3000 \
    --start=saved_models/tfpose_s/model.keras
  tfpose import-weights --model=tfpose_s --boxes=16 --source=runs/boxes/student.npz --ignore=fine \
    --out=boxes.keras

In PyTorch. All other layers stay as they are, and so do keypoints and limbs. Pictures without
people belong among the others.
"""

from pathlib import Path

from absl import flags

from estimator import pictures
from estimator.program import run
from tfpose.commands import arguments
from tfpose.commands.learning_flags import LearningFlags

FLAGS = run.new_flags()

BOXES = flags.DEFINE_string(
    "boxes", None, "What `tfpose find-boxes` wrote.", required=True, flag_values=FLAGS
)
IMAGES = flags.DEFINE_list(
    "images", None, "Folders and zips with the pictures.", required=True, flag_values=FLAGS
)
EDGE = flags.DEFINE_integer("edge", 320, "Height and width of a view.", 32, flag_values=FLAGS)
LEARNING = LearningFlags(
    FLAGS,
    start="tfpose_s's .keras, or a student.npz; saved_models/tfpose_s/model.keras.",
    rate=0.01,
    ema=0.995,
)


arguments.existing(BOXES, IMAGES)


def main(_: list[str]) -> None:
    """Trains, and writes student.npz now and then."""
    from tfpose.data import box_lines
    from tfpose.data.picture_files import Pictures
    from tfpose.online import distil_boxes
    from tfpose.online.box_views import BoxViewOptions

    options = LEARNING.options(distil_boxes.FROZEN)
    images = Pictures([Path(path) for path in IMAGES.value])
    found = box_lines.read(Path(BOXES.value))
    missing = [one.file for one in found if images.find(one.file) is None]
    if missing:
        raise ValueError(
            f"{len(missing)} of the {len(found)} pictures of {BOXES.value} are not in --images, or "
            f"more than once, such as {missing[0]}"
        )
    feed = distil_boxes.BoxFeed(
        found,
        lambda name: pictures.read(images.read(name)),
        BoxViewOptions(edge=EDGE.value),
        seed=options.seed,
    )
    LEARNING.run(distil_boxes.BoxStudent(LEARNING.start()), feed, options, distil_boxes.error)
