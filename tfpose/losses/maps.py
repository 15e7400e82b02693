"""Losses on maps: squared errors, masked, of every stage and head; SimCC's bins are in `bins`.

"mean" is ours: the mean over a picture's cells and channels that count, then the mean over the
pictures. It does not depend on the batch, the input's size or the masked share, so a learning rate
found with one batch and size suits others. "sum" is Lightweight OpenPose's
(Osokin 2018, `modules/loss.py`): the sum of everything, halved, over the batch; its learning rate
belongs to its batch and size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from estimator.arrays import Float

from . import bins

Tensor = Any  # of Keras's backend; keras has no types
HEADS = ("heatmaps", "pafs", "simcc_x", "simcc_y")
BINS = ("simcc_x", "simcc_y")
NORMALISATIONS = ("mean", "sum")


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """How the errors of maps become one number.

    Attributes:
      normalisation: "mean" or "sum", see the module.
      heatmaps, pafs: weights of the heads.
      foreground: a cell's weight is 1 + foreground * |target|, except in the background's map; 0
        weighs all cells alike. People fill a small share of the maps.
      stages: weights of the stages, first to last; empty weighs all alike.
      simcc: weight of SimCC's two heads.
      beta: sharpness of the softmax over SimCC's bins, see `bins`.
    """

    normalisation: str = "mean"
    heatmaps: float = 1.0
    pafs: float = 1.0
    foreground: float = 0.0
    stages: tuple[float, ...] = ()
    simcc: float = 1.0
    beta: float = 10.0

    def __post_init__(self) -> None:
        if self.normalisation not in NORMALISATIONS:
            raise ValueError(
                f"loss.normalisation must be one of {NORMALISATIONS}, found {self.normalisation!r}"
            )
        weights = (self.heatmaps, self.pafs, self.simcc, self.foreground, *self.stages)
        if min(weights) < 0:
            raise ValueError(f"weights of a loss must not be negative, found {weights}")
        if not self.beta > 0:
            raise ValueError(f"loss.beta must be positive, found {self.beta}")

    def weight(self, head: str, stage: int) -> float:
        """The weight of a head's stage; stages are counted from 0.

        Raises:
          ValueError: `stages` has too few weights for the model.
        """
        if self.stages and stage >= len(self.stages):
            raise ValueError(
                f"loss.stages has {len(self.stages)} weights, the model has a stage {stage + 1}: "
                "give one weight per stage, or none"
            )
        field = "simcc" if head in BINS else head
        return float(getattr(self, field)) * (self.stages[stage] if self.stages else 1.0)


def picture_errors(
    predicted: Tensor,
    target: Tensor,
    weight: Tensor,
    options: LossOptions,
    *,
    share: Tensor | float = 1.0,
    people: Tensor | float = 1.0,
) -> Tensor:
    """The weighted squared error of every picture.

    Args:
      predicted, target: (B, h, w, C).
      weight: of the cells, broadcasts to (B, h, w, C); the mean divides by its sum.
      options: the normalisation, and the foreground's weight.
      share: a further factor on the errors, broadcasts likewise; the mean does not divide by it.
      people: 1 for channels with the foreground's weight, else 0; broadcasts likewise.

    Returns:
      (B,) float32; their mean is the loss of the batch. A picture whose weights are all 0 has 0.
    """
    predicted, target = ops.cast(predicted, "float32"), ops.cast(target, "float32")
    weight = ops.broadcast_to(ops.cast(weight, "float32"), ops.shape(target))
    squares = ops.square(predicted - target) * weight * share
    if options.foreground:
        squares = squares * (1.0 + options.foreground * people * ops.abs(target))
    total = ops.sum(squares, axis=(1, 2, 3))
    if options.normalisation == "sum":
        return total / 2.0
    return total / ops.maximum(ops.sum(weight, axis=(1, 2, 3)), 1.0)


def people_of(head: str, maps: Tensor, *, background: bool) -> Float:
    """(C,) 1 for the channels of a head that show people, 0 for the background's heatmap."""
    shown = np.ones(int(maps.shape[-1]), np.float32)
    if background and head == "heatmaps":
        shown[-1] = 0
    return shown


