"""Runs OpenVINO's own .xml, an .onnx or a .tflite with OpenVINO on the CPU."""

import os
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Float, UInt8
from ..spec import PoseSpec
from . import cpu, saturation
from .checks import check_alone, check_image, check_names, check_scale, check_size

if TYPE_CHECKING:
    import openvino

PRECISION = "f32"  # OpenVINO's default is bfloat16 where the CPU has it
_OPENING = threading.Lock()


class OpenVinoRunner:
    """Runs a file written by tfpose.export. Several threads may call one instance: they take turns.

    On x86 without VNNI the kernels of an int8 network are scaled to what OpenVINO can add there
    (`saturation`), so that its maps are LiteRT's but for rounding.

    Args:
      path: an .xml with its .bin beside it, an .onnx or a .tflite.
      spec: checked against the file's outputs.
      threads: number of threads, at least 1; None is OpenVINO's default.
      precision: of float layers, as OpenVINO names it: "f32" or "bf16".

    Raises:
      ImportError: OpenVINO is not installed.
      ValueError: it cannot run the file, or the file's outputs are not the spec's.
    """

    engine = "openvino"

    def __init__(
        self,
        path: Path,
        spec: PoseSpec,
        *,
        threads: int | None = None,
        precision: str = PRECISION,
    ) -> None:
        try:
            shared = core()
        except ImportError as error:
            raise ImportError("this needs OpenVINO: pip install 'tfpose[openvino]'") from error
        check_scale(path, spec)
        self._path, self._spec, self._turn = path, spec, threading.Lock()
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            model = shared.read_model(path)
            if cpu.may_lack_vnni():
                saturation.guard(model)
            if spec.image.flexible:
                model.reshape([1, -1, -1, 3])
            self._model = shared.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise ValueError(f"{path} is no file that OpenVINO can run: {error}") from error
        self._type = self._model.input(0).element_type.to_dtype()
        self._outputs = self._find_outputs()

    def __call__(self, image: UInt8) -> dict[str, Float]:
        """Runs the network once; see `Runner`."""
        check_image(image)
        check_size(self._path, self._spec, image.shape)
        if self._model.input(0).partial_shape[0] == 1:
            check_alone(self._path, image)
        with self._turn:
            try:
                answers = self._model(image.astype(self._type, copy=False))
            except RuntimeError as error:
                raise ValueError(f"{self._path} cannot be run: {error}") from error
            return {name: np.array(answers[index]) for name, index in self._outputs.items()}

    def _find_outputs(self) -> dict[str, int]:
        """The index of each output, by name or channels: OpenVINO loses the names of a .tflite."""
        found: dict[str, int] = {}
        for index, output in enumerate(self._model.outputs):
            shape = output.get_partial_shape()
            last = shape[len(shape) - 1]
            channels = last.get_length() if last.is_static else 0
            fitting = [name for name, count in self._spec.channels.items() if count == channels]
            named = [name for name in fitting if name in output.get_names()]
            found |= dict.fromkeys(named or fitting, index)
        check_names(self._path, self._spec, found)
        if len(set(found.values())) < len(found):
            raise ValueError(
                f"{self._path}: OpenVINO loses a .tflite's names, and its outputs have as many "
                "channels; give it the .onnx"
            )
        return found


def core() -> "openvino.Core":
    """OpenVINO's core, one for the process, whichever threads ask for it.

    Each core gives its thread a stack for signals, and when it ends the one before. Where the
    first of two ends first, the second brings back a stack that is no longer memory, and the next
    signal, a Ctrl-C even, is a segmentation fault.

    Raises:
      ImportError: OpenVINO is not installed.
    """
    with _OPENING:
        return _core_of(os.getpid())


@cache
def _core_of(process: int) -> "openvino.Core":
    """A forked process gets its own: the threads of its parent's stay behind."""
    import openvino

    opened = openvino.Core()
    opened.set_property({"ENABLE_MMAP": False})  # a mapped file may change (SIGBUS)
    opened.set_property("CPU", {"ENABLE_CPU_PINNING": False})  # or processes share a CPU core
    return opened
