"""Person detectors for labelling: foreign networks with a spec beside each file, their boxes fused.

`NAME.json` beside `NAME.xml` or `NAME.onnx` says what the network reads and gives; its fields are
those of `DetectorSpec`. Boxes are (N, 5) float32: left, top, right, bottom in pixels of the
picture, and the score, 0..1, best first. OpenVINO is imported on first use.

Source: R. Solovyev, W. Wang, T. Gabruseva, "Weighted boxes fusion", arXiv:1910.13302 (`fuse`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from estimator.arrays import Float, UInt8, check_shape
from estimator.engines.openvino import core
from estimator.people.box_map import overlaps, suppressed

from . import spec_files

Run: TypeAlias = Callable[[Float], list[Float]]  # (1, 3, H, W) to the graph's outputs
KINDS = ("corners", "distances")
MULTIPLE = 32  # pixels; of an input's height and width
OVERLAP = 0.6  # of boxes of one person in two looks


@dataclass(frozen=True, kw_only=True)
class DetectorSpec:
    """What a detector reads and gives.

    Attributes:
      kind: "corners": outputs (1, N, 4), corners in input pixels, and (1, 1, N), scores.
        "distances": outputs (1, h, w, 5), one per stride: the logit of the score, and the distances
        of left, top, right and bottom in input pixels from the cell's upper left corner.
      mean, deviation: of the normalisation, per channel in the network's order, 0..255.
      channels: "rgb" or "bgr".
      stretched: whether the picture is stretched to the input; otherwise it lies in the upper left
        corner, on grey of value `padding`.
      padding: 0..255.
      sizes: heights and widths of the input that the picture is looked at in, multiples of 32.
      mirrored: whether the mirrored picture is looked at, too.
      overlap: intersection over union from which the weaker of two boxes is dropped.
      least: score from which a box counts.
    """

    kind: str
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    channels: str = "rgb"
    stretched: bool = False
    padding: int = 114
    sizes: tuple[int, ...] = (320,)
    mirrored: bool = False
    overlap: float = 0.6
    least: float = 0.05

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.channels not in ("rgb", "bgr"):
            raise ValueError(
                f"kind must be one of {', '.join(KINDS)} and channels rgb or bgr, found "
                f"{self.kind!r} and {self.channels!r}"
            )
        if len(self.mean) != 3 or len(self.deviation) != 3 or min(self.deviation) <= 0:
            raise ValueError("mean and deviation must be three numbers each, deviation positive")
        if not self.sizes or any(size < MULTIPLE or size % MULTIPLE for size in self.sizes):
            raise ValueError(f"sizes must be multiples of {MULTIPLE}, found {self.sizes}")
        if not (0 < self.overlap < 1 and 0 <= self.least < 1 and 0 <= self.padding <= 255):
            raise ValueError(
                "overlap and least must be in 0..1 and padding in 0..255, found "
                f"{self.overlap}, {self.least} and {self.padding}"
            )


def read_spec(path: Path) -> DetectorSpec:
    """Reads the spec beside a detector's file; errors as `spec_files.read`."""
    return spec_files.read(path, DetectorSpec, {"mean": float, "deviation": float, "sizes": int})


class Detectors:
    """Several detectors as one: their boxes, fused.

    Args:
      looks: for each detector and size, its spec, the size and the function that runs it; at least
        one.
      overlap: intersection over union from which boxes of two looks are one person's.

    Raises:
      ValueError: there is no look.
    """

    def __init__(
        self, looks: Sequence[tuple[DetectorSpec, int, Run]], *, overlap: float = OVERLAP
    ) -> None:
        if not looks:
            raise ValueError("there must be at least one detector, found none")
        self._looks, self._overlap = tuple(looks), overlap

    def __call__(self, picture: UInt8) -> Float:
        """Returns the boxes (N, 5) of people in a picture (H, W, 3) uint8, RGB.

        A box's score is the mean over all looks; one that does not see the person counts as 0.
        """
        check_shape("picture", picture, (None, None, 3))
        found = [boxes for each in self._looks for boxes in self._seen(picture, *each)]
        return fuse(found, overlap=self._overlap)

    def _seen(self, picture: UInt8, spec: DetectorSpec, size: int, run: Run) -> list[Float]:
        seen = [look(picture, spec, size, run)]
        if spec.mirrored:
            boxes = look(np.ascontiguousarray(picture[:, ::-1]), spec, size, run)
            boxes[:, [0, 2]] = picture.shape[1] - boxes[:, [2, 0]]
            seen.append(boxes)
        return seen