def label_weight(batch: Mapping[str, Tensor], head: str) -> Tensor:
    """The weights of a head's labels: the mask's cells, and a top-down batch's keypoints.

    Args:
      batch: may have `mask`, (B, h, w), 0 where labels must not count; `weights`, (B, K), of a
        top-down batch's keypoints; `labelled`, (B,), 0 for pictures without labels.
      head: one of `HEADS`.

    Returns:
      A tensor that broadcasts to (B, h, w, C), or to (B, K) for a head of bins.
    """
    if head in BINS:
        weight = ops.ones((1, 1), "float32")
        if "weights" in batch:
            weight = weight * ops.cast(batch["weights"], "float32")
        if "labelled" in batch:
            weight = weight * ops.cast(batch["labelled"], "float32")[:, None]
        return weight
    weight = ops.ones((1, 1, 1, 1), "float32")
    if "mask" in batch:
        weight = weight * ops.cast(batch["mask"], "float32")[..., None]
    if head == "heatmaps" and "weights" in batch:
        weight = weight * ops.cast(batch["weights"], "float32")[:, None, None, :]
    if "labelled" in batch:
        weight = weight * ops.cast(batch["labelled"], "float32")[:, None, None, None]
    return weight


def stages_of(outputs: Mapping[str, Any], head: str) -> list[Tensor]:
    """A head's maps, first stage to last; a model of one stage may return its maps alone."""
    maps = outputs[head]
    return list(maps) if isinstance(maps, list | tuple) else [maps]


def last_stage(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The maps of each head's last stage, which are the ones that count at inference."""
    return {head: stages_of(outputs, head)[-1] for head in outputs}


def check_maps(outputs: Mapping[str, Any], batch: Mapping[str, Tensor]) -> None:
    """Checks the shapes of a model's outputs against a batch's targets.

    Raises:
      ValueError: the batch lacks a head of the model, or its maps have other shapes.
    """
    for head in outputs:
        if head not in batch:
            raise ValueError(
                f"the model has {head}, the batch only {', '.join(sorted(batch))}: make the "
                "targets with the model's own spec"
            )
        want = tuple(batch[head].shape[1:])
        for stage, maps in enumerate(stages_of(outputs, head), 1):
            found = tuple(maps.shape[1:])
            if any(a != b for a, b in zip(want, found, strict=True) if None not in (a, b)):
                raise ValueError(
                    f"stage {stage} gives {head} of {found} (without the batch), the targets are "
                    f"{want}: make them with the model's own spec (skeleton, stride, size)"
                )


def head_errors(
    head: str,
    predicted: Tensor,
    target: Tensor,
    weight: Tensor,
    options: LossOptions,
    *,
    share: Tensor | float = 1.0,
    background: bool = False,
) -> Tensor:
    """(B,) errors of a head's maps (`picture_errors`), or of its bins (`bins.picture_errors`)."""
    if head in BINS:
        return bins.picture_errors(
            predicted,
            target,
            weight,
            beta=options.beta,
            normalisation=options.normalisation,
            share=share,
        )
    people = people_of(head, predicted, background=background)
    return picture_errors(predicted, target, weight, options, share=share, people=people)


def label_terms(
    outputs: Mapping[str, Any],
    batch: Mapping[str, Tensor],
    options: LossOptions,
    *,
    background: bool = False,
) -> dict[str, Tensor]:
    """The errors against the labels.

    Args:
      outputs: head to its stages' maps, or bins.
      batch: the targets, see `label_weight`.
      options: weights and normalisation.
      background: whether the last heatmap is the background's.

    Returns:
      "heatmaps.1" (head and stage, from 1) and so on to (B,) weighted errors of the pictures; the
      loss is the sum over all terms of their means.
    """
    return {
        f"{head}.{stage + 1}": options.weight(head, stage)
        * head_errors(
            head, maps, batch[head], label_weight(batch, head), options, background=background
        )
        for head in HEADS
        if head in outputs
        for stage, maps in enumerate(stages_of(outputs, head))
    }
