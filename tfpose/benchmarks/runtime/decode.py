"""Maps to people: our decoder against Lightweight OpenPose's on maps enlarged four times.

One thread, maps of the openpose18 skeleton at stride 8. `--maps` takes .npz files, or folders of
them, with `heatmaps` (h, w, 19) and `pafs` (h, w, 38); without it, people are made.
"""

import time
from functools import partial

import cv2
from absl import flags

from estimator.arrays import Float
from estimator.program import run

from .. import made_maps, original_decoder, timing
from ..stored_maps import SPEC, find, read

FLAGS = run.new_flags()

MAPS = flags.DEFINE_multi_string(
    "maps", [], "Files of maps (.npz), or folders of them.", flag_values=FLAGS
)
REPEATS = flags.DEFINE_integer(
    "repeats", 50, "Most runs of each decoder on each map.", 1, flag_values=FLAGS
)

ENLARGED = 4  # as Lightweight OpenPose's demo does; its evaluation enlarges eight times
MADE = ((2, 46, 54), (10, 46, 82), (30, 92, 164), (100, 138, 240))  # people, height, width of map
HEAD = ("maps", "cells", "ours", "theirs", "ours ms", "theirs ms", "ratio")


def main(_: list[str]) -> None:
    """Prints the table: people found and median processor times."""
    cv2.setNumThreads(1)
    maps = {file.stem: read(file) for file in find(MAPS.value)} or make()
    rows = [measure(name, outputs, repeats=REPEATS.value) for name, outputs in maps.items()]
    print(timing.table(HEAD, rows))


def measure(name: str, outputs: dict[str, Float], *, repeats: int) -> tuple[str, ...]:
    """One row of the table."""
    decoders = {
        "ours": partial(SPEC.decode, outputs),
        "theirs": partial(original_decoder.enlarge_and_decode, outputs, ENLARGED),
    }
    taken = timing.medians(decoders, repeats=repeats, clock=time.thread_time)
    height, width = outputs["heatmaps"].shape[:2]
    return (
        name,
        f"{height}x{width}",
        *(str(len(decoder())) for decoder in decoders.values()),
        f"{taken['ours']:.2f}",
        f"{taken['theirs']:.1f}",
        f"{taken['theirs'] / taken['ours']:.1f}",
    )


def make() -> dict[str, dict[str, Float]]:
    """Maps of made people, from few to many."""
    made = {}
    for people, height, width in MADE:
        xy = made_maps.crowd(SPEC.skeleton, people, 8 * height, 8 * width)
        maps = made_maps.render(xy, SPEC.skeleton, SPEC.outputs, height, width)
        made[f"made_{people}"] = maps
    return made
