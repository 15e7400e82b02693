"""Trains tfpose_s on one GPU with PyTorch, its teacher beside it (docs/training.md, "On one GPU").

  tfpose distil-online --packed=packed --out=runs/online --seconds=520 \
    --weights=lspet=0.6,ccp=2,ade20k=10,nobody=1.5
  tfpose import-weights --model=tfpose_s --source=runs/online/student.npz --ignore=fine \
    --out=online.keras

The first command needs PyTorch and what `tfpose pack-scenes` wrote, no TensorFlow; the second the
reverse.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from absl import flags, logging

from estimator import files
from estimator.arrays import Float
from estimator.program import run
from tfpose.canvases import scenes
from tfpose.canvases.options import CanvasOptions
from tfpose.commands import arguments
from tfpose.online.drawing import BLOCK

FLAGS = run.new_flags()

PACKED = flags.DEFINE_string(
    "packed", None, "Folder of `tfpose pack-scenes`.", required=True, flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "Folder for student.npz.", required=True, flag_values=FLAGS)
SECONDS = flags.DEFINE_float(
    "seconds", None, "Of training, from the first step.", required=True, flag_values=FLAGS
)
WEIGHTS = flags.DEFINE_list(
    "weights",
    [],
    "ORIGIN=NUMBER: how often its pictures are taken; 1 where not said.",
    flag_values=FLAGS,
)
RATE = flags.DEFINE_float("rate", 0.01, "Muon's, at its highest.", flag_values=FLAGS)
BATCH = flags.DEFINE_integer("batch", 128, "Windows a step.", flag_values=FLAGS)
BLOCKS = flags.DEFINE_integer(
    "blocks", 1, f"Blocks of {BLOCK} canvases labelled a step.", flag_values=FLAGS
)
FIRST = flags.DEFINE_integer("first", 4096, "Canvases before the first step.", flag_values=FLAGS)
CAPACITY = flags.DEFINE_integer(
    "capacity", 40_000, "Canvases kept on the GPU, a megabyte each.", flag_values=FLAGS
)
SCALES = flags.DEFINE_list(
    "scales", ["0.5", "1", "1.5", "2"], "Sizes at which the teacher looks.", flag_values=FLAGS
)
SEED = flags.DEFINE_integer("seed", 0, "Of canvases and windows.", flag_values=FLAGS)
PROCESSES = flags.DEFINE_integer(
    "processes", os.cpu_count() or 1, "That draw canvases.", flag_values=FLAGS
)
COMPILED = flags.DEFINE_bool("compiled", True, "Compile the networks.", flag_values=FLAGS)

CANVAS = 384
KINDS = [
    (CanvasOptions(height=CANVAS, width=CANVAS, person=(50, 640)), 0.78),
    (  # close-ups: people who are cut off at the waist or the knees
        CanvasOptions(
            height=CANVAS, width=CANVAS, person=(350, 1100), enlarge=5.0, single=0.8, four=0.0,
            pair=0.2, nine=0.0, sharpened=0.5,
        ),
        0.22,
    ),
]  # fmt: skip


arguments.existing(PACKED)
arguments.writable(OUT, folder=True)


def main(_: list[str]) -> None:
    """Trains, and writes student.npz now and then."""
    _run(Path(PACKED.value), Path(OUT.value))


def _run(packed: Path, out: Path) -> None:
    import torch

    from tfpose.online import drawing, networks, pack, train

    options = train.Options(
        seconds=SECONDS.value,
        rate=RATE.value,
        batch=BATCH.value,
        canvas=CANVAS,
        blocks=BLOCKS.value,
        first=FIRST.value,
        capacity=CAPACITY.value,
        scales=tuple(map(float, SCALES.value)),
        compiled=COMPILED.value,
    )
    student = networks.Student(_arrays(packed / "start.npz"))
    teacher = networks.Teacher(_arrays(packed / "teacher.npz"))
    out.mkdir(parents=True, exist_ok=True)
    drawers = drawing.Drawers(
        pack.read(packed),
        KINDS,
        weights=scenes.weights(WEIGHTS.value),
        seed=SEED.value,
        processes=PROCESSES.value,
    )
    try:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        name = torch.cuda.get_device_name() if device == "cuda" else "a CPU, far too slow"
        logging.info("on %s, PyTorch %s", name, torch.__version__)
        torch.manual_seed(SEED.value)
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True

        def save(arrays: Mapping[str, Float]) -> Path:
            return _save(out / "student.npz", arrays)

        train.run(student, teacher, drawers, options, save, device=device)
    finally:
        drawers.stop()


def _arrays(path: Path) -> dict[str, Float]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: write it with `tfpose pack-scenes`")
    with np.load(path) as file:
        return dict(file)


def _save(path: Path, arrays: Mapping[str, Float]) -> Path:
    with files.Whole(path) as partial:
        np.savez(partial, **arrays)  # type: ignore[arg-type]  # NumPy's stub
    return path
