"""Runs a .tflite with LiteRT on the CPU."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Float, UInt8
from ..spec import PoseSpec
from . import stderr
from .checks import ALONE, check_image, check_names, check_size, default_threads

# Scale and zero point of a uint8 input, and the spec's scale, for which pixels go in as they are;
# a scale of 0 means that the tensor is not quantised.
UNCHANGED = ((1, 0, 1), (0, 0, 1))
NOTE = "^INFO: Created TensorFlow Lite XNNPACK delegate for CPU"  # on every start


@dataclass(frozen=True, kw_only=True)
class _Tensor:
    """A tensor of the graph and its quantisation: value = (integer - zero_point) * scale."""

    index: int
    name: str
    dtype: type
    scale: float
    zero_point: int

    @classmethod
    def of(cls, details: dict[str, Any]) -> "_Tensor":
        scale, zero_point = details["quantization"]
        return cls(
            index=details["index"],
            name=details["name"],
            dtype=details["dtype"],
            scale=float(scale),
            zero_point=int(zero_point),
        )


class LiteRtRunner:
    """Runs a .tflite on the CPU.

    Outputs are found by name, in the graph's signature or among its tensors. The input of the graph
    is float32 or quantised; with scale 1 and zero point 0 pixels are passed on unchanged. Quantised
    outputs are returned as float32. Several threads may call one instance: they take turns.

    The file is read whole, not mapped: a mapped file that is cut short or written over while it is
    in use ends the process (SIGBUS).

    Args:
      path: the file.
      spec: checked against the graph's tensors.
      threads: number of threads, at least 1; None is the number of usable cores, at most 4.
      xnnpack: use XNNPACK's kernels, the fast ones; False uses LiteRT's reference kernels.

    Raises:
      ValueError: not a .tflite, or its tensors are not what the spec says.
    """

    engine = "litert"

    def __init__(
        self,
        path: str | os.PathLike[str],
        spec: PoseSpec,
        *,
        threads: int | None = None,
        xnnpack: bool = True,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, found {threads}")
        self._path, self._spec = Path(path), spec
        self._turn = threading.Lock()
        self._current: tuple[int, ...] = ()
        with stderr.kept(drop=NOTE):
            self._interpreter = _open(self._path, threads or default_threads(), xnnpack)
            self._input = self._find_input()
            self._outputs = self._find_outputs()
            self._resize((1, spec.image.height, spec.image.width, 3))

    def __call__(self, image: UInt8) -> dict[str, Float]:
        """Runs the network once; see `Runner`.

        Memory is allocated again only when the size changes.

        Raises:
          ValueError: the image is not (B, H, W, 3) uint8, or the graph does not take its size or
            number of pictures.
        """
        check_image(image)
        values = _quantise(image, self._input, self._spec.image.scale)
        with self._turn:
            self._resize(image.shape)
            self._interpreter.set_tensor(self._input.index, values)
            try:
                self._interpreter.invoke()
            except RuntimeError as error:
                raise ValueError(f"{self._path} cannot be run: {error}") from error
            found = {
                name: self._interpreter.get_tensor(tensor.index)  # a copy
                for name, tensor in self._outputs.items()
            }
        return {name: _dequantise(found[name], tensor) for name, tensor in self._outputs.items()}

    def _resize(self, shape: tuple[int, ...]) -> None:
        if shape == self._current:
            return
        check_size(self._path, self._spec, shape)
        self._current = ()  # until it is allocated and checked
        try:
            self._interpreter.resize_tensor_input(self._input.index, shape, strict=False)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            if shape[0] > 1:
                raise ValueError(f"{ALONE.format(self._path, shape[0])}: {error}") from error
            raise ValueError(
                f"{self._path} cannot be resized to {shape[1]}x{shape[2]} though its spec has "
                f"image.flexible; export it anew, or as a fixed graph: {error}"
            ) from error
        self._check_outputs(*shape[:3])
        self._current = shape

    def _find_input(self) -> _Tensor:
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1:
            found = [details["name"] for details in inputs]
            raise ValueError(f"{self._path} must have one input, the image; found {found}")
        details, image = inputs[0], self._spec.image
        shape = tuple(int(length) for length in details["shape"])
        open_shape = tuple(int(length) for length in details["shape_signature"])
        agrees = len(shape) == 4 and open_shape[0] in (-1, 1) and shape[3] == 3
        if agrees and not image.flexible:
            agrees = all(
                length in (-1, want)
                for length, want in zip(open_shape[1:3], (image.height, image.width), strict=True)
            )
        if not agrees:
            size = "H, W" if image.flexible else f"{image.height}, {image.width}"
            raise ValueError(
                f"{self._path}: its spec says an input (1, {size}, 3), the graph has {open_shape}"
            )
        tensor = _Tensor.of(details)
        if tensor.dtype not in (np.float32, np.uint8, np.int8, np.int32):
            raise ValueError(
                f"{self._path}: the input must be float32, uint8, int8 or int32, found "
                f"{np.dtype(tensor.dtype).name}"
            )
        return tensor

    def _find_outputs(self) -> dict[str, _Tensor]:
        named = {
            details["name"].partition(":")[0]: details
            for details in self._interpreter.get_output_details()
        }
        for signature in self._interpreter.get_signature_list():
            runner = self._interpreter.get_signature_runner(signature)
            named.update(runner.get_output_details())
        if self._spec.answers == "points":
            named |= self._by_shape(named)
        check_names(self._path, self._spec, named)
        return {name: _Tensor.of(named[name]) for name in self._spec.channels}

    def _by_shape(self, named: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Outputs by the spec's names, of a foreign file, which has names of its own."""
        found = {}
        for name, shape in self._spec.shapes().items():
            fitting = {
                details["index"]: details
                for details in named.values()
                if tuple(int(length) for length in details["shape"]) == (1, *shape)
            }
            if name not in named and len(fitting) == 1:
                found[name] = next(iter(fitting.values()))
        return found

    def _check_outputs(self, batch: int, height: int, width: int) -> None:
        """Compares the shapes of the outputs for an input of this size with the spec.

        Done at every size: with an operation of fixed size inside (a resize, for example) a graph
        can be resizable and its maps still wrong.
        """
        shapes = {
            details["index"]: tuple(int(length) for length in details["shape"])
            for details in self._interpreter.get_output_details()
        }
        for name, shape in self._spec.shapes(height, width).items():
            want = (batch, *shape)
            found = shapes[self._outputs[name].index]
            if found != want:
                raise ValueError(
                    f"{self._path}: its spec says {name} of {want} for an input of "
                    f"{height}x{width}, stride {self._spec.outputs.stride} and skeleton "
                    f"{self._spec.skeleton.name!r}; the graph gives {found}"
                )


