"""An evaluation's pictures per second against reading the pictures and running the network alone.

    tfpose benchmark evaluate
    tfpose benchmark evaluate --annotations=val.json --images=val.zip --second_look=auto

Milliseconds of processor time per picture, medians of turns: decoding the picture files, running
the network on one thread, and `evaluate` as a whole, from files to figures with intervals. The
share is the first two over the last: what is left is laying pictures in, reading the maps as
people, a second look, matching and the bootstrap. Last, pictures per second by the clock.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from absl import flags

from estimator import pictures
from estimator.program import run
from estimator.second_look.options import MODES as LOOKS

from .. import timing
from ..works import annotated

FLAGS = run.new_flags()

MODEL = flags.DEFINE_string(
    "model", "tfpose_s", "A .tflite, .keras or a shipped name.", flag_values=FLAGS
)
ANNOTATIONS = flags.DEFINE_string(
    "annotations", None, "COCO keypoints; made pictures if not given.", flag_values=FLAGS
)
IMAGES = flags.DEFINE_list("images", [], "Folders and zips of the pictures.", flag_values=FLAGS)
LOOK = flags.DEFINE_enum(
    "second_look", "off", LOOKS, "As `tfpose evaluate` has it.", flag_values=FLAGS
)
TURNS = flags.DEFINE_integer("turns", 5, "Turns of each.", 1, flag_values=FLAGS)
COUNT = flags.DEFINE_integer("count", 48, "Of the made pictures.", 1, flag_values=FLAGS)

HEAD = ("pictures", "reading", "network", "evaluation", "share", "pictures per second")


def main(_: list[str]) -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        truth, images = ANNOTATIONS.value, list(map(Path, IMAGES.value))
        if not truth:
            truth, images = annotated(folder, COUNT.value), [Path(folder)]
        print(timing.table(HEAD, [measure(truth, images, turns=TURNS.value)]))


def measure(annotations: str, images: list[Path], *, turns: int) -> tuple[str, ...]:
    """The row: reading, network and evaluation, in turns."""
    from tfpose.data.picture_files import Pictures
    from tfpose.evaluation import annotations as truth
    from tfpose.evaluation import evaluate, prediction
    from tfpose.evaluation import network as networks

    network = networks.load(MODEL.value, workers=True)
    alone = prediction.estimator_of(networks.load(MODEL.value, threads=1))
    files = Pictures(images)
    people = truth.read(annotations, known=(network.spec.skeleton,), pictures=files)
    names = [image.file_name for image in people.images.values()]
    inputs = [alone.inputs(pictures.read(files.read(name)))[0].image for name in names]
    inputs.sort(key=lambda image: image.shape)
    settings = evaluate.Settings(second_look=LOOK.value)
    works: dict[str, Callable[[], object]] = {
        "reading": lambda: [pictures.read(files.read(name)) for name in names],
        "network": lambda: [alone.runner(image) for image in inputs],
        "evaluation": lambda: evaluate.evaluate(network, people, files, settings=settings),
    }
    spent: dict[str, list[float]] = {part: [] for part in works}
    walls: list[float] = []
    for turn in range(turns + 1):
        for part, work in works.items():
            begin, wall = time.process_time(), time.perf_counter()
            work()
            if turn:  # the first one fills caches
                spent[part].append(1000 * (time.process_time() - begin) / len(names))
        walls.append(time.perf_counter() - wall)
    reading, running, whole = (median(values) for values in spent.values())
    return (
        str(len(names)),
        *(f"{part:.2f}" for part in (reading, running, whole)),
        f"{(reading + running) / whole:.2f}",
        f"{len(names) / median(walls[1:]):.1f}",
    )
