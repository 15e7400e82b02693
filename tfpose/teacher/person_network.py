"""Top-down teachers for `tfpose cache-people`: foreign networks, each with a spec beside its file.

`NAME.json` beside `NAME.xml` (OpenVINO) or `NAME.param` (ncnn) says what the network reads and
gives; its fields are those of `TeacherSpec`. The maps of several teachers are averaged, and each
answers the mirrored crop, too. OpenVINO and ncnn are imported on first use.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from estimator import geometry, skeletons
from estimator.arrays import Float, UInt8, check_shape
from estimator.engines.openvino import core
from estimator.skeleton import Skeleton

from . import spec_files

Run: TypeAlias = Callable[[Float], Float]  # (B, 3, H, W) to (B, K, h, w)


@dataclass(frozen=True, kw_only=True)
class TeacherSpec:
    """What a top-down teacher reads and gives.

    Attributes:
      height, width: of its input, pixels; RGB.
      mean, deviation: of the normalisation, per channel, on the scale 0..255.
      stride: input pixels per cell.
      offset: a peak at cell i lies at input pixel `stride * i + offset`.
      mirrored_shift: cells by which the maps of a mirrored crop are moved to the right after they
        are mirrored back.
      skeleton: its keypoints are the channels of the heatmaps.
      input, output: names in the graph; ncnn needs them.
    """

    height: int
    width: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    stride: int = 4
    offset: float = 1.5
    mirrored_shift: int = 0
    skeleton: str = "coco17"
    input: str = ""
    output: str = ""

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.stride) < 1 or not all(
            part > 0 for part in self.deviation
        ):
            raise ValueError(
                "height, width, stride and deviation must be positive, found "
                f"{self.height}, {self.width}, {self.stride} and {self.deviation}"
            )
        if len(self.mean) != 3 or len(self.deviation) != 3:
            raise ValueError("mean and deviation must be three numbers each, RGB, 0..255")


def read_spec(path: Path) -> TeacherSpec:
    """Reads the spec beside a teacher's file; errors as `spec_files.read`."""
    return spec_files.read(path, TeacherSpec, {"mean": float, "deviation": float})


class PersonTeacher:
    """Several top-down networks as one: the mean of their maps, and of the mirrored crop's.

    Args:
      networks: each network's spec and the function that runs it; at least one.

    Raises:
      ValueError: there is none, or they differ in input, cells or keypoints.
    """

    def __init__(self, networks: Sequence[tuple[TeacherSpec, Run]]) -> None:
        if not networks:
            raise ValueError("there must be at least one teacher, found none")
        self.spec = networks[0][0]
        for name in ("height", "width", "stride", "offset", "skeleton"):
            values = {getattr(spec, name) for spec, _ in networks}
            if len(values) > 1:
                raise ValueError(f"all teachers must have one {name}, found {sorted(values)}")
        self.skeleton: Skeleton = skeletons.get(self.spec.skeleton)
        self._networks = tuple(networks)

    def __call__(self, crop: UInt8) -> Float:
        """Returns the averaged maps (h, w, K) of a crop (H, W, 3) uint8, RGB.

        Raises:
          ValueError: the crop is not of the input's size, or a network gives other maps.
        """
        check_shape("crop", crop, (self.spec.height, self.spec.width, 3))
        both = np.stack([crop, crop[:, ::-1]])  # (2, H, W, 3)
        total = sum(self._answer(spec, run, both) for spec, run in self._networks)
        return np.asarray(total / len(self._networks), np.float32).transpose(1, 2, 0)

    def _answer(self, spec: TeacherSpec, run: Run, both: UInt8) -> Float:
        mean, deviation = (np.asarray(part, np.float32) for part in (spec.mean, spec.deviation))
        image = (both.astype(np.float32) - mean) / deviation
        maps = run(np.ascontiguousarray(image.transpose(0, 3, 1, 2)))
        check_shape("a teacher's maps", maps, (2, len(self.skeleton.keypoints), None, None))
        mirrored = maps[1][list(self.skeleton.flip_order)][:, :, ::-1]  # (K, h, w)
        return np.asarray((maps[0] + moved_right(mirrored, spec.mirrored_shift)) / 2, np.float32)


def moved_right(maps: Float, cells: int) -> Float:
    """Returns maps (K, h, w) moved to the right; the first columns repeat the first."""
    if cells == 0:
        return maps
    repeated = np.repeat(maps[:, :, :1], cells, axis=2)
    return np.asarray(np.concatenate([repeated, maps[:, :, :-cells]], axis=2), np.float32)


def to_input_matrix(spec: TeacherSpec) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Returns the (2, 3) matrix from a teacher's cells to pixels of its input."""
    matrix = geometry.scaling(spec.stride, spec.stride)
    matrix[:, 2] = spec.offset
    return matrix


def open_teacher(paths: Sequence[Path]) -> PersonTeacher:
    """Opens teachers, each on one thread.

    Raises:
      FileNotFoundError: a file, or the spec beside it, is missing.
      ImportError: OpenVINO or ncnn is not installed.
      ValueError: a file is of another kind, or the teachers differ.
    """
    return PersonTeacher([(spec := read_spec(path), _open(path, spec)) for path in paths])


def _open(path: Path, spec: TeacherSpec) -> Run:
    if not path.is_file():
        raise FileNotFoundError(f"no teacher at {path}")
    if path.suffix in (".xml", ".onnx"):
        return _open_openvino(path, spec)
    if path.suffix == ".param":
        return _open_ncnn(path, spec)
    raise ValueError(f"a teacher must be an .xml, .onnx or .param, found {path}")


def _open_openvino(path: Path, spec: TeacherSpec) -> Run:
    shared = core()
    model = shared.read_model(path)
    model.reshape([2, 3, spec.height, spec.width])
    compiled = shared.compile_model(
        model, "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    )
    place = compiled.output(spec.output) if spec.output else compiled.output(0)
    return lambda image: np.array(compiled([image])[place])


def _open_ncnn(path: Path, spec: TeacherSpec) -> Run:
    import ncnn

    if not (spec.input and spec.output):
        raise ValueError(f"the spec of {path} must name the input and the output of the graph")
    net = ncnn.Net()
    for name in ("fp16_storage", "fp16_packed", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{name}", False)
    net.opt.num_threads = 1
    if net.load_param(str(path)) or net.load_model(str(path.with_suffix(".bin"))):
        raise ValueError(f"ncnn cannot read {path} and {path.with_suffix('.bin')}")

    def run(image: Float) -> Float:
        answers = []
        for one in image:
            extractor = net.create_extractor()
            extractor.input(spec.input, ncnn.Mat(np.ascontiguousarray(one)))
            _, maps = extractor.extract(spec.output)
            answers.append(np.array(maps))
        return np.stack(answers)

    return run
