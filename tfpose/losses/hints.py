"""Hints: features of the student that learn a teacher's features.

Romero et al. 2015 (arXiv:1412.6550) train a thin network on hints first, and on the answers then;
here both are learnt at once. A 1x1 convolution maps the input of one of the student's layers to the
teacher's features, which have mean 0 and deviation 1 in every channel; the mean squared error is
added to the loss. The convolution is trained with the network and saved in the run's checkpoints;
it is not in the network that ships.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from ..blocks.layer_names import original_name

Tensor = Any
NAME = "hints"


@dataclass(frozen=True, kw_only=True)
class HintOptions:
    """The layer that learns hints, and their weight.

    Attributes:
      layer: a layer of the student, whose input learns the hints; "" for none.
      weight: of their mean squared error in the loss.
    """

    layer: str = ""
    weight: float = 0.3

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(
                f'hints.weight must be positive, found {self.weight}; hints.layer "" turns them off'
            )


def entering(model: keras.Model, layer: str) -> Tensor:
    """The input tensor of a layer.

    Raises:
      ValueError: there is no such layer, or it reads more than one tensor.
    """
    layers = {original_name(one.name): one for one in model.layers}
    if layer not in layers:
        raise ValueError(f"{model.name} has no layer {layer!r}; it has {', '.join(layers)}")
    tensor = layers[layer].input
    if isinstance(tensor, list | tuple):
        raise ValueError(f"layer {layer!r} of {model.name} reads {len(tensor)} tensors, not one")
    return tensor


def with_head(model: keras.Model, layer: str, channels: int) -> keras.Model:
    """Adds an output `hints` to a network; both share their weights.

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
      batch: has `hints`, (B, h, w, C), and `hinted`, (B,), 0 where they must not count.
      options: the weight.

    Returns:
      "hints" to (B,) weighted errors; empty without hints.
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
