"""Blocks of layers that more than one family of networks uses.

Convolutions here pad as PyTorch's do with `padding = dilation * (kernel - 1) / 2`: evenly on all
sides. Keras's "same" is that too at stride 1, but pads below and on the right only at stride 2.

Kernels start as in He et al. 2015 (arXiv:1502.01852, eq. 10), with the fan-in that a depthwise
kernel really has: Keras takes kernel * channels for it, and signals vanish.
"""

import math
from typing import Any

import keras

from .grouped import GroupedConv2D
from .layer_names import keras_name

Tensor = Any  # a Keras symbolic tensor; keras has no types
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # RGB, 0..1: torchvision's, of the pretrained backbones
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def picture(
    height: int | None,
    width: int | None,
    *,
    scale: float | tuple[float, ...],
    offset: float | tuple[float, ...],
) -> Any:
    """Makes the input `image`, RGB 0..255, and its normalisation `scale * image + offset`.

    Args:
      height, width: of the input, or None to leave them open.
      scale, offset: one number, or one per channel.

    Returns:
      The input, (B, H, W, 3), and the same normalised.
    """
    image = keras.Input((height, width, 3), name="image")
    return image, keras.layers.Rescaling(scale, offset, name="normalise")(image)


def imagenet_picture(height: int | None, width: int | None) -> Any:
    """Makes a `picture` normalised by ImageNet's mean and standard deviation."""
    scale = tuple(1 / (255 * deviation) for deviation in IMAGENET_DEVIATION)
    moved = zip(IMAGENET_MEAN, IMAGENET_DEVIATION, strict=True)
    offset = tuple(-mean / deviation for mean, deviation in moved)
    return picture(height, width, scale=scale, offset=offset)


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
    deviation: float | None = None,
) -> Tensor:
    """Convolves x, padded evenly; `deviation` is of the first kernel, if not He's."""
    x, padding = _padded(x, kernel, stride, dilation, name)
    settings = {
        "strides": stride,
        "dilation_rate": dilation,
        "padding": padding,
        "use_bias": bias,
        "activation": activation,
        "kernel_initializer": "he_normal"
        if deviation is None
        else keras.initializers.RandomNormal(stddev=deviation),
        "name": keras_name(name),
    }
    if groups > 1:
        return GroupedConv2D(filters, kernel, groups=groups, **settings)(x)
    return keras.layers.Conv2D(filters, kernel, **settings)(x)


def maps(
    x: Tensor, channels: int, *, name: str, bias: bool = True, deviation: float = 0.01
) -> Tensor:
    """Makes the maps by a linear 1x1 convolution, which starts so small that they are near 0.

    The deviation 0.01 is that of OpenPose's Caffe layers (Cao et al. 2017, `setLayers.py`).
    """
    start = keras.initializers.RandomNormal(stddev=deviation)
    layer = keras.layers.Conv2D(
        channels, 1, use_bias=bias, kernel_initializer=start, name=keras_name(name)
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
    """Convolves each channel of x by itself, padded evenly."""
    x, padding = _padded(x, kernel, stride, dilation, name)
    layer = keras.layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        dilation_rate=dilation,
        padding=padding,
        use_bias=bias,
        activation=activation,
        depthwise_initializer=keras.initializers.RandomNormal(stddev=math.sqrt(2) / kernel),
        name=keras_name(name),
    )
    return layer(x)


def batch_norm(x: Tensor, *, name: str) -> Tensor:
    """Batch norm with PyTorch's defaults: epsilon 1e-5, and its momentum 0.1 is Keras's 0.9."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=keras_name(name))(x)


def relu(x: Tensor) -> Tensor:
    """max(x, 0)."""
    return keras.layers.ReLU()(x)


def max_pool(x: Tensor) -> Tensor:
    """ResNet's 3x3 pool of stride 2, padded evenly; x is not negative, so zeros never win."""
    return keras.layers.MaxPooling2D(3, strides=2)(keras.layers.ZeroPadding2D(1)(x))


def upsample(x: Tensor, factor: int) -> Tensor:
    """Repeats every cell `factor` times in both directions.

    Keras's `UpSampling2D` repeats by RESHAPE and TILE in TFLite; a resize of known size becomes one
    RESIZE_NEAREST_NEIGHBOR.
    """
    _, height, width, _ = x.shape
    if height is None or width is None:
        return keras.layers.UpSampling2D(factor)(x)
    return keras.ops.image.resize(x, (factor * height, factor * width), interpolation="nearest")


def bottleneck(x: Tensor, channels: int, *, name: str, stride: int = 1) -> Tensor:
    """ResNet's residual block of three convolutions (He et al. 2015, arXiv:1512.03385, figure 5).

    The stride is the 3x3 convolution's, as in torchvision. The answer has 4 * channels.
    """
    shortcut = x
    if stride > 1 or x.shape[-1] != 4 * channels:
        shortcut = convolution(
            x, 4 * channels, 1, stride=stride, bias=False, name=f"{name}.downsample.0"
        )
        shortcut = batch_norm(shortcut, name=f"{name}.downsample.1")
    x = convolution(x, channels, 1, bias=False, name=f"{name}.conv1")
    x = relu(batch_norm(x, name=f"{name}.bn1"))
    x = convolution(x, channels, 3, stride=stride, bias=False, name=f"{name}.conv2")
    x = relu(batch_norm(x, name=f"{name}.bn2"))
    x = convolution(x, 4 * channels, 1, bias=False, name=f"{name}.conv3")
    x = batch_norm(x, name=f"{name}.bn3")
    return relu(keras.layers.Add()([x, shortcut]))


def _padded(x: Tensor, kernel: int, stride: int, dilation: int, name: str) -> tuple[Tensor, str]:
    if stride == 1 or kernel == 1:
        return x, "same"
    edge = dilation * (kernel - 1) // 2
    return keras.layers.ZeroPadding2D(edge, name=keras_name(f"{name}.padding"))(x), "valid"
