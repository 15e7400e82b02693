"""The MobileNetV1 networks of tf-pose-estimation, of 2019 (stride 4) and 2017 (stride 8).

ildoonet/tf-pose-estimation, `network_mobilenet.py`: MobileNetV1 (Howard et al. 2017,
arXiv:1704.04861) to Conv2d_7; its features at strides 4 and, doubled, 8; five stages with kernels
of 7x7. `network_mobilenet_thin.py`: to Conv2d_11, at stride 8; six stages with kernels of 3x3. That
is the network that tf-openpose's README of 2017 calls mobilenet, and its mobilenet_fast and
mobilenet_accurate are the same at other widths. Here they are mobilenet_2017 (mobilenet_thin by its
older name), mobilenet_2017_fast and mobilenet_2017_accurate.

The original of 2019 computes a Conv2d_8 that nothing reads. Ours leaves it out, with its 68,096
(fast), 151,296 or 267,264 (accurate) parameters, and an import ignores it.
"""

from dataclasses import dataclass

import keras

from estimator import skeletons
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks import slim
from ..blocks.layers import Tensor, picture

BGR_KERNEL = "MobilenetV1.Conv2d_0"  # the originals read BGR
UNUSED = ("MobilenetV1.Conv2d_8_depthwise", "MobilenetV1.Conv2d_8_pointwise")
# What it takes of TF-slim's MobileNetV1, as the original does, and what that has besides: these
# networks have no batch norm after depthwise convolutions, and no scale in the others.
BACKBONE_ONLY = ("MobilenetV1",)
BACKBONE_IGNORE = (
    *("MobilenetV1.*_depthwise.BatchNorm", "MobilenetV1.*.BatchNorm.gamma"),
    *("MobilenetV1.Conv2d_8_*", "MobilenetV1.Conv2d_9_*", "MobilenetV1.Conv2d_1[0-3]_*"),
    "MobilenetV1.Logits",
)
# Channels and stride of the separable convolutions Conv2d_1 to Conv2d_11.
BACKBONE = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)),
    *((512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1)),
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      thin: the network of 2017, at stride 8.
      width: factor on the backbone's channels.
      stage_width: factor on the stages' channels.
    """

    thin: bool = False
    width: float
    stage_width: float


VARIANTS = {
    "mobilenet": Variant(width=0.75, stage_width=1.0),
    "mobilenet_2017": Variant(thin=True, width=0.75, stage_width=0.5),
    "mobilenet_2017_accurate": Variant(thin=True, width=1.0, stage_width=1.0),
    "mobilenet_2017_fast": Variant(thin=True, width=0.5, stage_width=0.5),
    "mobilenet_accurate": Variant(width=1.0, stage_width=1.0),
    "mobilenet_fast": Variant(width=0.5, stage_width=0.5),
    "mobilenet_thin": Variant(thin=True, width=0.75, stage_width=0.5),
}


def spec(name: str) -> PoseSpec:
    """OpenPose's 18 keypoints at 368x432.

    A graph that doubles features has a constant size there, so only `mobilenet_thin` is flexible.
    """
    thin = VARIANTS[name].thin
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("openpose18"),
        image=ImageSpec(height=368, width=432, multiple=8, flexible=thin),
        outputs=OutputSpec(stride=8 if thin else 4, background=True, pafs=True, sigma=8.0),
        decoder=paf.Parameters(),
    )


def build(spec: PoseSpec, height: int | None, width: int | None) -> keras.Model:
    """The network of a spec."""
    variant = VARIANTS[spec.model]
    image, x = picture(height, width, scale=1 / 128, offset=-1.0)
    layers = _backbone(x, variant)
    if variant.thin:
        pooled, *others = layers[3], layers[7], layers[11]
    else:
        pooled, *others = layers[1], layers[3], slim.upsample_bilinear(layers[7])
    pooled = keras.layers.MaxPooling2D(2, padding="same")(pooled)
    outputs = slim.stages(
        keras.layers.Concatenate()([pooled, *others]),
        spec.channels,
        count=6 if variant.thin else 5,
        kernel=3 if variant.thin else 7,
        width=variant.stage_width,
    )
    return keras.Model(image, outputs, name=spec.model)


def _backbone(x: Tensor, variant: Variant) -> list[Tensor]:
    """What Conv2d_0, Conv2d_1 ... answer."""
    count = slim.channels(32, variant.width)
    layers = [slim.convolution(x, count, 3, "MobilenetV1.Conv2d_0", stride=2)]
    blocks = BACKBONE if variant.thin else BACKBONE[:7]
    for index, (channels, stride) in enumerate(blocks, 1):
        count = slim.channels(channels, variant.width)
        name = f"MobilenetV1.Conv2d_{index}"
        layers.append(slim.separable(layers[-1], count, 3, name, stride=stride))
    return layers
