"""Gradients of convolutions in forms that a CPU computes faster; on the TensorFlow backend only.

A 1x1 convolution's gradient by its kernel is a product of two matrices: TensorFlow's product takes
.61 to .87 of the time of its convolution gradient on AVX-512. A depthwise convolution with a stride
has a slow gradient by its input in bfloat16, and not in float32. Answers stay as they are,
gradients but for rounding. The exported network has neither: the variables are its own.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from .layer_names import DOT

Tensor = Any
Convolve = Callable[[Tensor, Tensor], Tensor]  # from (input, kernel)


def faster(network: keras.Model) -> keras.Model:
    """Returns the network with the same variables and these gradients; on a GPU as it is."""
    if tf.config.list_logical_devices("GPU"):
        return network
    return keras.models.clone_model(network, clone_function=_replaced)


def _replaced(layer: keras.layers.Layer) -> keras.layers.Layer:
    """One of the module's layers in its place, or the layer itself."""
    if not _plain(layer):
        return layer
    if type(layer) is keras.layers.Conv2D:
        pointwise = layer.kernel_size == layer.strides == (1, 1) and layer.groups == 1
        return Convolution(layer, _pointwise) if pointwise else layer
    stride, other = layer.strides
    strided = stride == other > 1 and layer.padding == "valid"
    if strided and layer.compute_dtype == "bfloat16":
        return Convolution(layer, _strided_depthwise(stride))
    return layer


def _plain(layer: keras.layers.Layer) -> bool:
    """Whether it is a convolution of channels_last alone, without bias, activation or dilation."""
    return (
        type(layer) in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        and not layer.use_bias
        and layer.activation is keras.activations.linear
        and layer.data_format == "channels_last"
        and layer.dilation_rate == (1, 1)
    )


class Convolution(keras.layers.Layer):  # type: ignore[misc]
    """A convolution's own kernel, through a function with a gradient of its own."""

    def __init__(self, layer: keras.layers.Layer, convolve: Convolve) -> None:
        super().__init__(name=f"{layer.name}{DOT}cpu", autocast=False, dtype=layer.dtype_policy)
        self.layer, self._convolve = layer, convolve

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        """As Keras' own; cloning passes its `mask` on, which pictures don't have."""
        if not training:
            return self.layer(inputs)
        dtype = self.layer.compute_dtype
        kernel = tf.convert_to_tensor(self.layer.kernel.value)
        return self._convolve(tf.cast(inputs, dtype), tf.cast(kernel, dtype))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        return self.layer.compute_output_shape(input_shape)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _pointwise(inputs: Tensor, kernel: Tensor) -> tuple[Tensor, Any]:
    """A 1x1 convolution whose kernel's gradient is a product of matrices."""

    def gradients(change: Tensor) -> tuple[Tensor, Tensor]:
        by_input = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(inputs),
            filter=kernel,
            out_backprop=change,
            strides=[1, 1, 1, 1],
            padding="SAME",
        )
        rows = [tf.reshape(one, (-1, one.shape[-1])) for one in (inputs, change)]
        by_kernel = tf.linalg.matmul(*rows, transpose_a=True)  # (C, D), over all cells
        return by_input, tf.reshape(by_kernel, kernel.shape)

    return tf.nn.conv2d(inputs, kernel, 1, "SAME"), gradients


def _strided_depthwise(stride: int) -> Convolve:
    """A depthwise convolution of this stride whose input's gradient is computed in float32."""
    steps = [1, stride, stride, 1]

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(inputs: Tensor, kernel: Tensor) -> tuple[Tensor, Any]:
        def gradients(change: Tensor) -> tuple[Tensor, Tensor]:
            by_input = tf.nn.depthwise_conv2d_backprop_input(
                tf.shape(inputs),
                *(tf.cast(one, tf.float32) for one in (kernel, change)),
                strides=steps,
                padding="VALID",
            )
            by_kernel = tf.nn.depthwise_conv2d_backprop_filter(
                inputs, kernel.shape, change, steps, "VALID"
            )
            return tf.cast(by_input, inputs.dtype), by_kernel

        return tf.nn.depthwise_conv2d(inputs, kernel, steps, "VALID"), gradients

    return convolve  # type: ignore[no-any-return]
