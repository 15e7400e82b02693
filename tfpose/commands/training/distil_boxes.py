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
from tfpose.commands import arguments, start_file

FLAGS = run.new_flags()

BOXES = flags.DEFINE_string(
    "boxes", None, "What `tfpose find-boxes` wrote.", required=True, flag_values=FLAGS
)
IMAGES = flags.DEFINE_list(
    "images", None, "Folders and zips with the pictures.", required=True, flag_values=FLAGS
)
START = flags.DEFINE_string(
    "start",
    None,
    "tfpose_s's .keras, or a student.npz; saved_models/tfpose_s/model.keras.",
    required=True,
    flag_values=FLAGS,
)
OUT = flags.DEFINE_string("out", None, "Folder for student.npz.", required=True, flag_values=FLAGS)
SECONDS = flags.DEFINE_float("seconds", None, "Of training.", required=True, flag_values=FLAGS)
RATE = flags.DEFINE_float("rate", 0.01, "Muon's, at its highest.", flag_values=FLAGS)
BATCH = flags.DEFINE_integer("batch", 16, "Views per step.", 1, flag_values=FLAGS)
EDGE = flags.DEFINE_integer("edge", 320, "Height and width of a view.", 32, flag_values=FLAGS)
BFLOAT16 = flags.DEFINE_bool(
    "bfloat16",
    False,
    "Convolutions in bfloat16: half the time on a CPU with AVX-512 BF16 (lscpu), or on a GPU.",
    flag_values=FLAGS,
)
EMA = flags.DEFINE_float(
    "ema", 0.995, "Share of the weights' moving average that a step keeps.", flag_values=FLAGS
)
SEED = flags.DEFINE_integer("seed", 0, "Of the views.", 0, flag_values=FLAGS)
THREADS = flags.DEFINE_integer("threads", None, "Of PyTorch.", 1, flag_values=FLAGS)


arguments.existing(BOXES, IMAGES, START)
arguments.writable(OUT, folder=True)


def main(_: list[str]) -> None:
    """Trains, and writes student.npz now and then."""
    import torch

    from tfpose.data import box_lines
    from tfpose.data.picture_files import Pictures
    from tfpose.online import distil_boxes, learning
    from tfpose.online.box_views import BoxViewOptions

    if THREADS.value:
        torch.set_num_threads(THREADS.value)
    options = learning.Options(
        seconds=SECONDS.value,
        rate=RATE.value,
        batch=BATCH.value,
        frozen=distil_boxes.FROZEN,
        bfloat16=BFLOAT16.value,
        ema=EMA.value,
        seed=SEED.value,
    )
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
        seed=SEED.value,
    )
    student = distil_boxes.BoxStudent(start_file.arrays(START.value))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    save = start_file.saver(OUT.value)
    learning.run(student.to(device), feed, options, save, error=distil_boxes.error)