def look(picture: UInt8, spec: DetectorSpec, size: int, run: Run) -> Float:
    """Returns what one detector sees at one size: boxes (N, 5), the weaker of two dropped."""
    image, scale = _input(picture, spec, size)
    outputs = run(image)
    corners, scores = (_corners if spec.kind == "corners" else _from_distances)(outputs, size)
    kept = scores > spec.least
    corners, scores = corners[kept] / scale, scores[kept]
    height, width = picture.shape[:2]
    corners = np.clip(corners, 0, [width, height, width, height])
    boxes = np.concatenate([corners, scores[:, None]], axis=1).astype(np.float32)
    return suppressed(boxes, spec.overlap)


def _input(picture: UInt8, spec: DetectorSpec, size: int) -> tuple[Float, Float]:
    """The input (1, 3, H, W), and input pixels per pixel of the picture, for x, y, x, y."""
    height, width = picture.shape[:2]
    if spec.stretched:
        canvas = cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR)
        scale = (size / width, size / height)
    else:
        factor = size / max(height, width)
        rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
        canvas = np.full((size, size, 3), spec.padding, np.uint8)
        canvas[:rows, :columns] = cv2.resize(picture, (columns, rows))
        scale = (columns / width, rows / height)
    pixels = canvas if spec.channels == "rgb" else canvas[:, :, ::-1]
    mean, deviation = (np.asarray(part, np.float32) for part in (spec.mean, spec.deviation))
    image = ((pixels.astype(np.float32) - mean) / deviation).transpose(2, 0, 1)[None]
    return np.ascontiguousarray(image), np.array([*scale, *scale], np.float32)


def _corners(outputs: Sequence[Float], size: int) -> tuple[Float, Float]:
    boxes = next((one for one in outputs if one.ndim == 3 and one.shape[2] == 4), None)
    if boxes is None or len(outputs) != 2:
        raise ValueError(
            "a detector of corners must give (1, N, 4) and (1, 1, N), found "
            + ", ".join(str(one.shape) for one in outputs)
        )
    scores = outputs[1] if outputs[0] is boxes else outputs[0]
    check_shape("a detector's scores", scores, (1, 1, boxes.shape[1]))
    return boxes[0], scores[0, 0]


def _from_distances(outputs: Sequence[Float], size: int) -> tuple[Float, Float]:
    corners, scores = [], []
    for map_ in outputs:
        check_shape("a detector's map", map_, (1, None, None, 5))
        _, rows, columns, _ = map_.shape
        y, x = np.mgrid[:rows, :columns].astype(np.float32) * (size / rows)
        left, top, right, bottom = np.moveaxis(map_[0, :, :, 1:], -1, 0)
        box = np.stack([x - left, y - top, x + right, y + bottom], axis=-1)
        corners.append(box.reshape(-1, 4))
        scores.append(1 / (1 + np.exp(-map_[0, :, :, 0].ravel())))
    return np.concatenate(corners), np.concatenate(scores)


def fuse(looks: Sequence[Float], *, overlap: float) -> Float:
    """Returns the weighted boxes fusion of several looks' boxes (N, 5).

    Boxes that overlap become one, whose corners are their mean, weighted by the scores, and whose
    score is the sum of theirs over the number of looks, at most 1.
    """
    boxes = np.concatenate([one.reshape(-1, 5) for one in looks])
    boxes = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    groups: list[list[Float]] = []
    fused = np.zeros((len(boxes), 5), np.float32)
    for box in boxes:
        shares = overlaps(box[:4], fused[: len(groups), :4])
        index = int(shares.argmax()) if len(shares) and shares.max() > overlap else len(groups)
        if index == len(groups):
            groups.append([])
        groups[index].append(box)
        members = np.array(groups[index])
        weights = members[:, 4]
        fused[index, :4] = weights @ members[:, :4] / weights.sum()
        fused[index, 4] = min(1.0, weights.sum() / len(looks))
    fused = fused[: len(groups)]
    return fused[np.argsort(-fused[:, 4], kind="stable")]


def open_detectors(paths: Sequence[Path]) -> Detectors:
    """Opens detectors, each on one thread.

    Raises:
      FileNotFoundError: a file, or the spec beside it, is missing.
      ImportError: OpenVINO is not installed.
      ValueError: a file is of another kind, or its spec is invalid.
    """
    looks = []
    for path in paths:
        spec = read_spec(path)
        looks += [(spec, size, _open(path, size)) for size in spec.sizes]
    return Detectors(looks)


def _open(path: Path, size: int) -> Run:
    if not path.is_file():
        raise FileNotFoundError(f"no detector at {path}")
    if path.suffix not in (".xml", ".onnx"):
        raise ValueError(f"a detector must be an .xml or .onnx, found {path}")
    shared = core()
    model = shared.read_model(path)
    model.reshape([1, 3, size, size])
    compiled = shared.compile_model(
        model, "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    )
    return lambda image: [np.array(one) for one in compiled([image]).values()]
