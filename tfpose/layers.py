"""Blocks that more than one family of networks uses.

Convolutions here pad as PyTorch's do with `padding = dilation * (kernel - 1) / 2`: evenly on all
sides. Keras's "same" is that too at stride 1, but pads below and on the right only at stride 2.

Kernels start as in He et al. 2015 (arXiv:1502.01852, eq. 10), with the fan-in that a depthwise
kernel really has: Keras takes kernel * channels for it, and signals vanish.
"""

import math
from typing import Any

import keras

Tensor = Any  # a Keras symbolic tensor; keras has no types


def picture(height: int | None, width: int | None, *, scale: float, offset: float) -> Any:
    """The input `image`, RGB 0..255, and what the network reads: `scale * image + offset`.

    Returns:
      The input, (B, H, W, 3), and the same normalised.
    """
    image = keras.Input((height, width, 3), name="image")
    return image, keras.layers.Rescaling(scale, offset, name="normalise")(image)


def convolution(
    x: Tensor,
    filters: int,
    kernel: int,
    *,
    name: str,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = True,
    activation: str | None = None,
) -> Tensor:
    """A convolution that pads evenly."""
    x, padding = _padded(x, kernel, stride, dilation, name)
    layer = keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        dilation_rate=dilation,
        groups=groups,
        padding=padding,
        use_bias=bias,
        activation=activation,
        kernel_initializer="he_normal",
        name=name,
    )
    return layer(x)


def maps(x: Tensor, channels: int, *, name: str) -> Tensor:
    """The last 1x1 convolution, linear; it starts so small that an untrained answer is near 0.

    The deviation of 0.01 is that of OpenPose's Caffe layers (Cao et al. 2017, `setLayers.py`).
    """
    start = keras.initializers.RandomNormal(stddev=0.01)
    return keras.layers.Conv2D(channels, 1, kernel_initializer=start, name=name)(x)


def depthwise(
    x: Tensor,
    kernel: int,
    *,
    name: str,
    stride: int = 1,
    dilation: int = 1,
    bias: bool = True,
    activation: str | None = None,
) -> Tensor:
    """A convolution of each channel by itself that pads evenly."""
    x, padding = _padded(x, kernel, stride, dilation, name)
    layer = keras.layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        dilation_rate=dilation,
        padding=padding,
        use_bias=bias,
        activation=activation,
        depthwise_initializer=keras.initializers.RandomNormal(stddev=math.sqrt(2) / kernel),
        name=name,
    )
    return layer(x)


def batch_norm(x: Tensor, *, name: str) -> Tensor:
    """Batch norm with PyTorch's defaults: epsilon 1e-5, and its momentum 0.1 is Keras's 0.9."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def relu(x: Tensor) -> Tensor:
    """max(x, 0)."""
    return keras.layers.ReLU()(x)


def _padded(x: Tensor, kernel: int, stride: int, dilation: int, name: str) -> tuple[Tensor, str]:
    if stride == 1 or kernel == 1:
        return x, "same"
    edge = dilation * (kernel - 1) // 2
    return keras.layers.ZeroPadding2D(edge, name=f"{name}.padding")(x), "valid"
