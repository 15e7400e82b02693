"""The network alone: models against each other, at given engines, threads and sizes, on noise.

Example, one thread and two, at 256x456 and 368x656:

    tfpose benchmark infer --models=a.tflite --models=b.onnx \\
        --engines=litert,onnxruntime,openvino --thread_counts=1,2 --sizes=256x456,368x656

Ratios are to the first row of the same threads and size. A fixed graph is skipped at sizes that
it does not take, an engine at files that it does not read. `--first` starts a process for each row
and adds its time to the first answer, imports included, and its peak memory; `--peak` adds how many
multiplications a second that is, and their share of what one large convolution reaches here
(TensorFlow and the networks of tfpose are needed to count).
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from absl import flags

from estimator import bundle, engines
from estimator.engines.litert import LiteRtRunner, is_quantised
from estimator.maps import Runner
from estimator.pose_estimator import model_path, shipped_names
from estimator.program import run
from estimator.spec import PoseSpec

from .. import timing

FLAGS = run.new_flags()

MODELS = flags.DEFINE_multi_string(
    "models",
    [],
    "A .tflite or .onnx that carries its spec; may be repeated. Default: those that ship.",
    flag_values=FLAGS,
)
ENGINES = flags.DEFINE_list("engines", [], "Default: each file's own.", flag_values=FLAGS)
THREAD_COUNTS = flags.DEFINE_list(
    "thread_counts", ["1"], "Threads, one row each.", flag_values=FLAGS
)
SIZES = flags.DEFINE_list(
    "sizes", [], "HEIGHTxWIDTH; default: what each model was made for.", flag_values=FLAGS
)
XNNPACK = flags.DEFINE_bool(
    "xnnpack", True, "XNNPACK's kernels, or LiteRT's own.", flag_values=FLAGS
)
FIRST = flags.DEFINE_bool(
    "first", False, "Add the time to the first answer, and peak memory.", flag_values=FLAGS
)
PEAK = flags.DEFINE_bool(
    "peak", False, "Add GMAC/s, and their share of this machine's.", flag_values=FLAGS
)

REPEATS = 50
HEAD = ("model", "size", "threads", "ms", "ratio")
FIRST_ANSWER = """\
import re, resource, sys, time
start = time.perf_counter()
from pathlib import Path
import numpy as np
from estimator import bundle, engines
path, engine, threads, height, width = Path(sys.argv[1]), *sys.argv[2:]
runner = engines.open_runner(path, bundle.read(path), engine=engine or None, threads=int(threads))
runner(np.zeros((1, int(height), int(width), 3), np.uint8))
seconds = time.perf_counter() - start
try:  # Linux's ru_maxrss starts at that of the process which started this one
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(seconds, peak)
"""
Task = tuple[Path, str | None, tuple[int, int]]  # file, engine, height and width


def main(_: list[str]) -> None:
    """Prints the table."""
    paths = [model_path(model) for model in MODELS.value or shipped_names()]
    specs = {path: bundle.read(path) for path in paths}
    sizes: list[tuple[int, int] | None] = [_parse(size) for size in SIZES.value]
    rows = [
        row
        for threads in map(int, THREAD_COUNTS.value)
        for size in sizes or [None]
        for row in measure(specs, size, threads)
    ]
    head = HEAD + ("first ms", "MB") * FIRST.value + ("GMAC/s", "of peak") * PEAK.value
    print(timing.table(head, rows))


def measure(
    specs: dict[Path, PoseSpec], size: tuple[int, int] | None, threads: int
) -> list[tuple[str, ...]]:
    """A row for each model and engine, run in turns at one size."""
    tasks = list(_tasks(specs, size))
    random = np.random.default_rng(0)
    functions: dict[str, Callable[[], object]] = {
        _name(task): partial(
            _open(task, specs[task[0]], threads),
            random.integers(0, 256, (1, *task[2], 3), np.uint8),
        )
        for task in tasks
    }
    time = timing.medians(functions, repeats=REPEATS)
    first = next(iter(time.values()), 0)
    rows = []
    for task in tasks:
        name, (height, width) = _name(task), task[2]
        row = [name, f"{height}x{width}", str(threads)]
        row += [f"{time[name]:.2f}", f"{time[name] / first:.2f}"]
        row += first_answer(task, threads) if FIRST.value else []
        row += _share(specs[task[0]], task, threads, time[name]) if PEAK.value else []
        rows.append(tuple(row))
    return rows


def first_answer(task: Task, threads: int) -> list[str]:
    """Milliseconds to the first answer of a new process, and its peak memory, MB."""
    path, engine, (height, width) = task
    arguments = [str(path), engine or "", str(threads), str(height), str(width)]
    command = [sys.executable, "-c", FIRST_ANSWER, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise OSError(f"{_name(task)} does not start: {ended.stderr.strip().splitlines()[-1]}")
    seconds, kilobytes = map(float, ended.stdout.split()[-2:])
    return [f"{1000 * seconds:.0f}", f"{kilobytes / 1000:.0f}"]


def _share(spec: PoseSpec, task: Task, threads: int, milliseconds: float) -> list[str]:
    from .. import peak  # TensorFlow: 2 s, only when asked for

    rate = peak.macs(spec, *task[2]) / milliseconds / 1e6
    kind = "int8" if task[0].suffix == ".tflite" and is_quantised(task[0]) else "float32"
    return [f"{rate:.1f}", f"{100 * rate / peak.measured(kind, threads):.0f}%"]


def _tasks(specs: dict[Path, PoseSpec], size: tuple[int, int] | None) -> Iterator[Task]:
    for path, spec in specs.items():
        if not _takes(spec, size):
            continue
        chosen: list[str | None] = [*ENGINES.value] or [None]
        for engine in chosen:
            if engine is None or path.suffix in engines.ENGINES.get(engine, (path.suffix,)):
                yield path, engine, size or (spec.image.height, spec.image.width)


def _name(task: Task) -> str:
    return f"{task[0]}@{task[1]}" if task[1] else str(task[0])


def _open(task: Task, spec: PoseSpec, threads: int) -> Runner:
    path, engine, _ = task
    if not XNNPACK.value:
        return LiteRtRunner(path, spec, threads=threads, xnnpack=False)
    return engines.open_runner(path, spec, threads=threads, engine=engine)


def _takes(spec: PoseSpec, size: tuple[int, int] | None) -> bool:
    return size is None or spec.image.flexible or size == (spec.image.height, spec.image.width)


def _parse(size: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", size)
    if found is None:
        raise ValueError(f"--sizes must be HEIGHTxWIDTH, found {size!r}")
    return int(found[1]), int(found[2])
