"""Blocks that more than one family of networks uses.

Convolutions here pad as PyTorch's do with `padding = dilation * (kernel - 1) / 2`: evenly on all
sides. Keras's "same" is that too at stride 1, but pads below and on the right only at stride 2.
"""

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
        name=name,
    )
    return layer(x)


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
