"""The network alone: models against each other, at given threads and input sizes, on noise.

Example, one thread and two, at 256x456 and 368x656:

    python -m scripts.benchmark infer --models=a.tflite --models=b.tflite \\
        --thread_counts=1,2 --sizes=256x456,368x656

Ratios are to the first row of the same threads and size. A fixed graph is skipped at sizes that
it does not take.
"""

import re
from functools import partial
from pathlib import Path

import numpy as np
from absl import flags

from estimator import bundle
from estimator.pose_estimator import model_path
from estimator.runner import LiteRtRunner
from estimator.spec import PoseSpec

from . import timing

MODELS = flags.DEFINE_multi_string(
    "models", [], "A .tflite that carries its spec; may be repeated."
)
THREAD_COUNTS = flags.DEFINE_list("thread_counts", ["1"], "Threads, one row each.")
SIZES = flags.DEFINE_list("sizes", [], "HEIGHTxWIDTH; default: what each model was made for.")
XNNPACK = flags.DEFINE_bool("xnnpack", True, "XNNPACK's kernels, or LiteRT's own.")

REPEATS = 50
HEAD = ("model", "size", "threads", "ms", "ratio")


def run() -> None:
    """Prints the table."""
    if not MODELS.value:
        raise SystemExit("give at least one --models=FILE.tflite")
    try:
        paths = [model_path(model) for model in MODELS.value]
        specs = {path: bundle.read(path) for path in paths}
        sizes: list[tuple[int, int] | None] = [_parse(size) for size in SIZES.value]
        rows = [
            row
            for threads in map(int, THREAD_COUNTS.value)
            for size in sizes or [None]
            for row in measure(specs, size, threads)
        ]
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    print(timing.table(HEAD, rows))


def measure(
    specs: dict[Path, PoseSpec], size: tuple[int, int] | None, threads: int
) -> list[tuple[str, ...]]:
    """A row for each model, run in turns at one size."""
    sizes = {
        path: size or (spec.image.height, spec.image.width)
        for path, spec in specs.items()
        if _takes(spec, size)
    }
    random = np.random.default_rng(0)
    tasks = {
        str(path): partial(
            LiteRtRunner(path, specs[path], threads=threads, xnnpack=XNNPACK.value),
            random.integers(0, 256, (1, height, width, 3), np.uint8),
        )
        for path, (height, width) in sizes.items()
    }
    time = timing.medians(tasks, repeats=REPEATS)
    first = next(iter(time.values()), 0)
    return [
        (
            str(path),
            f"{height}x{width}",
            str(threads),
            f"{time[str(path)]:.2f}",
            f"{time[str(path)] / first:.2f}",
        )
        for path, (height, width) in sizes.items()
    ]


def _takes(spec: PoseSpec, size: tuple[int, int] | None) -> bool:
    return size is None or spec.image.flexible or size == (spec.image.height, spec.image.width)


def _parse(size: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", size)
    if found is None:
        raise ValueError(f"--sizes must be HEIGHTxWIDTH, found {size!r}")
    return int(found[1]), int(found[2])
