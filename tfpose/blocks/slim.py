"""Blocks of tf-pose-estimation's networks, as TF-slim builds them.

ildoonet/tf-pose-estimation, `tf_pose/network_base.py`. Convolutions pad as TensorFlow's "same":
at stride 2 below and on the right only. Batch norm has epsilon 1e-3 and, but for MobileNetV2, no
scale. Layers have the scopes' names, with "." for "/".
"""

import math

import keras

from .layer_names import keras_name
from .layers import Tensor, maps, relu, upsample

HIDDEN = 128  # channels of the stages, before the width
HIDDEN_LAST = 512  # channels before the maps of the first stage
# Deviation of the kernels before the maps' batch norm. It has no scale, and maps vary far less than
# by 1: what it norms must be small beside its epsilon's root, and a larger kernel hardly shrinks,
# since the answer does not depend on its length.
SMALL = 5e-4


def batch_norm(x: Tensor, name: str, *, scale: bool = False) -> Tensor:
    """Batch-normalises x in the scope `name`."""
    layer = keras.layers.BatchNormalization(
        momentum=0.999, epsilon=1e-3, scale=scale, name=keras_name(f"{name}.BatchNorm")
    )
    return layer(x)


@keras.saving.register_keras_serializable(package="tfpose")
class PictureNormalization(keras.layers.Layer):  # type: ignore[misc]
    """Batch norm by the picture's own mean and variance, epsilon 1e-3, with scale.

    Keras's `GroupNormalization(groups=-1)` is the same in theory. It takes the variance as the mean
    square less the squared mean, whose digits cancel, and reshapes to five dimensions.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1:]
        self.gamma = self.add_weight(shape=channels, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=channels, initializer="zeros", name="beta")

    def call(self, inputs: Tensor) -> Tensor:
        centred = inputs - _picture_mean(inputs)
        variance = _picture_mean(keras.ops.square(centred))
        scale = self.gamma * keras.ops.rsqrt(variance + 1e-3)  # (B, 1, 1, C)
        return centred * scale + self.beta


def _picture_mean(x: Tensor) -> Tensor:
    """(B, 1, 1, C); rows first, since one long sum in float32 loses digits."""
    rows = keras.ops.mean(x, axis=2, keepdims=True)
    return keras.ops.mean(rows, axis=1, keepdims=True)


def plain(
    x: Tensor, filters: int, kernel: int, name: str, *, stride: int = 1, bias: bool = False
) -> Tensor:
    """Convolves x, without norm or activation."""
    layer = keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=bias,
        kernel_initializer="he_normal",
        name=keras_name(name),
    )
    return layer(x)


def channelwise(x: Tensor, kernel: int, name: str, *, stride: int = 1) -> Tensor:
    """Convolves each channel of x by itself, without norm or activation."""
    layer = keras.layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=keras.initializers.RandomNormal(stddev=math.sqrt(2) / kernel),
        name=keras_name(name),
    )
    return layer(x)


def convolution(x: Tensor, filters: int, kernel: int, name: str, *, stride: int = 1) -> Tensor:
    """Applies a convolution, batch norm and ReLU."""
    return relu(batch_norm(plain(x, filters, kernel, name, stride=stride), name))


def separable(x: Tensor, filters: int, kernel: int, name: str, *, stride: int = 1) -> Tensor:
    """Applies a depthwise and a 1x1 convolution with nothing between them, batch norm and ReLU."""
    x = channelwise(x, kernel, f"{name}_depthwise", stride=stride)
    return convolution(x, filters, 1, f"{name}_pointwise")


def upsample_bilinear(x: Tensor) -> Tensor:
    """Doubles height and width as TensorFlow 1's `resize_bilinear`: corner to corner.

    An even row is the input's row, an odd one the mean of two, the last its own: that is what an
    average of two repeated cells gives, since TensorFlow leaves padding out of its averages. Keras
    resizes from centre to centre.
    """
    return keras.layers.AveragePooling2D(2, strides=1, padding="same")(upsample(x, 2))


def stages(
    features: Tensor, counts: dict[str, int], *, count: int, kernel: int, width: float
) -> dict[str, list[Tensor]]:
    """Makes the stages of the MobileNet variants; from the second on, each reads the one before.

    Args:
      features: (B, h, w, C).
      counts: channels of `heatmaps` and `pafs`.
      count: number of stages.
      kernel: of the later stages' separable convolutions; the first has 3.
      width: factor on the hidden channels.

    Returns:
      Every stage's `heatmaps` and `pafs`.
    """
    outputs: dict[str, list[Tensor]] = {"heatmaps": [], "pafs": []}
    x = features
    for stage in range(1, count + 1):
        first = stage == 1
        for output, branch in (("pafs", "L1"), ("heatmaps", "L2")):
            name = f"Openpose.MConv_Stage{stage}_{branch}"
            answer = _branch(
                x,
                counts[output],
                name,
                kernel=3 if first else kernel,
                hidden=channels(HIDDEN, width),
                last=channels(HIDDEN_LAST if first else HIDDEN, width),
            )
            outputs[output].append(answer)
        x = keras.layers.Concatenate()([outputs["pafs"][-1], outputs["heatmaps"][-1], features])
    return outputs


def channels(count: int, width: float) -> int:
    """Returns a layer's channels at a width: rounded down, at least 8."""
    return max(int(count * width), 8)


def _branch(x: Tensor, count: int, name: str, *, kernel: int, hidden: int, last: int) -> Tensor:
    for index in range(1, 4):
        x = separable(x, hidden, kernel, f"{name}_{index}")
    x = separable(x, last, 1, f"{name}_4")
    x = channelwise(x, 1, f"{name}_5_depthwise")
    name = f"{name}_5_pointwise"
    return batch_norm(maps(x, count, name=name, bias=False, deviation=SMALL), name)
