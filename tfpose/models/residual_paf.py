"""Our own small bottom-up networks: plain 3x3 residual blocks, read out as OpenPose's maps.

A strided residual trunk (He et al. 2016, arXiv:1512.03385) down to stride 32, where context is
cheap: a cell there must know a large person's other end. Back to strides 16 and 8 by
depth-to-space (Shi et al. 2016, arXiv:1609.05158) and sums with the trunk's own (Lin et al. 2017,
arXiv:1612.03144); then OpenPose's heatmaps and part affinity fields in two stages (Cao et al.
2017, arXiv:1611.08050), the second of which sees the maps of the first.

Why plain convolutions: on a CPU LiteRT runs them, in int8, at the core's peak, and depthwise ones
at about half of it. Why depth-to-space: its op carries no size, so that a converted graph can
still be resized to a picture's aspect ratio.
"""

from dataclasses import dataclass

import keras

from estimator import skeletons
from estimator.decoders import paf
from estimator.layout import BOX_CHANNELS, BOXES, ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks.layer_names import keras_name
from ..blocks.layers import Tensor, maps, relu


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      channels: at strides 2, 4, 8, 16 and 32.
      blocks: residual blocks at strides 4, 8, 16 and 32.
      head: channels of the stages at stride 8.
    """

    channels: tuple[int, int, int, int, int] = (32, 64, 128, 192, 192)
    blocks: tuple[int, int, int, int] = (0, 1, 3, 3)
    head: int = 96


VARIANTS = {"tfpose_s": Variant()}
BOX_STRIDE = 16  # of the map of people's boxes, where the spec wants one


def spec(name: str) -> PoseSpec:
    """OpenPose's 18 keypoints at 352x480, stride 8; sizes are multiples of 32."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("openpose18"),
        image=ImageSpec(height=352, width=480, multiple=32, flexible=True),
        outputs=OutputSpec(stride=8, background=True, pafs=True, sigma=7.0),
        decoder=paf.Parameters(),
    )


def build(spec: PoseSpec, height: int | None, width: int | None) -> keras.Model:
    """The network of a variant with the spec's channels."""
    variant = VARIANTS[spec.model]
    image = keras.Input((height, width, 3), name="image")
    x = keras.layers.Rescaling(1 / 255, name="normalise")(image)
    strides = trunk(x, variant)
    sixteenth = context(strides)
    features = neck(strides[8], sixteenth, variant.head)
    heads = {name: count for name, count in spec.channels.items() if name != BOXES}
    first = _stage(features, variant.head, heads, convolutions=1, name="stage1")
    x = keras.layers.Concatenate(name=keras_name("stage2.inputs"))([features, *first.values()])
    second = _stage(x, variant.head, heads, convolutions=2, name="stage2")
    outputs = {name: [first[name], second[name]] for name in first}
    if spec.outputs.boxes:
        outputs[BOXES] = [_boxes(features, sixteenth, variant.head)]
    return keras.Model(image, outputs, name=spec.model)


def trunk(x: Tensor, variant: Variant) -> dict[int, Tensor]:
    """Returns the features by stride (4, 8, 16 and 32) of a normalised picture (B, H, W, 3)."""
    x = convolution(x, variant.channels[0], stride=2, name="stem")
    strides = {}
    for stride, channels, blocks in zip(
        (4, 8, 16, 32), variant.channels[1:], variant.blocks, strict=True
    ):
        x = convolution(x, channels, stride=2, name=f"down{stride}")
        for index in range(blocks):
            x = _block(x, channels, name=f"stride{stride}.{index}")
        strides[stride] = x
    return strides


def context(strides: dict[int, Tensor]) -> Tensor:
    """Returns features at stride 16 that know those of stride 32, from what `trunk` gives."""
    wide = _enlarged(strides[32], strides[16].shape[-1], name="up32", start="zeros")
    return relu(keras.layers.Add(name=keras_name("context.add"))([strides[16], wide]))


def neck(eighth: Tensor, sixteenth: Tensor, channels: int) -> Tensor:
    """Returns features at stride 8, from the trunk's and those that `context` gives."""
    up = _enlarged(sixteenth, channels, name="up")
    side = keras.layers.Conv2D(channels, 1, name="side")(eighth)
    x = relu(keras.layers.Add(name=keras_name("neck.add"))([up, side]))
    return convolution(x, channels, name="neck")


def _enlarged(x: Tensor, channels: int, *, name: str, start: str = "glorot_uniform") -> Tensor:
    """Twice as high and wide, by a 1x1 convolution whose kernel starts as Keras calls `start`."""
    x = keras.layers.Conv2D(4 * channels, 1, kernel_initializer=start, name=name)(x)
    return keras.ops.depth_to_space(x, 2)


def _stage(
    x: Tensor, width: int, channels: dict[str, int], *, convolutions: int, name: str
) -> dict[str, Tensor]:
    """The maps by name, linear."""
    for index in range(convolutions):
        x = convolution(x, width, name=f"{name}.{index}")
    return {head: maps(x, count, name=f"{name}.{head}") for head, count in channels.items()}


def _boxes(features: Tensor, sixteenth: Tensor, width: int) -> Tensor:
    """The map of people's boxes, at stride 16 (estimator/people/box_map.py)."""
    x = convolution(features, width, stride=2, name="boxes.0", activate=False)
    side = keras.layers.Conv2D(width, 1, name=keras_name("boxes.side"))(sixteenth)
    x = relu(keras.layers.Add(name=keras_name("boxes.add"))([x, side]))
    for index in (1, 2):
        x = convolution(x, width, name=f"boxes.{index}")
    return keras.layers.Conv2D(BOX_CHANNELS, 1, name="boxes")(x)


def _block(x: Tensor, channels: int, *, name: str) -> Tensor:
    y = convolution(x, channels, name=f"{name}.conv1")
    y = convolution(y, channels, name=f"{name}.conv2", activate=False)
    return relu(keras.layers.Add(name=keras_name(f"{name}.add"))([x, y]))


def convolution(
    x: Tensor, channels: int, *, name: str, stride: int = 1, activate: bool = True
) -> Tensor:
    """3x3 convolution, batch norm, and ReLU unless told otherwise."""
    x = keras.layers.Conv2D(
        channels,
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=keras_name(name),
    )(x)
    norm = keras_name(f"{name}.norm")
    x = keras.layers.BatchNormalization(momentum=0.97, epsilon=1e-3, name=norm)(x)
    return relu(x) if activate else x
