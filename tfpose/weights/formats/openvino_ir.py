"""OpenVINO's intermediate representation, an .xml beside its .bin: human-pose-estimation-0001.

Read as Open Model Zoo publishes it: in FP32, in FP16, and in FP16-INT8, whose kernels are integers
with scales. Format: docs.openvino.ai, "OpenVINO IR format" and the operation sets. A convolution's
kernel is computed from the constants that lead to it; its bias is the constant that is added next.
"""

import os
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from estimator.arrays import Float

from . import human_pose_estimation_0001
from .assign import TF1, Array

LAYOUT = TF1
TYPES = {"f32": "<f4", "f16": "<f2", "i8": "i1", "u8": "u1", "i32": "<i4", "i64": "<i8"}
CONVOLUTIONS = ("Convolution", "GroupConvolution")
UNBIASED = "/WithoutBiases"  # how the model optimiser calls a convolution before its bias is added
CENTRE = 128.0  # grey levels that the network takes off its input; ours does so in its first layer
RANGE = 255.0  # and divides by


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """A node: what leads into it by port, as (layer, port), and its attributes."""

    name: str
    kind: str
    data: dict[str, str]
    sources: dict[int, str]


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Reads the arrays as `<layer>.kernel` and `<layer>.bias`, in TensorFlow's order of axes.

    Raises:
      FileNotFoundError: the .xml, or the .bin beside it, is not there.
      ValueError: it is not that network's.
    """
    path = Path(path)
    weights = path.with_suffix(".bin")
    for file in (path, weights):
        if not file.is_file():
            raise FileNotFoundError(f"no {file}: an OpenVINO network is an .xml and a .bin")
    graph = _Graph(path, weights.read_bytes())
    stored = graph.convolutions()
    if not stored:
        raise ValueError(f"{path} has no convolutions: is it human-pose-estimation-0001?")
    return human_pose_estimation_0001.named(stored)


class _Graph:
    def __init__(self, path: Path, weights: bytes) -> None:
        self._path, self._weights = path, weights
        try:
            tree = ET.parse(path).getroot()
        except ET.ParseError as error:
            raise ValueError(f"{path} is no OpenVINO network: {error}") from error
        sources: dict[str, dict[int, str]] = defaultdict(dict)
        self._readers: dict[str, list[str]] = defaultdict(list)
        for edge in tree.iter("edge"):
            start, end = edge.attrib["from-layer"], edge.attrib["to-layer"]
            sources[end][int(edge.attrib["to-port"])] = start
            self._readers[start].append(end)
        self._layers = {}
        for layer in tree.iter("layer"):
            data = layer.find("data")
            self._layers[layer.attrib["id"]] = _Layer(
                name=layer.attrib["name"],
                kind=layer.attrib["type"],
                data={} if data is None else dict(data.attrib),
                sources=sources[layer.attrib["id"]],
            )

    def convolutions(self) -> dict[str, Array]:
        """`<layer>/kernel`, (h, w, in, out) or depthwise (h, w, C, 1), and `<layer>/bias`, (C,)."""
        known, found = human_pose_estimation_0001.layer_names(), {}
        for key, layer in self._layers.items():
            if layer.kind not in CONVOLUTIONS:
                continue
            adding = self._adding(key)
            bias = None if adding is None else self._other(adding, key)
            names = [layer.name, layer.name.removesuffix(UNBIASED)]
            names += [] if adding is None else [self._layers[adding].name]
            name = next((one for one in names if one in known), names[1])
            kernel = self._constant(layer.sources[1])
            found[f"{name}/kernel"] = self._scaled(layer, kernel)
            if bias is not None:
                found[f"{name}/bias"] = bias.reshape(-1)
        return found

    def _scaled(self, layer: _Layer, kernel: Float) -> Array:
        """The kernel for an input as ours has it, where the picture comes straight in."""
        if layer.kind == "GroupConvolution":  # (groups, out, in, h, w), one in and out a group
            return np.asarray(kernel[:, 0].transpose(2, 3, 0, 1))
        turned = kernel.transpose(2, 3, 1, 0)
        picture = self._picture(layer.sources[0])
        if picture is None:
            return np.asarray(turned)
        scale, offset = picture
        if not np.allclose(offset, -CENTRE * scale, rtol=1e-3):
            raise ValueError(
                f"{self._path} reads pictures times {scale.ravel()} plus {offset.ravel()}; "
                f"human-pose-estimation-0001 takes {CENTRE:.0f} off"
            )
        return np.asarray(turned * (RANGE * scale).reshape(1, 1, -1, 1))

    def _picture(self, key: str) -> tuple[Float, Float] | None:
        """Scale and offset from the picture to this layer; None where another lies between."""
        layer = self._layers[key]
        if layer.kind == "Parameter":
            return np.ones(1, np.float32), np.zeros(1, np.float32)
        if layer.kind in ("Convert", "FakeQuantize"):
            return self._picture(layer.sources[0])
        if layer.kind not in ("Add", "Multiply", "Subtract", "Divide"):
            return None
        before = self._picture(layer.sources[0])
        if before is None:
            return None
        scale, offset = before
        number = self._constant(layer.sources[1])
        if layer.kind in ("Add", "Subtract"):
            return scale, offset + (number if layer.kind == "Add" else -number)
        factor = np.asarray(number if layer.kind == "Multiply" else 1 / number, np.float32)
        return scale * factor, offset * factor

    def _adding(self, key: str) -> str | None:
        """The layer that adds the bias."""
        for reader in self._readers[key]:
            others = [one for one in self._layers[reader].sources.values() if one != key]
            if self._layers[reader].kind == "Add" and others and self._is_constant(others[0]):
                return reader
        return None

    def _other(self, adding: str, key: str) -> Float:
        (other,) = (one for one in self._layers[adding].sources.values() if one != key)
        return self._constant(other)

    def _is_constant(self, key: str) -> bool:
        layer = self._layers[key]
        if layer.kind == "Const":
            return True
        return layer.kind != "Parameter" and all(map(self._is_constant, layer.sources.values()))

    def _constant(self, key: str) -> Float:
        """The value of a layer that only constants lead into."""
        layer = self._layers[key]
        if layer.kind == "Const":
            return self._stored(layer)
        values = [self._constant(source) for _, source in sorted(layer.sources.items())]
        match layer.kind:
            case "Convert":
                return values[0]
            case "Multiply":
                return np.asarray(values[0] * values[1], np.float32)
            case "Add":
                return np.asarray(values[0] + values[1], np.float32)
            case "Subtract":
                return np.asarray(values[0] - values[1], np.float32)
            case "Reshape":
                shape = [int(length) for length in values[1]]
                return values[0].reshape(
                    [n or values[0].shape[axis] for axis, n in enumerate(shape)]
                )
            case "FakeQuantize":
                return _quantised(values, int(layer.data["levels"]))
        raise ValueError(f"{self._path}: {layer.name} makes a constant by {layer.kind}")

    def _stored(self, layer: _Layer) -> Float:
        kind = layer.data["element_type"]
        if kind not in TYPES:
            raise ValueError(f"{self._path}: {layer.name} is of type {kind}, read are {[*TYPES]}")
        shape = [int(part) for part in layer.data["shape"].split(",") if part.strip()]
        start, size = int(layer.data["offset"]), int(layer.data["size"])
        data = self._weights[start : start + size]
        if len(data) != size:
            raise ValueError(f"{self._path.with_suffix('.bin')} is cut off at {layer.name}")
        return np.frombuffer(data, TYPES[kind]).reshape(shape).astype(np.float32)


def _quantised(values: list[Float], levels: int) -> Float:
    """The operation FakeQuantize of constants."""
    x, low_in, high_in, low_out, high_out = values
    steps = np.round((np.clip(x, low_in, high_in) - low_in) / (high_in - low_in) * (levels - 1))
    return np.asarray(steps / (levels - 1) * (high_out - low_out) + low_out, np.float32)
