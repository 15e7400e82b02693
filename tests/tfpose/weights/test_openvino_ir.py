"""Files in the layout of Open Model Zoo's human-pose-estimation-0001, made by hand."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tfpose.weights.formats import human_pose_estimation_0001, openvino_ir

NAMES = tuple(human_pose_estimation_0001.layer_names())
KINDS = ("FP32", "FP16", "FP16-INT8", "FP16-INT8 by FakeQuantize")
ELEMENT = {"float32": "f32", "float16": "f16", "int8": "i8", "int64": "i64"}


class Writer:
    """Writes layers one after the other."""

    def __init__(self) -> None:
        self.net = ET.Element("net", name="made", version="10")
        self.layers = ET.SubElement(self.net, "layers")
        self.edges = ET.SubElement(self.net, "edges")
        self.data, self.count = b"", 0

    def add(self, kind: str, name: str, *sources: int, **data: Any) -> int:
        number, self.count = self.count, self.count + 1
        layer = ET.SubElement(self.layers, "layer", id=str(number), name=name, type=kind)
        if data:
            ET.SubElement(layer, "data", {key: str(value) for key, value in data.items()})
        for port, source in enumerate(sources):
            ET.SubElement(
                self.edges,
                "edge",
                {
                    "from-layer": str(source),
                    "from-port": "9",
                    "to-layer": str(number),
                    "to-port": str(port),
                },
            )
        return number

    def constant(self, array: np.ndarray, name: str = "const") -> int:
        start, stored = len(self.data), array.tobytes()
        self.data += stored
        return self.add(
            "Const",
            name,
            element_type=ELEMENT[array.dtype.name],
            shape=", ".join(map(str, array.shape)),
            offset=start,
            size=len(stored),
        )

    def write(self, path: Path) -> Path:
        ET.ElementTree(self.net).write(path)
        path.with_suffix(".bin").write_bytes(self.data)
        return path


def kernel_of(writer: Writer, kernel: np.ndarray, kind: str) -> int:
    """The layers that lead to a kernel (out, in, h, w), or (groups, 1, 1, h, w)."""
    if kind == "FP32":
        return writer.constant(kernel)
    if kind == "FP16":
        return writer.add("Convert", "c", writer.constant(kernel.astype(np.float16)))
    scale = (np.abs(kernel).max() / 127).astype(np.float32)
    whole = writer.constant(np.round(kernel / scale).astype(np.int8))
    whole = writer.add("Convert", "c", whole, destination_type="f16")
    if kind == "FP16-INT8":
        return writer.add("Multiply", "m", whole, writer.constant(scale.reshape(1, 1, 1, 1)))
    ends = [writer.constant(np.float32(end).reshape(1)) for end in (-127, 127)]
    ends += [writer.constant((127 * sign * scale).reshape(1)) for sign in (-1, 1)]
    return writer.add("FakeQuantize", "q", whole, *ends, levels=255)


def write(path: Path, arrays: dict[str, np.ndarray], kind: str) -> Path:
    writer = Writer()
    x = writer.add("Parameter", "data")
    x = writer.add("Multiply", "scale", x, writer.constant(np.full((1, 3, 1, 1), 1 / 255, "f4")))
    x = writer.add("Add", "mean", x, writer.constant(np.full((1, 3, 1, 1), -128 / 255, "f4")))
    for name in NAMES:
        kernel, bias = arrays[f"{name}/kernel"], arrays[f"{name}/bias"]
        depthwise = kernel.shape[3] == 1
        turned = (
            kernel.transpose(2, 3, 0, 1)[:, None] if depthwise else kernel.transpose(3, 2, 0, 1)
        )
        operation = "GroupConvolution" if depthwise else "Convolution"
        weights = kernel_of(writer, np.ascontiguousarray(turned, np.float32), kind)
        x = writer.add(operation, f"{name}/WithoutBiases", x, weights)
        x = writer.add("Add", name, x, writer.constant(bias.reshape(1, -1, 1, 1)))
        x = writer.add("ReLU", f"relu of {name}", x)
    return writer.write(path)


def made() -> dict[str, np.ndarray]:
    """Arrays by the original's names; small, since a reader does not look at the sizes."""
    random, arrays = np.random.default_rng(0), {}
    for name in NAMES:
        depthwise = name.endswith(("/dw", "/dw1", "/dw2", "/dw3"))
        shape = (3, 3, 4, 1) if depthwise else (1, 1, 3 if name == "conv1" else 4, 5)
        if name == "Mconv1_stage2_L1/sq":
            shape = (1, 1, 57 + 4, 5)  # fields, heatmaps and features
        arrays[f"{name}/kernel"] = random.normal(0, 1, shape).astype(np.float32)
        arrays[f"{name}/bias"] = random.normal(0, 1, shape[-2 if depthwise else -1]).astype("f4")
    return arrays


@pytest.mark.parametrize("kind", KINDS)
def test_every_published_form_holds_the_same_arrays(kind: str, tmp_path: Path) -> None:
    arrays = made()
    np.savez(tmp_path / "same.npz", **arrays)
    expected = human_pose_estimation_0001.read(tmp_path / "same.npz")
    found = openvino_ir.read(write(tmp_path / "made.xml", arrays, kind))
    assert found.keys() == expected.keys()
    bound = {"FP32": 1e-6, "FP16": 3e-3}.get(kind, 0.02)
    for name, array in expected.items():
        assert found[name].shape == array.shape
        assert np.abs(found[name] - array).max() < bound, name


def test_another_normalisation_is_refused(tmp_path: Path) -> None:
    writer = Writer()
    x = writer.add("Parameter", "data")
    x = writer.add("Add", "mean", x, writer.constant(np.full((1, 3, 1, 1), -100, "f4")))
    kernel = writer.constant(np.ones((5, 3, 1, 1), np.float32))
    writer.add("Convolution", "conv1", x, kernel)
    with pytest.raises(ValueError, match="takes 128 off"):
        openvino_ir.read(writer.write(tmp_path / "other.xml"))


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    with pytest.raises(FileNotFoundError, match=r"a\.xml"):
        openvino_ir.read(path)
    path.write_text("<net>")
    with pytest.raises(FileNotFoundError, match=r"a\.bin"):
        openvino_ir.read(path)
    path.with_suffix(".bin").touch()
    with pytest.raises(ValueError, match="is no OpenVINO network"):
        openvino_ir.read(path)
    write(path, made(), "FP32")
    path.with_suffix(".bin").write_bytes(b"")
    with pytest.raises(ValueError, match="cut off"):
        openvino_ir.read(path)
    Writer().write(path)
    with pytest.raises(ValueError, match="has no convolutions"):
        openvino_ir.read(path)
