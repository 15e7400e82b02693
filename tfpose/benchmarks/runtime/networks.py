"""Networks by their names: LiteRT float32 and int8 beside ONNX Runtime, one run, in turns.

    tfpose benchmark networks --networks=rtmpose_t,vitpose_s --originals=onnx

Weights are random, which changes no time: each network is built, converted and quantised on a made
picture, at its own input's size. `--originals` is a folder with what the original's program exports
as NAME.onnx, of one input of fixed size; "-" stands where there is none. Ratios are to LiteRT's
float32. TensorFlow, ONNX Runtime and tf2onnx are needed.
"""

import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags

from estimator.engines import cpu
from estimator.engines.checks import usable_cores
from estimator.program import run

from .. import timing

FLAGS = run.new_flags()

NETWORKS = flags.DEFINE_list("networks", [], "Names of `tfpose zoo`.", flag_values=FLAGS)
ORIGINALS = flags.DEFINE_string(
    "originals", None, "Folder of the originals' own exports, NAME.onnx.", flag_values=FLAGS
)
THREADS = flags.DEFINE_integer("threads", 1, "Of each engine.", lower_bound=1, flag_values=FLAGS)
SECONDS = flags.DEFINE_float(
    "seconds", 10.0, "Longest time for one network.", lower_bound=0, flag_values=FLAGS
)

REPEATS = 100
COLUMNS = ("litert float32", "litert int8", "onnx ours", "onnx original")
HEAD = ("network", *(word for column in COLUMNS for word in (column, "ratio")))


def main(_: list[str]) -> None:
    """Prints the table, milliseconds."""
    if not NETWORKS.value:
        raise app.UsageError("give --networks=NAME,NAME; `tfpose zoo` lists them")
    if ORIGINALS.value and not Path(ORIGINALS.value).is_dir():
        raise app.UsageError(f"--originals={ORIGINALS.value}: there is no such folder")
    from tfpose import models  # Keras: 2 s

    for name in NETWORKS.value:
        models.family_of(name)  # refuses what is none, before the first is measured
    found = " ".join(cpu.telling()) or "unknown"
    print(f"{platform.machine()}, of interest: {found}; {usable_cores()} cores")
    rows = [measure(name) for name in NETWORKS.value]
    print(timing.table(HEAD, rows))


def measure(name: str) -> tuple[str, ...]:
    """A network's row: all engines in turns on the same picture."""
    original = Path(ORIGINALS.value) / f"{name}.onnx" if ORIGINALS.value else None
    given = original.read_bytes() if original and original.is_file() else None
    files = dict(zip(COLUMNS, (*_converted(name), given), strict=True))
    time = timing.medians(
        {
            column: (_litert if column.startswith("litert") else _onnx)(data, THREADS.value)
            for column, data in files.items()
            if data is not None
        },
        repeats=REPEATS,
        seconds=SECONDS.value,
    )
    row = [name]
    for column in COLUMNS:
        took = time.get(column)
        row += [f"{took:.2f}", f"{took / time[COLUMNS[0]]:.2f}"] if took else ["-", "-"]
    return tuple(row)


def _converted(name: str) -> tuple[bytes, bytes, bytes]:
    """The network as a float32 and an int8 .tflite, and as an .onnx."""
    import keras

    from tfpose import export, models
    from tfpose.export import onnx
    from tfpose.export.network import made_picture

    keras.utils.set_random_seed(0)
    spec = models.spec(name)
    height, width = spec.image.height, spec.image.width
    network = export.deployed(models.build(spec), spec, height, width)
    picture = made_picture(height, width)
    picture[0, 0, 0] = 0, 255, 0  # so that the input's scale is 1
    made = (
        export.to_tflite(network),
        export.to_tflite(network, "int8", [picture]),
        onnx.to_onnx(network, spec),
    )
    keras.backend.clear_session()
    return made


def _litert(data: bytes, threads: int) -> Callable[[], object]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data, num_threads=threads)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    noise = _noise(image["shape"], image["dtype"])

    def once() -> None:
        interpreter.set_tensor(image["index"], noise)
        interpreter.invoke()
        for output in interpreter.get_output_details():
            interpreter.get_tensor(output["index"])

    return once


def _onnx(data: bytes, threads: int) -> Callable[[], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    noise = _noise([side if isinstance(side, int) else 1 for side in image.shape], np.float32)
    return partial(session.run, None, {image.name: noise})


def _noise(sides: Any, kind: Any) -> Any:
    noise = np.random.default_rng(0).integers(0, 256, tuple(int(side) for side in sides))
    return noise.astype(kind)
