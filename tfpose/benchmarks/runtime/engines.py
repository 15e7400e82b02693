"""Every installed engine on this machine, and which one `engine="auto"` takes.

    tfpose benchmark engines
    tfpose benchmark engines --models=model.tflite --thread_counts=1,2

Prints what the processor has, the milliseconds of each model on each engine, in turns, and those to
the first answer of a new process; then what to install where a faster engine is missing.
"""

import platform
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from absl import flags

from estimator import bundle, engines
from estimator.engines import cpu
from estimator.engines.litert import is_quantised
from estimator.pose_estimator import model_path, shipped_names
from estimator.program import run

from .. import timing
from . import infer

FLAGS = run.new_flags()

MODELS = flags.DEFINE_multi_string(
    "models", [], "A .tflite or .onnx that carries its spec; default: those that ship.",
    flag_values=FLAGS,
)  # fmt: skip
THREAD_COUNTS = flags.DEFINE_list(
    "thread_counts", ["1"], "Threads, one row each.", flag_values=FLAGS
)

PACKAGES = {"litert": "ai_edge_litert", "onnxruntime": "onnxruntime", "openvino": "openvino"}
REPEATS = 30
HEAD = ("model", "engine", "threads", "ms", "ratio", "first ms", "MB", "auto")


def main(_: list[str]) -> None:
    """Prints the table."""
    print(f"{platform.machine()}, of interest: {' '.join(cpu.telling()) or 'unknown'}")
    paths = [model_path(name) for name in MODELS.value or shipped_names()]
    rows = [
        row
        for path in paths
        for threads in map(int, THREAD_COUNTS.value)
        for row in measure(path, threads)
    ]
    print(timing.table(HEAD, rows))
    if advice := missing(paths):
        print(advice)


def measure(path: Path, threads: int) -> list[tuple[str, ...]]:
    """A row for each installed engine that takes the file; ratios are to the first."""
    spec = bundle.read(path)
    chosen = engines.fastest(path, spec)
    names = [
        name
        for name, suffixes in engines.ENGINES.items()
        if path.suffix in suffixes and find_spec(PACKAGES[name])
    ]
    size = (spec.image.height, spec.image.width)
    image = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    runners = {
        name: engines.open_runner(path, spec, threads=threads, engine=name) for name in names
    }
    time = timing.medians(
        {name: partial(runner, image) for name, runner in runners.items()},
        repeats=REPEATS,
    )
    return [
        (
            path.parent.name if path.name == "model.tflite" else str(path),
            name,
            str(threads),
            f"{time[name]:.2f}",
            f"{time[name] / time[names[0]]:.2f}",
            *infer.first_answer((path, name, size), threads),
            "yes" if name == chosen else "",
        )
        for name in names
    ]


def missing(paths: list[Path]) -> str:
    """What to install for a faster engine; empty where nothing would be faster."""
    int8 = any(path.suffix == ".tflite" and is_quantised(path) for path in paths)
    if int8 and cpu.lacks_vnni() and not find_spec(PACKAGES["openvino"]):
        return (
            "this processor has no VNNI: OpenVINO runs int8 files in about .55 of LiteRT's time; "
            "pip install 'tfpose[openvino]'"
        )
    return ""
