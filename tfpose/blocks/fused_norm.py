"""Batch norm by TensorFlow's fused kernel while training; on the TensorFlow backend only.

Keras computes the mean and the variance and then normalises in separate operations, each of which
reads all of the layer's values again, forwards and backwards. The fused kernel computes the same
in one operation. The exported network stays as it is, since the variables are its own.
"""

from typing import Any

import keras
import tensorflow as tf

from .layer_names import DOT

Tensor = Any


def fused(network: keras.Model) -> keras.Model:
    """Returns the network with the same variables and every batch norm fused.

    Batch norms that share their statistics between replicas, or that normalise another axis than
    the last of four, stay as they are.
    """
    return keras.models.clone_model(
        network, clone_function=lambda layer: FusedNorm(layer) if _suits(layer) else layer
    )


def _suits(layer: keras.layers.Layer) -> bool:
    return (
        isinstance(layer, keras.layers.BatchNormalization)
        and not layer.synchronized
        and layer.axis in (-1, 3)
        and layer.moving_mean.value.dtype == tf.float32
    )


class FusedNorm(keras.layers.Layer):  # type: ignore[misc]
    """A batch norm's own variables, through `tf.compat.v1.nn.fused_batch_norm`."""

    def __init__(self, norm: keras.layers.BatchNormalization) -> None:
        super().__init__(name=f"{norm.name}{DOT}fused", autocast=False, dtype=norm.dtype_policy)
        self.norm = norm

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        """As Keras' own; cloning passes its `mask` on, which pictures don't have."""
        norm = self.norm
        if not training:
            return norm(inputs, training=False)
        ones = tf.ones_like(norm.moving_mean.value)
        scale = tf.convert_to_tensor(norm.gamma.value) if norm.scale else ones
        offset = tf.convert_to_tensor(norm.beta.value) if norm.center else 0 * ones
        inputs = tf.cast(inputs, norm.compute_dtype)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, scale, offset, epsilon=norm.epsilon, is_training=True
        )
        values = tf.cast(tf.size(inputs[..., 0]), tf.float32)
        variance *= (values - 1) / values  # as Keras: of these values, not an estimate for all
        for moving, found in ((norm.moving_mean, mean), (norm.moving_variance, variance)):
            moving.assign(moving * norm.momentum + found * (1 - norm.momentum))
        return outputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape
