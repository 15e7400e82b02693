"""Runs a network: pictures of its input's size in, named maps out. LiteRT on the CPU.

Other engines are other classes with the same `__call__`; PoseEstimator takes any of them.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .arrays import Float, UInt8
from .spec import PoseSpec

ALONE = "{} takes one picture at a time, found a batch of {}; leave the batch at 1"


class Runner(Protocol):
    """What PoseEstimator needs of an engine."""

    def __call__(self, image: UInt8) -> dict[str, Float]:
        """Runs the network once.

        Args:
          image: (B, H, W, 3) uint8, RGB. Not every graph takes another B than 1.

        Returns:
          The maps of `PoseSpec.channels` by name, (B, h, w, C) float32.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class _Tensor:
    """A tensor of the graph, and what its integers mean: value = (integer - zero_point) * scale."""

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
    """A .tflite on the CPU.

    The outputs are found by name, in the graph's signature or else among its tensors. A graph may
    take float32 or quantised input; with scale 1 and zero point 0 the camera's bytes go in as they
    are. Quantised outputs come back as float32. One instance serves one thread at a time.

    Args:
      path: the file.
      spec: what it should be; checked against the graph's tensors.
      threads: at least 1; None takes the cores that this process may use, at most 4.
      xnnpack: run on XNNPACK's kernels, the fast ones; False for LiteRT's own, to compare.

    Raises:
      ValueError: not a .tflite, or its tensors are not what the spec says.
    """

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
        self._interpreter = _open(self._path, threads or usable_cores(), xnnpack)
        self._input = self._find_input()
        self._outputs = self._find_outputs()
        self._current: tuple[int, ...] = ()
        self._resize((1, spec.image.height, spec.image.width, 3))

    def __call__(self, image: UInt8) -> dict[str, Float]:
        """Runs the network once; see `Runner`.

        A stream of pictures of one size allocates once.

        Raises:
          ValueError: the image is not (B, H, W, 3) uint8, or of a size or a number that the graph
            cannot take.
        """
        check_image(image)
        self._resize(image.shape)
        self._interpreter.set_tensor(self._input.index, _quantise(image, self._input))
        self._interpreter.invoke()
        return {
            name: _dequantise(self._interpreter.get_tensor(tensor.index), tensor)
            for name, tensor in self._outputs.items()
        }

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
        if tensor.dtype not in (np.float32, np.uint8, np.int8):
            raise ValueError(
                f"{self._path}: the input must be float32, uint8 or int8, found "
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
        check_names(self._path, self._spec, named)
        return {name: _Tensor.of(named[name]) for name in self._spec.channels}

    def _check_outputs(self, batch: int, height: int, width: int) -> None:
        """Compares the outputs' shapes for an input of this size with what the spec says of them.

        It is done at every size: an operation with a fixed size inside (a resize, for one) can
        leave a graph resizable and its maps wrong.
        """
        stride = self._spec.outputs.stride
        shapes = {
            details["index"]: tuple(int(length) for length in details["shape"])
            for details in self._interpreter.get_output_details()
        }
        for name, channels in self._spec.channels.items():
            want = (batch, height // stride, width // stride, channels)
            found = shapes[self._outputs[name].index]
            if found != want:
                raise ValueError(
                    f"{self._path}: its spec says {name} of {want} for an input of "
                    f"{height}x{width}, stride {stride} and skeleton "
                    f"{self._spec.skeleton.name!r}; the graph gives {found}"
                )


def check_image(image: UInt8) -> None:
    """Refuses what no engine takes.

    Raises:
      ValueError: the image is not (B, H, W, 3) uint8.
    """
    if image.dtype != np.uint8 or image.ndim != 4 or image.shape[3] != 3 or not len(image):
        raise ValueError(
            f"image must be (B, H, W, 3) uint8, found {image.shape} {image.dtype}; "
            "estimator.preprocess.letterbox makes it"
        )


def check_alone(path: Path, image: UInt8) -> None:
    """Refuses a batch, for a graph that takes one picture.

    Raises:
      ValueError: there are several pictures.
    """
    if len(image) > 1:
        raise ValueError(ALONE.format(path, len(image)))


def check_size(path: Path, spec: PoseSpec, shape: tuple[int, ...]) -> None:
    """Refuses an input (B, H, W, 3) that the model in this file does not take.

    Raises:
      ValueError: it is of another size than a fixed graph's, or off the spec's multiple.
    """
    image = spec.image
    if not image.flexible and shape[1:3] != (image.height, image.width):
        raise ValueError(
            f"{path} takes {image.height}x{image.width} only (height x width), found "
            f"{shape[1]}x{shape[2]}"
        )
    if shape[1] % image.multiple or shape[2] % image.multiple:
        raise ValueError(
            f"{path} takes heights and widths that are multiples of {image.multiple}, "
            f"found {shape[1]}x{shape[2]}"
        )


def check_names(path: Path, spec: PoseSpec, found: Iterable[str]) -> None:
    """Refuses a graph that lacks an output.

    Raises:
      ValueError: says which outputs it has.
    """
    found = set(found)
    missing = sorted(set(spec.channels) - found)
    if missing:
        raise ValueError(
            f"{path}: its spec says outputs {sorted(spec.channels)}, the graph "
            f"lacks {missing}; it has {sorted(found)}"
        )


def usable_cores() -> int:
    """The cores that this process may use, at most 4: small networks gain little from more."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return min(4, len(affinity(0)) if affinity else os.cpu_count() or 1)


def _open(path: Path, threads: int, xnnpack: bool) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # 0.1 s: only when needed

    resolver = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        return Interpreter(
            model_path=str(path), num_threads=threads, experimental_op_resolver_type=resolver
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is no .tflite that LiteRT can run: {error}") from error


def _quantise(image: UInt8, tensor: _Tensor) -> npt.NDArray[Any]:
    if tensor.dtype == np.float32:
        return image.astype(np.float32)
    if tensor.dtype == np.uint8 and (tensor.scale, tensor.zero_point) == (1, 0):
        return image
    limits = np.iinfo(tensor.dtype)
    values = np.round(image / np.float32(tensor.scale or 1)) + tensor.zero_point
    return np.clip(values, limits.min, limits.max).astype(tensor.dtype)


def _dequantise(values: npt.NDArray[Any], tensor: _Tensor) -> Float:
    if tensor.dtype == np.float32:
        return values
    floats = values.astype(np.float32)
    if tensor.scale:
        floats = (floats - np.float32(tensor.zero_point)) * np.float32(tensor.scale)
    return floats
