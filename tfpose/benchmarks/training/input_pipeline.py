"""The input pipeline: samples a second from JPEGs of 640x480 to images and targets of 368x368.

Lightweight OpenPose's augmentation and skeleton: 19 heatmaps, 38 fields and a mask at stride 8, for
pictures of 1, 5 and 20 people. What is compared runs in turns, each waiting for the last to rest.
Two figures a column: samples a second, and samples a second of processor time, which other
programs on the machine disturb less. Columns: the whole pipeline; without targets, as for targets
in the trainer's graph; the JPEG decoding alone, which no pipeline can do without; and its share.
"""

import os
import time
from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from absl import flags

from augment import policy
from estimator import skeletons
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.program import run
from estimator.spec import PoseSpec

from .. import timing

if TYPE_CHECKING:
    from tfpose.data.records import Record
    from tfpose.pipeline import batches

FLAGS = run.new_flags()

TURNS = flags.DEFINE_integer(
    "turns", 6, "Turns of each pipeline, of 192 samples.", 1, flag_values=FLAGS
)
CORES = flags.DEFINE_multi_integer(
    "cores", [1, 2], "Processor cores, and threads, to use.", 1, flag_values=FLAGS
)

BATCH = 16
BATCHES = 12  # a turn
BUFFERED = 4  # batches that may be waiting when a turn begins
PEOPLE = (1, 5, 20)
HEIGHT, WIDTH = 480, 640
IGNORED = (100, 200)  # height and width of a region in the corner
QUALITY = 85  # of the JPEGs; about 80 kB each, as COCO's
HEAD = ("cores", "people", "whole", "without targets", "decoding", "share of decoding")
SPEC = PoseSpec(
    model="none",
    skeleton=skeletons.get("openpose18"),
    image=ImageSpec(height=368, width=368),
    outputs=OutputSpec(),
    decoder=paf.Parameters(),
)


def main(_: list[str]) -> None:
    """Prints the table."""
    rows = []
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for cores in CORES.value:
        _keep_to(available[:cores])
        rows += [measure(people, cores=cores, turns=TURNS.value) for people in PEOPLE]
    print(f"JPEGs of {np.mean([len(one.image) for one in make(1)]) / 1000:.0f} kB")
    print(timing.table(HEAD, rows))


def _keep_to(cores: list[int]) -> None:
    """Threads that start from now on keep to these cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def measure(people: int, *, cores: int, turns: int) -> tuple[str, ...]:
    """One row of the table."""
    from tfpose.pipeline import batches  # TensorFlow: seconds, which --help does not wait for

    records = batches.from_records(make(people)).cache()
    iterators = {
        "whole": iter(pipeline(records, "default", cores)),
        "without": iter(pipeline(records, "none", cores)),
        "decoding": iter(_decoding(records, cores)),
    }
    wall: dict[str, list[float]] = {name: [] for name in iterators}
    processor: dict[str, list[float]] = {name: [] for name in iterators}
    for turn in range(turns + 1):  # the first one compiles
        for name, iterator in iterators.items():
            seconds, processor_seconds = time_turn(iterator)
            if turn:
                wall[name].append(seconds)
                processor[name].append(processor_seconds)
    rate = {
        name: f"{1 / median(wall[name]):.0f} / {1 / median(processor[name]):.0f}"
        for name in iterators
    }
    share = median(processor["decoding"]) / median(processor["whole"])
    return (str(cores), str(people), *rate.values(), f"{100 * share:.0f}%")


def pipeline(records: Any, encoder: "batches.Encoder", threads: int) -> Any:
    """The whole pipeline, with so many threads of its own."""
    from tfpose.pipeline import batches

    return batches.training(
        records,
        SPEC,
        skeleton=SPEC.skeleton,
        policy=policy.get("lightweight_openpose"),
        options=batches.BatchOptions(batch=BATCH, shuffle=8, encoder=encoder, threads=threads),
    )


def _decoding(records: Any, threads: int) -> Any:
    """The pictures, decoded whole, in batches."""
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    options.threading.max_intra_op_parallelism = 1
    return (
        records.repeat()
        .map(
            lambda record: tf.reduce_max(tf.io.decode_jpeg(record["image"], channels=3)[:1]),
            num_parallel_calls=threads,
        )
        .batch(BATCH)
        .prefetch(2)
        .with_options(options)
    )


def time_turn(iterator: Iterator[object]) -> tuple[float, float]:
    """Seconds a sample by the wall and by the processor."""
    begin_processor = time.process_time()
    for _ in range(BUFFERED):
        next(iterator)
    begin = time.perf_counter()
    for _ in range(BATCHES - BUFFERED):
        next(iterator)
    wall = time.perf_counter() - begin
    _wait_until_idle()  # so that no other pipeline pays for what this one still buffers
    processor = time.process_time() - begin_processor
    return wall / ((BATCHES - BUFFERED) * BATCH), processor / (BATCHES * BATCH)


def _wait_until_idle() -> None:
    last = -1.0
    while time.process_time() - last > 0.005:
        last = time.process_time()
        time.sleep(0.1)


def make(people: int) -> "list[Record]":
    """Eight made pictures with people all over them, and a region to ignore."""
    from tfpose.data import ignore_regions
    from tfpose.data.records import Record

    rng = np.random.default_rng(people)
    ignore = np.zeros((HEIGHT, WIDTH), np.uint8)
    ignore[: IGNORED[0], : IGNORED[1]] = 255
    mask = ignore_regions.encode_mask(ignore)
    tall = float(np.clip(420 / np.sqrt(people), 60, 400))
    records = []
    for number in range(8):
        centre = rng.uniform((80, 60), (560, 420), (people, 1, 2))
        xy = centre + rng.uniform(-0.4, 0.4, (people, len(SPEC.skeleton.keypoints), 2)) * tall
        seen = np.full((*xy.shape[:2], 1), 2)
        corner = centre[:, 0] - (0.2 * tall, 0.5 * tall)
        records.append(
            Record(
                image=_picture(rng),
                image_id=str(number),
                height=HEIGHT,
                width=WIDTH,
                keypoints=np.concatenate([xy, seen], axis=2).astype(np.float32),
                boxes=np.concatenate(
                    [corner, np.tile((0.4 * tall, tall), (people, 1))], axis=1
                ).astype(np.float32),
                areas=np.full(people, 0.4 * tall**2, np.float32),
                ignore=mask,
            )
        )
    return records


def _picture(rng: np.random.Generator) -> bytes:
    """A JPEG of coarse and fine patterns."""
    value = np.full((HEIGHT, WIDTH, 3), 128, np.float32)
    for step, strength in ((64, 60), (16, 25), (4, 14), (1, 6)):
        noise = rng.standard_normal((HEIGHT // step + 1, WIDTH // step + 1, 3), np.float32)
        value += strength * cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    encoded = cv2.imencode(
        ".jpg", value.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )[1]
    return bytes(encoded)