def is_quantised(path: Path) -> bool:
    """Whether a .tflite computes in 8 bits: its input is uint8 or int8.

    Raises:
      ValueError: not a .tflite.
    """
    (details, *_) = _open(path, 1, True).get_input_details()
    return bool(details["dtype"] != np.float32)


def _open(path: Path, threads: int, xnnpack: bool) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # 0.1 s: only when needed

    resolver = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        return Interpreter(
            model_content=path.read_bytes(),
            num_threads=threads,
            experimental_op_resolver_type=resolver,
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is no .tflite that LiteRT can run: {error}") from error


def _quantise(image: UInt8, tensor: _Tensor, scale: float) -> npt.NDArray[Any]:
    if tensor.dtype == np.float32:
        return image.astype(np.float32) * np.float32(scale)
    if tensor.dtype == np.uint8 and (tensor.scale, tensor.zero_point, scale) in UNCHANGED:
        return image
    limits = np.iinfo(tensor.dtype)
    step = np.float32((tensor.scale or 1) / scale)
    values = np.round(image / step) + tensor.zero_point
    return np.clip(values, limits.min, limits.max).astype(tensor.dtype)


def _dequantise(values: npt.NDArray[Any], tensor: _Tensor) -> Float:
    if tensor.dtype == np.float32:
        return values
    floats = values.astype(np.float32)
    if tensor.scale:
        floats = (floats - np.float32(tensor.zero_point)) * np.float32(tensor.scale)
    return floats
