"""How cost grows with people and with the picture's size, as a table and a plot.

    tfpose benchmark plot --out=speed.png

Left: made maps of 138x240 cells to poses. Right: a JPEG, 16 to 9, to poses with the default network
on one thread: decoded whole, decoded no larger than the network needs (`PoseEstimator.read`), and
the network alone. Milliseconds of processor time, medians of one run in turns.
"""

import time
from functools import partial
from pathlib import Path

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

from . import made_maps, timing
from .stored_maps import SPEC

FLAGS = run.new_flags()

OUT = flags.DEFINE_string("out", "speed.png", "The plot, a .png.", flag_values=FLAGS)
PEOPLE = flags.DEFINE_list(
    "people", ["1", "5", "10", "20", "40", "60", "80", "100"], "In the maps.", flag_values=FLAGS
)
HEIGHTS = flags.DEFINE_list(
    "heights", ["240", "480", "720", "1080", "1440", "2160"], "Of pictures.", flag_values=FLAGS
)
REPEATS = flags.DEFINE_integer("repeats", 20, "Most runs of each.", 1, flag_values=FLAGS)

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
    height, width = CELLS
    left = curves.panel(
        f"ms of decoding {height}x{width} cells, by people", {"decoding": people}, lowest=0.0
    )
    right = curves.panel("ms from JPEG to poses, by megapixels", sizes, lowest=0.0)
    contact_sheet.write(path, np.hstack([left, right]))
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


def _whole(estimator: PoseEstimator, data: bytes) -> object:
    return estimator(pictures.read(data))


def _cells(point: tuple[float, float]) -> tuple[str, str]:
    return f"{point[0]:.0f}", f"{point[1]:.2f}"
