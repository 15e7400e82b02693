"""RTMPose: a CSPNeXt backbone and a SimCC head with gated attention between the keypoints.

Jiang et al. 2023, arXiv:2303.07399; the backbone is Lyu et al. 2022, arXiv:2212.07784. Layers carry
the names of mmpose 1.3.2's modules (`models/backbones/cspnext.py`, `models/utils/csp_layer.py`,
`models/heads/coord_cls_heads/rtmcc_head.py`), widths and depths are those of
`configs/body_2d_keypoint/rtmpose/`.

The head's first linear layer has as many inputs as the last feature map has cells, so weights fit
one size of input: 256x192 or 384x288.
"""

from dataclasses import dataclass

import keras
from keras import ops

from estimator import skeletons
from estimator.decoders import simcc
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks.gated_attention import ScaleNorm, dense, gated_attention
from ..blocks.layer_names import keras_name
from ..blocks.layers import Tensor, batch_norm, convolution, depthwise, imagenet_picture

STEM = 64  # channels, as the stages' before `width`
# Of the four stages: channels, blocks, whether blocks have a shortcut, whether pools come before.
STAGES = (
    (128, 3, True, False),
    (256, 6, True, False),
    (512, 6, True, False),
    (1024, 3, False, True),
)
POOLS = (5, 9, 13)
KERNEL = 5  # of the blocks' depthwise convolutions
HIDDEN = 256  # channels of the head's tokens
STRIDE, RATIO = 32, 2
ORIGINAL_DECODER = {"offset": 0.25}  # mmpose draws and reads bin i at pixel i / 2
HEAD = "head.final_layer"
UNUSED = ("data_preprocessor",)  # mean and deviation, which our first layer has
# Of mmpose's `cspnext-*_udp-*.pth` and mmdetection's classifiers.
BACKBONE_ONLY = ("backbone",)
BACKBONE_IGNORE = ("head", "neck")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      depth: factor on the blocks of a stage.
      width: factor on the channels.
    """

    depth: float
    width: float


VARIANTS = {
    "rtmpose_l": Variant(depth=1.0, width=1.0),
    "rtmpose_m": Variant(depth=0.67, width=0.75),
    "rtmpose_s": Variant(depth=0.33, width=0.5),
    "rtmpose_t": Variant(depth=0.167, width=0.375),
}


def spec(name: str) -> PoseSpec:
    """COCO's 17 keypoints at 256x192, two bins a pixel."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("coco17"),
        image=ImageSpec(height=256, width=192, multiple=STRIDE, fit="crop", box_padding=1.25),
        outputs=OutputSpec(stride=STRIDE, background=False, pafs=False, simcc=RATIO),
        decoder=simcc.Parameters(),
    )


def build(
    spec: PoseSpec, height: int | None, width: int | None, *, variant: Variant | None = None
) -> keras.Model:
    """The network of a spec; `variant` builds one that the table lacks.

    Raises:
      ValueError: the size is open: the head's linear layers are made for one.
    """
    if height is None or width is None:
        raise ValueError(f"{spec.model} is made for one size of input: give height and width")
    variant = variant or VARIANTS[spec.model]
    image, x = imagenet_picture(height, width)
    x = _backbone(x, variant)
    count = len(spec.skeleton.keypoints)
    x = convolution(x, count, 7, name="head.final_layer", deviation=0.001)  # mmpose's
    cells = x.shape[1] * x.shape[2]
    x = ops.transpose(ops.reshape(x, (-1, cells, count)), (0, 2, 1))  # (B, K, cells)
    x = ScaleNorm(name=keras_name("head.mlp.0"))(x)
    x = gated_attention(dense(x, HIDDEN, name="head.mlp.1"), name="head.gau")
    bins = {name: shape[1] for name, shape in spec.shapes(height, width).items()}
    outputs = {name: [dense(x, count, name=f"head.cls_{name[-1]}")] for name, count in bins.items()}
    return keras.Model(image, outputs, name=spec.model)


def _backbone(x: Tensor, variant: Variant) -> Tensor:
    first = int(STEM * variant.width)
    half = int(STEM * variant.width // 2)
    for index, (channels, stride) in enumerate(((half, 2), (half, 1), (first, 1))):
        x = _unit(x, channels, 3, stride=stride, name=f"backbone.stem.{index}")
    for stage, (channels, blocks, shortcut, pools) in enumerate(STAGES, 1):
        name = f"backbone.stage{stage}"
        channels = int(channels * variant.width)
        x = _unit(x, channels, 3, stride=2, name=f"{name}.0")
        if pools:
            x = _pyramid(x, name=f"{name}.1")
        count = max(round(blocks * variant.depth), 1)
        x = _partial(x, count, shortcut=shortcut, name=f"{name}.{1 + pools}")
    return x


def _unit(x: Tensor, channels: int, kernel: int, *, name: str, stride: int = 1) -> Tensor:
    """A convolution, its batch norm and SiLU."""
    x = convolution(x, channels, kernel, stride=stride, bias=False, name=f"{name}.conv")
    return _activated(x, name)


def _activated(x: Tensor, name: str) -> Tensor:
    return keras.activations.silu(batch_norm(x, name=f"{name}.bn"))


def _pyramid(x: Tensor, *, name: str) -> Tensor:
    """Spatial pyramid pooling: the maximum over three sizes of neighbourhood beside the map."""
    channels = x.shape[-1]
    x = _unit(x, channels // 2, 1, name=f"{name}.conv1")
    pooled = [keras.layers.MaxPooling2D(size, strides=1, padding="same")(x) for size in POOLS]
    return _unit(keras.layers.Concatenate()([x, *pooled]), channels, 1, name=f"{name}.conv2")


def _partial(x: Tensor, blocks: int, *, shortcut: bool, name: str) -> Tensor:
    """A cross stage partial layer: half of the channels go through the blocks."""
    channels = x.shape[-1]
    short = _unit(x, channels // 2, 1, name=f"{name}.short_conv")
    x = _unit(x, channels // 2, 1, name=f"{name}.main_conv")
    for index in range(blocks):
        x = _block(x, shortcut=shortcut, name=f"{name}.blocks.{index}")
    x = keras.layers.Concatenate()([x, short])
    return _unit(_channel_attention(x, f"{name}.attention"), channels, 1, name=f"{name}.final_conv")


def _block(x: Tensor, *, shortcut: bool, name: str) -> Tensor:
    channels = x.shape[-1]
    y = _unit(x, channels, 3, name=f"{name}.conv1")
    wide = f"{name}.conv2.depthwise_conv"
    y = _activated(depthwise(y, KERNEL, bias=False, name=f"{wide}.conv"), wide)
    y = _unit(y, channels, 1, name=f"{name}.conv2.pointwise_conv")
    return keras.layers.Add()([y, x]) if shortcut else y


def _channel_attention(x: Tensor, name: str) -> Tensor:
    """Multiplies each channel by a number of 0..1 that the means of all channels give."""
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    weight = convolution(mean, x.shape[-1], 1, name=f"{name}.fc")
    return keras.layers.Multiply()([x, keras.activations.hard_sigmoid(weight)])
