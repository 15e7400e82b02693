"""Works that `revisions` measures in this checkout and in another: what users wait for.

It runs there as a program of its own, `python -c SOURCE`, so it imports only what both have. It
reads the name of a work per line and answers with the seconds of processor time of one turn, of
all threads and child processes.
"""

import functools
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

Work = Callable[[], object]
REPEATS = {"decode": 40, "maps": 40, "picture": 5, "samples": 1, "start": 1}  # per turn


def decode(people: str) -> Work:
    """Made maps of so many people to poses; cells grow with people, as a picture's do."""
    from tfpose.benchmarks import made_maps
    from tfpose.benchmarks.stored_maps import SPEC

    count = int(people)
    height, width = (46, 54) if count <= 5 else (92, 164) if count <= 50 else (138, 240)
    xy = made_maps.crowd(SPEC.skeleton, count, 8 * height, 8 * width)
    maps = made_maps.render(xy, SPEC.skeleton, SPEC.outputs, height, width)
    return functools.partial(SPEC.decode, maps)


def maps(file: str) -> Work:
    """A stored file of maps to poses."""
    from pathlib import Path

    from tfpose.benchmarks.stored_maps import SPEC, read

    return functools.partial(SPEC.decode, read(Path(file)))


def picture(height: str) -> Work:
    """A JPEG of that height, 16 to 9, to poses with the default network, one thread."""
    import cv2

    from estimator import PoseEstimator
    from estimator.pictures import SAMPLE

    rows = int(height)
    whole = cv2.resize(cv2.imread(str(SAMPLE)), (rows * 16 // 9, rows))
    data = bytes(cv2.imencode(".jpg", whole)[1])
    return functools.partial(PoseEstimator(threads=1).read, data)


def samples(people: str) -> Work:
    """192 training samples of pictures with so many people, one thread; see `input_pipeline`."""
    from tfpose.benchmarks import input_pipeline
    from tfpose.pipeline import batches

    records = batches.from_records(input_pipeline.make(int(people))).cache()
    older = getattr(input_pipeline, "_pipeline", None)  # of the other checkout
    iterator = iter((older or input_pipeline.pipeline)(records, "default", 1))

    def turn() -> None:
        for _ in range(input_pipeline.BATCHES):
            next(iterator)

    return turn


def start(program: str) -> Work:
    """A new process: "import" of the runtime, or "predict", one picture to people and a drawing.

    Its byte code lies in a folder of its own after the first turn, as after an installation.
    """
    from estimator.pictures import SAMPLE

    words = {
        "import": ["-c", "import estimator"],
        "predict": ["-m", "tfpose", "predict", str(SAMPLE), f"--out={tempfile.mkdtemp()}"],
    }[program]
    environment = {
        name: os.environ[name] for name in os.environ if name != "PYTHONDONTWRITEBYTECODE"
    }
    return functools.partial(
        subprocess.run,
        [sys.executable, *words],
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment | {"PYTHONPYCACHEPREFIX": tempfile.mkdtemp()},
    )


def loop(lines: Any, answers: io.TextIOBase) -> None:
    """Answers each line "KIND@ARGUMENT" with the seconds of one turn, divided by its repeats."""
    made: dict[str, Work] = {}
    kinds = {"decode": decode, "maps": maps, "picture": picture, "samples": samples, "start": start}
    for line in lines:
        kind, _, argument = line.strip().partition("@")
        if line not in made:
            made[line] = kinds[kind](argument)
            made[line]()
        begin = _seconds()
        for _ in range(REPEATS[kind]):
            made[line]()
        print((_seconds() - begin) / REPEATS[kind], file=answers, flush=True)


def _seconds() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


if __name__ == "__main__":
    loop(sys.stdin, os.fdopen(os.dup(1), "w"))
