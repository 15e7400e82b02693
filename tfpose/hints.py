"""Hints: features of the student that learn to be a teacher's.

Romero et al. 2015 (arXiv:1412.6550) teach a thin network so before it learns the answers; here both
are learnt at once.

A 1x1 convolution turns what enters a layer of the student into the teacher's features, whose mean
is 0 and deviation 1 in every channel; the mean squared error joins the loss. The convolution is
trained with the network, lives in the run's checkpoints, and is not in the network that ships.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

Tensor = Any
NAME = "hints"


@dataclass(frozen=True, kw_only=True)
class HintOptions:
    """Which features learn, and how much they count.

    Attributes:
      layer: of the student; what enters it learns the hints. "" for none.
      weight: of their mean squared error.
    """

    layer: str = ""
    weight: float = 0.3

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(
                f'hints.weight must be positive, found {self.weight}; hints.layer "" is without'
            )


def entering(model: keras.Model, layer: str) -> Tensor:
    """The tensor that a layer of a model reads.

    Raises:
      ValueError: there is no such layer, or it reads more than one tensor.
    """
    names = [one.name for one in model.layers]
    if layer not in names:
        raise ValueError(f"{model.name} has no layer {layer!r}; it has {', '.join(names)}")
    tensor = model.get_layer(layer).input
    if isinstance(tensor, list | tuple):
        raise ValueError(f"layer {layer!r} of {model.name} reads {len(tensor)} tensors, not one")
    return tensor


def with_head(model: keras.Model, layer: str, channels: int) -> keras.Model:
    """The network with one output more, `hints`, on the weights that it has.

    Args:
      model: from `image` to its maps by name.
      layer: see `HintOptions`.
      channels: of the teacher's features.
    """
    head = keras.layers.Conv2D(channels, 1, name=NAME)
    outputs = {**model.output, NAME: head(entering(model, layer))}
    return keras.Model(model.input, outputs, name=f"{model.name}_with_hints")


def terms(
    predicted: Tensor | None, batch: Mapping[str, Tensor], options: HintOptions
) -> dict[str, Tensor]:
    """The error of the features.

    Args:
      predicted: (B, h, w, C); None without hints.
      batch: has `hints`, (B, h, w, C), and `hinted`, (B,), 0 where they do not hold.
      options: the weight.

    Returns:
      "hints" to (B,) weighted errors, or nothing without hints.
    """
    if predicted is None:
        return {}
    target = ops.cast(batch["hints"], "float32")
    if tuple(predicted.shape[1:]) != tuple(target.shape[1:]):
        raise ValueError(
            f"hints.layer {options.layer!r} gives features of {tuple(predicted.shape[1:3])} cells "
            f"(h, w), the hints have {tuple(target.shape[1:3])}: name a layer of their stride"
        )
    squares = ops.square(ops.cast(predicted, "float32") - target)
    errors = ops.mean(squares, axis=(1, 2, 3)) * ops.cast(batch["hinted"], "float32")
    return {NAME: options.weight * errors}
