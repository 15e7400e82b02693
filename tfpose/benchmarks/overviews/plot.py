"""How cost grows with people, the picture's size, connections and workers: tables and a plot.

    tfpose benchmark plot --out=speed.png

Above: made maps of 138x240 cells to poses; and a JPEG, 16 to 9, to poses with the default network
on one thread: decoded whole, decoded no larger than the network needs (`PoseEstimator.read`), and
the network alone. Below: what a picture costs the service, by the connections that ask at once;
and what a training sample of one person costs the input pipeline, by its threads. Milliseconds of
processor time, medians of one run in turns.
"""

import asyncio
import itertools
import time
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from absl import flags

from estimator import PoseEstimator, files, pictures
from estimator.engines import cpu
from estimator.inputs import preprocess
from estimator.program import run
from tfpose.data import contact_sheet
from tfpose.training import curves
from tfpose.training.curves import Points

from .. import made_maps, timing
from ..runtime import serve
from ..stored_maps import SPEC
from ..training import input_pipeline

FLAGS = run.new_flags()

OUT = flags.DEFINE_string("out", "speed.png", "The plot, a .png.", flag_values=FLAGS)
PEOPLE = flags.DEFINE_list(
    "people", ["1", "5", "10", "20", "40", "60", "80", "100"], "In the maps.", flag_values=FLAGS
)
HEIGHTS = flags.DEFINE_list(
    "heights", ["240", "480", "720", "1080", "1440", "2160"], "Of pictures.", flag_values=FLAGS
)
REPEATS = flags.DEFINE_integer("repeats", 20, "Most runs of each.", 1, flag_values=FLAGS)

CONNECTIONS = flags.DEFINE_list(
    "connections", ["1", "4", "16", "64"], "That ask the service at once.", flag_values=FLAGS
)
WORKERS = flags.DEFINE_list(
    "workers", ["1", "2", "4"], "Threads of the input pipeline.", flag_values=FLAGS
)

WINDOW = 3.0  # seconds of load of a turn
CELLS = (138, 240)  # height and width of the maps


def main(_: list[str]) -> None:
    """Measures, prints the table and writes the plot."""
    path = Path(OUT.value)
    files.check_writable(path)
    people = by_people([int(count) for count in PEOPLE.value], REPEATS.value)
    sizes = by_size([int(height) for height in HEIGHTS.value], REPEATS.value)
    print(f"processor: {' '.join(cpu.telling()) or 'unknown'}")
    print(timing.table(("people", "ms"), [_cells(point) for point in people]))
    head = ("megapixels", *(f"{name} ms" for name in sizes))
    columns = zip(*sizes.values(), strict=True)
    print(
        timing.table(
            head, [(f"{row[0][0]:.2f}", *(f"{ms:.1f}" for _, ms in row)) for row in columns]
        )
    )
    connections = by_connections([int(count) for count in CONNECTIONS.value], REPEATS.value)
    workers = by_workers([int(count) for count in WORKERS.value], REPEATS.value)
    print(timing.table(("connections", "ms"), [_cells(point) for point in connections]))
    print(timing.table(("workers", "ms"), [_cells(point) for point in workers]))
    height, width = CELLS
    titles = {
        f"ms of decoding {height}x{width} cells, by people": {"decoding": people},
        "ms from JPEG to poses, by megapixels": sizes,
        "ms of the service per picture, by connections": {"service": connections},
        "ms of the input pipeline per sample, by threads": {"pipeline": workers},
    }
    panels = [curves.panel(title, lines, lowest=0.0) for title, lines in titles.items()]
    contact_sheet.write(path, np.vstack([np.hstack(panels[:2]), np.hstack(panels[2:])]))
    print(f"wrote {path}")


def by_people(counts: list[int], repeats: int) -> Points:
    """(people, milliseconds) of decoding made maps of each number of people."""
    height, width = CELLS
    decoders = {}
    for count in counts:
        xy = made_maps.crowd(SPEC.skeleton, count, 8 * height, 8 * width)
        maps = made_maps.render(xy, SPEC.skeleton, SPEC.outputs, height, width)
        decoders[str(count)] = partial(SPEC.decode, maps)
    taken = timing.medians(decoders, repeats=repeats, clock=time.process_time)
    return [(count, taken[str(count)]) for count in counts]


def by_size(heights: list[int], repeats: int) -> dict[str, Points]:
    """(megapixels, milliseconds) of pictures of each height: whole, reduced, network alone."""
    estimator = PoseEstimator(threads=1)
    sample = pictures.read(pictures.SAMPLE)
    found: dict[str, Points] = {"whole": [], "reduced": [], "network": []}
    for height in heights:
        picture = cv2.resize(sample, (height * 16 // 9, height), interpolation=cv2.INTER_AREA)
        data = bytes(cv2.imencode(".jpg", picture[..., ::-1])[1])
        image, _ = preprocess.letterbox(np.asarray(picture), estimator.spec.image)
        taken = timing.medians(
            {
                "whole": partial(_whole, estimator, data),
                "reduced": partial(estimator.read, data),
                "network": partial(estimator.runner, image),
            },
            repeats=repeats,
            clock=time.process_time,
        )
        for name, milliseconds in taken.items():
            found[name].append((picture.shape[0] * picture.shape[1] / 1e6, milliseconds))
    return found


def by_connections(counts: list[int], repeats: int) -> Points:
    """(connections, milliseconds) that a picture, the sample, costs the service's process."""
    requests = itertools.cycle(serve.requests([pictures.SAMPLE.read_bytes()], 1))
    taken: dict[int, list[float]] = {count: [] for count in counts}

    def turn(port: int, count: int) -> float:
        load, start = serve.Load(), serve.figures(port)["process_cpu_seconds_total"]
        asyncio.run(serve.ask(port, count, requests, WINDOW, load))
        spent = serve.figures(port)["process_cpu_seconds_total"] - start
        return 1000 * spent / load.statuses[200]

    with serve.service("tfpose_s") as port:
        turn(port, max(counts))  # unmeasured
        for _ in range(min(repeats, 5)):
            for count in counts:
                taken[count].append(turn(port, count))
    return [(count, median(values)) for count, values in taken.items()]


def by_workers(counts: list[int], repeats: int) -> Points:
    """(threads, milliseconds) that a training sample costs the input pipeline."""
    from tfpose.pipeline import batches  # TensorFlow: seconds, which --help does not wait for

    records = batches.from_records(input_pipeline.make(1)).cache()
    iterators = {
        count: iter(input_pipeline.pipeline(records, "default", count)) for count in counts
    }
    taken: dict[int, list[float]] = {count: [] for count in counts}
    for turn in range(min(repeats, 5) + 1):  # the first one compiles
        for count, iterator in iterators.items():
            _, spent = input_pipeline.time_turn(iterator)
            if turn:
                taken[count].append(1000 * spent)
    return [(count, median(values)) for count, values in taken.items()]


def _whole(estimator: PoseEstimator, data: bytes) -> object:
    return estimator(pictures.read(data))


def _cells(point: tuple[float, float]) -> tuple[str, str]:
    return f"{point[0]:.0f}", f"{point[1]:.2f}"
