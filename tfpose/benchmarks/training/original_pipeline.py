"""The input pipeline against Lightweight OpenPose's own, in PyTorch, from a checkout of it.

    git clone https://github.com/Daniil-Osokin/lightweight-human-pose-estimation.pytorch ../original
    pip install "tfpose[train]" torch
    tfpose benchmark original_pipeline --original=../original

Its data set with its five transformations, and ours with the same augmentation and maps, on the
same eight made JPEGs (`input_pipeline`), batches of 16, in turns. Its labels are made by its own
`scripts/prepare_train_labels.py`. One thread each; samples per second of processor time, medians.
The last column is ours with maps drawn as the original draws them. The checkout's code runs here.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import cv2
from absl import app, flags

from estimator import skeletons
from estimator.engines import cpu
from estimator.program import run

from .. import timing
from . import input_pipeline

if TYPE_CHECKING:
    from tfpose.data.records import Record

FLAGS = run.new_flags()

ORIGINAL = flags.DEFINE_string(
    "original", None, "A checkout of Lightweight OpenPose.", required=True, flag_values=FLAGS
)
TURNS = flags.DEFINE_integer("turns", 6, "Turns of each.", 1, flag_values=FLAGS)
PEOPLE = flags.DEFINE_multi_integer(
    "people", list(input_pipeline.PEOPLE), "In the pictures.", 1, flag_values=FLAGS
)

PREPARE = Path("scripts", "prepare_train_labels.py")
STRIDE, SIGMA, THICKNESS, PAD = 8, 7, 1, (128, 128, 128)  # of its train.py
BATCHES = 3  # of the original, a turn
HEAD = ("people", "theirs", "ours", "ours / theirs", "with their maps", "that / theirs")


def main(_: list[str]) -> None:
    """Prints the table.

    Raises:
      app.UsageError: the checkout is none of Lightweight OpenPose.
      ImportError: PyTorch is not installed; says how to install it.
    """
    checkout = Path(ORIGINAL.value).resolve()
    if not (checkout / PREPARE).is_file():
        raise app.UsageError(f"{checkout} is no checkout of Lightweight OpenPose: no {PREPARE}")
    try:
        import torch
    except ImportError as error:
        raise ImportError("the original needs PyTorch: pip install torch") from error
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    sys.path.insert(0, str(checkout))
    print(f"processor: {' '.join(cpu.telling()) or 'unknown'}")
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(checkout, people, Path(folder, str(people)), turns=TURNS.value)
            for people in PEOPLE.value
        ]
    print(timing.table(HEAD, rows))


def measure(checkout: Path, people: int, folder: Path, *, turns: int) -> tuple[str, ...]:
    """One row of the table.

    Args:
      checkout: of the original.
      people: per picture.
      folder: to write the pictures and labels into.
      turns: of each side.
    """
    from tfpose.pipeline import batches  # TensorFlow: seconds, which --help does not wait for

    made = input_pipeline.make(people)
    cached = batches.from_records(made).cache()
    ours, like = (
        iter(input_pipeline.pipeline(cached, "default", 1)),
        iter(input_pipeline.pipeline(cached, "lightweight_openpose", 1)),
    )
    theirs = _theirs(checkout, made, folder)
    sides: tuple[Callable[[], float], ...] = (
        lambda: _their_turn(theirs),
        lambda: input_pipeline.time_turn(ours)[1],
        lambda: input_pipeline.time_turn(like)[1],
    )
    spent: list[list[float]] = [[], [], []]
    for turn in range(turns + 1):  # the first one compiles
        for side, seconds in zip(spent, sides, strict=True):
            taken = seconds()
            if turn:
                side.append(taken)
    rates = [1 / median(side) for side in spent]
    return (
        str(people),
        *(f"{rates[0]:.0f}", f"{rates[1]:.0f}", f"{rates[1] / rates[0]:.2f}"),
        *(f"{rates[2]:.0f}", f"{rates[2] / rates[0]:.2f}"),
    )


def _their_turn(dataset: Any) -> float:
    """Seconds of processor time that a sample takes the original."""
    from torch.utils.data import DataLoader, RandomSampler

    count = BATCHES * input_pipeline.BATCH
    drawn = RandomSampler(dataset, replacement=True, num_samples=count)
    begin = time.process_time()
    for _ in DataLoader(dataset, batch_size=input_pipeline.BATCH, sampler=drawn):
        pass
    return (time.process_time() - begin) / count


def _theirs(checkout: Path, made: "list[Record]", folder: Path) -> Any:
    """The original's data set over the made pictures."""
    import pycocotools.mask  # noqa: F401  the original uses it without importing it
    from datasets import coco, transformations  # type: ignore[import-not-found]

    folder.mkdir()
    for record in made:
        (folder / f"{record.image_id}.jpg").write_bytes(record.image)
    (folder / "labels.json").write_text(json.dumps(_labels(made)))
    subprocess.run(
        [
            *(sys.executable, str(checkout / PREPARE)),
            *(f"--labels={folder / 'labels.json'}", f"--output-name={folder / 'labels.pkl'}"),
        ],
        check=True,
        env=os.environ,
    )
    steps = [
        transformations.ConvertKeypoints(),
        transformations.Scale(),
        transformations.Rotate(pad=PAD),
        transformations.CropPad(pad=PAD),
        transformations.Flip(),
    ]
    return coco.CocoTrainDataset(
        str(folder / "labels.pkl"),
        *(str(folder), STRIDE, SIGMA, THICKNESS),
        transform=lambda sample: functools.reduce(lambda part, step: step(part), steps, sample),
    )


def _labels(made: "list[Record]") -> dict[str, Any]:
    """The made people in COCO's format, with the region to ignore as a crowd."""
    height, width = input_pipeline.HEIGHT, input_pipeline.WIDTH
    known = input_pipeline.SPEC.skeleton.keypoints
    order = [known.index(name) for name in skeletons.get("coco17").keypoints]
    images, people = [], []
    for record in made:
        number = int(record.image_id)
        size = {"height": height, "width": width}
        images.append({"id": number, "file_name": f"{number}.jpg", **size})
        for keypoints, box, area in zip(
            record.keypoints[:, order], record.boxes, record.areas, strict=True
        ):
            people.append(
                {
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "keypoints": keypoints.ravel().tolist(),
                    "num_keypoints": len(order),
                    "bbox": box.tolist(),
                    "area": float(area),
                    "segmentation": [],
                }
            )
        crowd = {"size": [height, width], "counts": _column_runs(height, width)}
        people.append(
            {
                "image_id": number,
                "category_id": 1,
                "iscrowd": 1,
                "segmentation": crowd,
                "keypoints": [0] * 51,
                "num_keypoints": 0,
                "area": 1.0,
                "bbox": [0, 0, input_pipeline.IGNORED[1], input_pipeline.IGNORED[0]],
            }
        )
    for number, person in enumerate(people, start=1):
        person["id"] = number
    return {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}]}


def _column_runs(height: int, width: int) -> list[int]:
    """Lengths of runs, outside first, column by column, of the region to ignore."""
    rows, columns = input_pipeline.IGNORED
    runs = [0, *[rows, height - rows] * columns]
    runs[-1] += height * (width - columns)
    return runs
