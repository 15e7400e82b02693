"""Feed: the endless batches of a run, and the names of what they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from estimator.arrays import Float

from ...losses.maps import HEADS

# What a step reads of a batch; `labelled` (B,) is 0 for pictures that only a teacher labels.
KEYS = ("image", *HEADS, "mask", "weights", "labelled", "keypoints")
TAUGHT = "taught."  # prefix of a head's name: the teacher's maps
HINTS = ("hints", "hinted")  # a teacher's features (B, h, w, C), and (B,) 1 where they hold


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """Batches without end.

    Attributes:
      batches: as `pipeline.batches.training` gives them, of this process's size.
      examples: samples per epoch over all processes; None where that is unknown.
      taught_channels: (C,) by head, 1 for the channels that the batches' teacher knows; None where
        the batches hold no teacher's maps.
      hints: channels of the batches' hints; 0 for none.
    """

    batches: tf.data.Dataset
    examples: int | None
    taught_channels: Mapping[str, Float] | None = None
    hints: int = 0


def check_size(examples: int | None, batch: int, name: str) -> None:
    """Refuses a batch that is larger than its data.

    Args:
      examples: samples of the data; None where that is unknown.
      batch: samples per batch.
      name: of the data, for the error.

    Raises:
      ValueError: there are no samples, or fewer than a batch.
    """
    if examples == 0:
        raise ValueError(f"data set {name} is empty: prepare it anew, or choose another split")
    if examples is not None and examples < batch:
        raise ValueError(
            f"batch {batch} is larger than data set {name} with {examples} samples: lower --batch"
        )


def step_inputs(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a batch that a step reads."""
    drawn = any(head in batch for head in HEADS)  # then keypoints are of no use to the step
    keys = [key for key in KEYS if key in batch and not (key == "keypoints" and drawn)]
    keys += [key for key in batch if key.startswith(TAUGHT) or key in HINTS]
    return {key: batch[key] for key in keys}


def taught_maps(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The teacher's maps in a batch, by head; empty where the batch holds none."""
    return {
        name.removeprefix(TAUGHT): value for name, value in batch.items() if name.startswith(TAUGHT)
    }
