"""Transposed convolutions in place of DEPTH_TO_SPACE, which some accelerators do not take.

A 1x1 convolution to 4 C channels and a depth_to_space of 2 compute what a transposed convolution of
kernel 2 and stride 2 computes (Shi et al. 2016, arXiv:1609.07009), but for the bias, which the
convolution has for each of the four places: it is added behind. The network answers the same.

NNAPI takes DEPTH_TO_SPACE at version 1 only and TFLite writes version 2; the Edge TPU's compiler
has none (coral.ai/docs/edgetpu/models-intro, "Supported operations"). Both take TRANSPOSE_CONV.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

Tensor = Any
OPERATION = "DepthToSpace"  # the class of keras.ops.depth_to_space in a graph; Keras exports none


class _PhaseBias(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Adds a bias for each of the four places of a doubled cell; of fixed size."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.bias = self.add_weight(shape=(2, 2, shape[-1]), name="bias", trainable=False)

    def call(self, x: Tensor) -> Tensor:
        _, height, width, _ = x.shape
        return x + ops.tile(self.bias, (height // 2, width // 2, 1))[None]


def without_depth_to_space(network: keras.Model) -> keras.Model:
    """A copy of a network whose doublings are transposed convolutions.

    Args:
      network: of fixed size. A doubling that does not follow a linear 1x1 convolution alone stays.

    Raises:
      ValueError: the size is open.
    """
    if None in network.input.shape[1:]:
        raise ValueError(
            f"{network.name} has an open size: transposed convolutions need a fixed one (--fixed)"
        )
    doublings = {op.name: source for op in network.operations if (source := _source(op))}
    convolutions = {layer.name: name for name, layer in doublings.items()}

    def clone(layer: Any) -> Any:
        if layer.name in doublings:
            return _PhaseBias(name=layer.name)
        if layer.name in convolutions:
            return keras.layers.Conv2DTranspose(
                layer.filters // 4, 2, strides=2, use_bias=False, name=layer.name
            )
        return layer.__class__.from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=clone)
    for layer in network.layers:
        if layer.name not in convolutions:
            copy.get_layer(layer.name).set_weights(layer.get_weights())
            continue
        kernel = np.asarray(layer.kernel)[0, 0]  # (in, 4 C)
        count = kernel.shape[1] // 4
        kernel = kernel.reshape(-1, 2, 2, count).transpose(1, 2, 3, 0)  # (2, 2, C, in)
        copy.get_layer(layer.name).set_weights([kernel])
        bias = np.asarray(layer.bias) if layer.use_bias else np.zeros(4 * count, np.float32)
        copy.get_layer(convolutions[layer.name]).set_weights([bias.reshape(2, 2, count)])
    return copy


def _source(operation: Any) -> keras.Layer | None:
    """The 1x1 convolution that a doubling alone reads; None for anything else."""
    if type(operation).__name__ != OPERATION or operation.block_size != 2:
        return None
    layer = operation.input._keras_history.operation
    fits = (
        isinstance(layer, keras.layers.Conv2D)
        and not isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.Conv2DTranspose)
        and tuple(layer.kernel_size) == tuple(layer.strides) == (1, 1)
        and layer.activation is keras.activations.linear
        and layer.groups == 1
        and len(layer._outbound_nodes) == 1
    )
    return layer if fits else None
