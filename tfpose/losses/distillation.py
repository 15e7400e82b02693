"""Distillation: a student learns the maps of a teacher.

Fast pose distillation, Zhang et al. 2019, arXiv:1811.05419; its code is
yuanyuanli85/Fast_Human_Pose_Estimation_Pytorch, example/mpii_kd.py. The loss of every stage of the
student is alpha * error(student, teacher's last stage) + (1 - alpha) * error(student, labels); for
a picture without labels it is error(student, teacher). The labels' mask marks missing labels, not
the teacher's mistakes, so it does not apply to the teacher's error. Teacher and student may differ
in stride, size and keypoints: maps are resized, and their channels are matched by the keypoints'
names. Channels that the teacher does not know are learnt from the labels alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from estimator.arrays import Float
from estimator.skeleton import Skeleton
from estimator.skeleton import mapping as skeleton_mapping
from estimator.spec import PoseSpec

from .maps import (
    LossOptions,
    Tensor,
    label_weight,
    last_stage,
    people_of,
    picture_errors,
    stages_of,
)

Maps: TypeAlias = "dict[str, Tensor]"


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
        stride = self._student.outputs.stride
        last = last_stage({head: outputs[head] for head in self.channels})
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


def _with_background(heatmaps: Tensor) -> Tensor:
    """Replaces the last channel by 1 - max of the keypoints, whatever the teacher's own is."""
    people = heatmaps[..., :-1]
    return ops.concatenate([people, 1 - ops.max(people, axis=-1, keepdims=True)], axis=-1)


def channels(teacher: PoseSpec, student: PoseSpec) -> dict[str, Channels]:
    """The student's channels from the teacher's, by head.

    Raises:
      ValueError: they share no keypoint.
    """
    picked = matched(teacher, student)
    if not picked["heatmaps"].taught.any():
        raise ValueError(
            f"teacher {teacher.model} ({teacher.skeleton.name}) and student {student.model} "
            f"({student.skeleton.name}) share no keypoint: "
            f"{', '.join(teacher.skeleton.keypoints)} against "
            f"{', '.join(student.skeleton.keypoints)}"
        )
    return picked


def matched(teacher: PoseSpec, student: PoseSpec) -> dict[str, Channels]:
    """As `channels`, of skeletons that may share nothing."""
    picked = {"heatmaps": _heatmap_channels(teacher, student)}
    if student.outputs.pafs and teacher.outputs.pafs:
        picked["pafs"] = _paf_channels(teacher.skeleton, student.skeleton)
    return picked


def _heatmap_channels(teacher: PoseSpec, student: PoseSpec) -> Channels:
    # A mean of two maps is not the map of the mean, so derived keypoints are not taught.
    whole = np.asarray(skeleton_mapping(teacher.skeleton, student.skeleton) == 1, np.float32)
    matrix = np.zeros((student.channels["heatmaps"], teacher.channels["heatmaps"]), np.float32)
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
    everything = ops.ones((1, 1, 1, 1), "float32")
    for head in outputs:
        share = alpha * taught_channels[head] if head in taught else np.zeros(1, np.float32)
        if head not in batch:
            share = taught_channels[head]
        labelled, distilled = ops.convert_to_tensor(1 - share), ops.convert_to_tensor(share)
        if "labelled" in batch and head in taught:  # pictures without labels: the teacher alone
            has_labels = ops.cast(batch["labelled"], "float32")[:, None, None, None]
            alone = ops.convert_to_tensor(taught_channels[head])
            distilled = has_labels * distilled + (1 - has_labels) * alone
        for stage, maps in enumerate(stages_of(outputs, head)):
            name, weight = f"{head}.{stage + 1}", options.weight(head, stage)
            people = people_of(head, maps, background=background)
            if head in batch:
                counts = label_weight(batch, head)
                terms[name] = weight * picture_errors(
                    maps, batch[head], counts, options, share=labelled, people=people
                )
            if head in taught:
                terms[f"teacher.{name}"] = weight * picture_errors(
                    maps, taught[head], everything, options, share=distilled, people=people
                )
    return terms
