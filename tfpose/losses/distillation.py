"""Distillation: a student learns the maps of a teacher.

Fast pose distillation, Zhang et al. 2019, arXiv:1811.05419; its code is
yuanyuanli85/Fast_Human_Pose_Estimation_Pytorch, example/mpii_kd.py. The loss of every stage of the
student is alpha * error(student, teacher's last stage) + (1 - alpha) * error(student, labels); for
a picture without labels it is error(student, teacher). The labels' mask marks missing labels, not
the teacher's mistakes, so it does not apply to the teacher's error. Teacher and student may differ
in stride, size and keypoints: maps are resized, and their channels are matched by the keypoints'
names. Channels that the teacher does not know are learnt from the labels alone.

A SimCC student may have a teacher with heatmaps: their largest values along rows and columns become
bins (`as_bins`), the labels that the student would have had for the teacher's keypoints.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from estimator.arrays import Float
from estimator.decoders.simcc import sigma as simcc_sigma
from estimator.skeleton import Skeleton
from estimator.skeleton import mapping as skeleton_mapping
from estimator.spec import PoseSpec

from .maps import BINS, LossOptions, Tensor, head_errors, label_weight, last_stage, stages_of

Maps: TypeAlias = "dict[str, Tensor]"
FAINTEST = 1e-4  # of a heatmap, below which it counts as empty


@dataclass(frozen=True, kw_only=True)
class TeacherOptions:
    """The teacher, and its share of the loss.

    Attributes:
      model: a name of `tfpose.models`, a .keras, .tflite or .onnx file, or a SavedModel's folder;
        "" for none.
      weights: file or run folder with the weights of a model given by name.
      alpha: the teacher's share of the loss where there are labels, 0..1.
      scale: factor on the picture's size for the teacher; above 1 it finds small people better.
    """

    model: str = ""
    weights: str = ""
    alpha: float = 0.5
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1 or not self.scale > 0:
            raise ValueError(
                "teacher.alpha must be 0..1 and teacher.scale positive, found "
                f"{self.alpha} and {self.scale}"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Channels:
    """How a head's channels follow from the teacher's.

    Attributes:
      matrix: (student's channels, teacher's channels): one 1 per row, or -1 for a limb that has
        the opposite direction in the teacher's skeleton; zeros where the teacher has no such
        channel.
      taught: (student's channels,) 1 where the teacher has the channel, else 0.
    """

    matrix: Float
    taught: Float


class Teacher:
    """A frozen network whose maps are the student's targets.

    Attributes:
      channels: by head, how the student's channels follow from the teacher's.
      taught_channels: by head, (C,) 1 for the channels that the teacher has.

    Args:
      network: from (B, H, W, 3) float32, RGB 0..255, to maps, or lists of stages' maps, by head.
      spec: the teacher's.
      student: the student's spec.
      scale: see `TeacherOptions`.

    Raises:
      ValueError: the skeletons share no keypoint, or the teacher cannot see pictures of that size.
    """

    def __init__(
        self,
        network: Callable[[Tensor], Mapping[str, Any]],
        spec: PoseSpec,
        student: PoseSpec,
        *,
        scale: float = 1.0,
    ) -> None:
        if spec.image.fit != student.image.fit:
            raise ValueError(
                f"a teacher that reads a {spec.image.fit} cannot teach a student that reads a "
                f"{student.image.fit}: {spec.model} and {student.model}"
            )
        self._network, self._spec, self._student = network, spec, student
        self._scale = scale
        self.channels = channels(spec, student)
        self.taught_channels = {head: picked.taught for head, picked in self.channels.items()}

    def __call__(self, image: Tensor) -> Maps:
        """The maps that the student should give.

        Args:
          image: (B, H, W, 3), RGB 0..255.

        Returns:
          The student's heads that the teacher has, (B, h, w, C) float32.
        """
        height, width = int(image.shape[1]), int(image.shape[2])
        seen = ops.cast(image, "float32")
        if self._scale != 1 or not self._spec.image.flexible:
            seen = ops.image.resize(seen, self._seen_size(height, width), "bilinear")
        outputs = self._network(seen)
        last = last_stage(outputs)
        if self._student.outputs.simcc:
            maps = as_bins(last, self.channels, self._spec, self._student)
            return {head: keras.ops.stop_gradient(value) for head, value in maps.items()}
        stride = self._student.outputs.stride
        last = {head: last[head] for head in self.channels}
        maps = translated(last, self.channels, self._student, (height // stride, width // stride))
        return {head: keras.ops.stop_gradient(value) for head, value in maps.items()}

    def _seen_size(self, height: int, width: int) -> tuple[int, int]:
        image = self._spec.image
        if not image.flexible:
            if abs(height * image.width / (width * image.height) - 1) > 0.02:
                raise ValueError(
                    f"teacher {self._spec.model} sees {image.height}x{image.width} only, and the "
                    f"student trains at {height}x{width}: another shape. Train at the teacher's, "
                    "or take a teacher that is flexible"
                )
            return image.height, image.width
        rounded = [
            max(1, round(length * self._scale / image.multiple)) * image.multiple
            for length in (height, width)
        ]
        return rounded[0], rounded[1]


def translated(
    maps: Mapping[str, Tensor],
    picked: Mapping[str, Channels],
    student: PoseSpec,
    cells: tuple[int, int],
) -> Maps:
    """A teacher's maps as the student should give them.

    Args:
      maps: (B, h, w, C) by head, with the teacher's channels and stride.
      picked: as `channels` gives it.
      student: the student's spec.
      cells: height and width of the student's maps.

    Returns:
      The heads of `picked`, (B, h, w, C) float32.
    """
    found = {}
    for head, channels_ in picked.items():
        resized = _resized(ops.cast(maps[head], "float32"), cells)
        found[head] = ops.matmul(resized, ops.transpose(ops.convert_to_tensor(channels_.matrix)))
    if student.outputs.background:
        found["heatmaps"] = _with_background(found["heatmaps"])
    return found


def as_bins(
    maps: Mapping[str, Tensor],
    picked: Mapping[str, Channels],
    teacher: PoseSpec,
    student: PoseSpec,
) -> Maps:
    """A teacher's answer as a SimCC student should give it.

    The largest values of a heatmap along its columns and along its rows are two Gaussians whose
    heights are the teacher's score. In their logarithms they are parabolas, which a cubic resize
    keeps; divided by the ratio of the deviations they have the width of the student's labels.

    Args:
      maps: `heatmaps` (B, h, w, K), or `simcc_x` and `simcc_y` (B, K, bins) of the student's size.
      picked: as `channels` gives it.
      teacher, student: the specs.

    Returns:
      `simcc_x` and `simcc_y`, (B, K, bins) float32.

    Raises:
      ValueError: the teacher's bins are not as many as the student's.
    """
    found = {}
    for axis, head in ((1, "simcc_x"), (2, "simcc_y")):
        matrix = ops.convert_to_tensor(picked[head].matrix)  # (K, the teacher's)
        count = student.channels[head]
        if teacher.outputs.simcc:
            rows = ops.cast(maps[head], "float32")
            if rows.shape[-1] != count:
                raise ValueError(
                    f"the teacher {teacher.model} has {rows.shape[-1]} bins in {head}, the student "
                    f"{student.model} {count}: train at the teacher's size and split ratio"
                )
        else:
            heatmaps = ops.cast(maps["heatmaps"], "float32")
            rows = ops.transpose(ops.max(heatmaps, axis=axis), (0, 2, 1))  # (B, K', h or w)
            width = teacher.outputs.sigma * student.outputs.simcc / simcc_sigma(count)
            rows = _as_labels(rows, count, width)
        found[head] = ops.einsum("kt,btn->bkn", matrix, rows)
    return found


def _as_labels(rows: Tensor, count: int, width: float) -> Tensor:
    """Rows (B, K, cells) of Gaussians as labels (B, K, count); `width` is how much narrower."""
    logs = ops.log(ops.maximum(rows, FAINTEST))
    fine = ops.image.resize(logs[..., None], (rows.shape[1], count), "bicubic")[..., 0]
    highest = ops.max(fine, axis=-1, keepdims=True)
    return ops.exp(highest + width**2 * (fine - highest))


def _with_background(heatmaps: Tensor) -> Tensor:
    """Replaces the last channel by 1 - max of the keypoints, whatever the teacher's own is."""
    people = heatmaps[..., :-1]
    return ops.concatenate([people, 1 - ops.max(people, axis=-1, keepdims=True)], axis=-1)


def channels(teacher: PoseSpec, student: PoseSpec) -> dict[str, Channels]:
    """The student's channels from the teacher's, by head.

    Raises:
      ValueError: they share no keypoint.
    """
    if teacher.outputs.simcc and not student.outputs.simcc:
        raise ValueError(
            f"teacher {teacher.model} answers bins, student {student.model} maps: a SimCC teacher "
            "teaches SimCC students only"
        )
    picked = matched(teacher, student)
    if not next(iter(picked.values())).taught.any():
        raise ValueError(
            f"teacher {teacher.model} ({teacher.skeleton.name}) and student {student.model} "
            f"({student.skeleton.name}) share no keypoint: "
            f"{', '.join(teacher.skeleton.keypoints)} against "
            f"{', '.join(student.skeleton.keypoints)}"
        )
    return picked


def matched(teacher: PoseSpec, student: PoseSpec) -> dict[str, Channels]:
    """As `channels`, of skeletons that may share nothing."""
    heads = BINS if student.outputs.simcc else ("heatmaps",)
    picked = dict.fromkeys(heads, _keypoint_channels(teacher, student))
    if student.outputs.pafs and teacher.outputs.pafs:
        picked["pafs"] = _paf_channels(teacher.skeleton, student.skeleton)
    return picked


def _keypoint_channels(teacher: PoseSpec, student: PoseSpec) -> Channels:
    # A mean of two maps is not the map of the mean, so derived keypoints are not taught.
    whole = np.asarray(skeleton_mapping(teacher.skeleton, student.skeleton) == 1, np.float32)
    background = (student.outputs.background, teacher.outputs.background)
    rows, columns = (size + extra for size, extra in zip(whole.shape, background, strict=True))
    matrix = np.zeros((rows, columns), np.float32)
    matrix[: whole.shape[0], : whole.shape[1]] = whole
    taught = matrix.sum(axis=1)
    if student.outputs.background:
        taught[-1] = taught[:-1].all()  # else people whom the teacher cannot see are background
    return Channels(matrix=matrix, taught=taught)


def _paf_channels(teacher: Skeleton, student: Skeleton) -> Channels:
    matrix = np.zeros((2 * len(student.limbs), 2 * len(teacher.limbs)), np.float32)
    named = [tuple(teacher.keypoints[end] for end in limb) for limb in teacher.limbs]
    for row, limb in enumerate(student.limbs):
        ends = tuple(student.keypoints[end] for end in limb)
        for direction, pair in ((1, ends), (-1, ends[::-1])):
            if pair in named:
                column = named.index(pair)
                matrix[2 * row, 2 * column] = matrix[2 * row + 1, 2 * column + 1] = direction
    return Channels(matrix=matrix, taught=np.abs(matrix).sum(axis=1))


def _resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizes maps to another stride; cells keep their place (half-pixel centres)."""
    if tuple(maps.shape[1:3]) == size:
        return maps
    smaller = size[0] < maps.shape[1]
    return ops.image.resize(maps, size, "bilinear", antialias=smaller)


def distilled_terms(
    outputs: Mapping[str, Any],
    batch: Mapping[str, Tensor],
    taught: Mapping[str, Tensor],
    taught_channels: Mapping[str, Float],
    alpha: float,
    options: LossOptions,
    *,
    background: bool = False,
) -> dict[str, Tensor]:
    """The weighted errors against labels and teacher.

    Args:
      outputs: head to the stages' maps of the student.
      batch: the labels, see `maps.label_weight`; a head without labels learns from the teacher
        alone.
      taught: the teacher's maps for the student, by head.
      taught_channels: (C,) by head, 1 for the channels that the teacher has.
      alpha: the teacher's share.
      options: weights and normalisation.
      background: whether the last heatmap is the background's.

    Returns:
      "heatmaps.1", "teacher.heatmaps.1" and so on to (B,) errors; the loss is the sum over all
      terms of their means.
    """
    terms: dict[str, Tensor] = {}
    for head in outputs:
        axes = (1, -1) if head in BINS else (1, 1, 1, -1)
        share = alpha * taught_channels[head] if head in taught else np.zeros(1, np.float32)
        if head not in batch:
            share = taught_channels[head]
        labelled, distilled = ops.convert_to_tensor(1 - share), ops.convert_to_tensor(share)
        labelled, distilled = ops.reshape(labelled, axes), ops.reshape(distilled, axes)
        if "labelled" in batch and head in taught:  # pictures without labels: the teacher alone
            has_labels = ops.cast(batch["labelled"], "float32")
            has_labels = ops.reshape(has_labels, (-1, *(1,) * (len(axes) - 1)))
            alone = ops.reshape(ops.convert_to_tensor(taught_channels[head]), axes)
            distilled = has_labels * distilled + (1 - has_labels) * alone
        everything = ops.ones((1,) * len(axes), "float32")
        for stage, maps in enumerate(stages_of(outputs, head)):
            name, weight = f"{head}.{stage + 1}", options.weight(head, stage)
            pairs = []
            if head in batch:
                pairs.append((name, batch[head], label_weight(batch, head), labelled))
            if head in taught:
                pairs.append((f"teacher.{name}", taught[head], everything, distilled))
            for key, target, counts, part in pairs:
                terms[key] = weight * head_errors(
                    head, maps, target, counts, options, share=part, background=background
                )
    return terms
