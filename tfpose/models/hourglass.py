"""Stacked hourglasses, plain and mobile, as Fast Pose Distillation trains them.

Newell et al. 2016, arXiv:1603.06937; Zhang et al. 2019, arXiv:1811.05419; the PyTorch code of
yuanyuanli85/Fast_Human_Pose_Estimation_Pytorch, `pose/models/hourglass.py`, whose module names our
layers carry.
"""

from dataclasses import dataclass

import keras

from estimator import skeletons
from estimator.decoders import heatmap
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks.layers import (
    Tensor,
    batch_norm,
    convolution,
    depthwise,
    maps,
    picture,
    relu,
    upsample,
)

MEAN = (0.4404, 0.4440, 0.4327)  # of MPII's pictures, RGB 0..1: that repository's mpii_demo.py
FEATURES = 128  # half the channels of an hourglass
DEPTH = 4  # halvings in an hourglass
HEAD = "score.0"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      stacks: hourglasses one after another, each with heatmaps of its own.
      blocks: residual blocks wherever an hourglass has one.
      mobile: the 3x3 convolutions are depthwise.
    """

    stacks: int
    blocks: int = 1
    mobile: bool = False

    def __post_init__(self) -> None:
        if self.stacks < 1 or self.blocks < 1:
            raise ValueError(
                f"stacks and blocks must be at least 1, found {self.stacks} and {self.blocks}"
            )


VARIANTS = {
    "hg_s2_b1": Variant(stacks=2),
    "hg_s2_b1_mobile": Variant(stacks=2, mobile=True),
    "hg_s8_b1": Variant(stacks=8),
}


def spec(name: str) -> PoseSpec:
    """MPII's 16 joints at 256x256, stride 4; sigma is 1 cell, so 4 pixels."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("mpii16"),
        image=ImageSpec(height=256, width=256, multiple=64, fit="crop", box_padding=1.25),
        outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=4.0),
        decoder=heatmap.Parameters(),
    )


def build(
    spec: PoseSpec, height: int | None, width: int | None, *, variant: Variant | None = None
) -> keras.Model:
    """The network of a spec; `variant` builds one that the table lacks."""
    variant = variant or VARIANTS[spec.model]
    image, x = picture(height, width, scale=1 / 255, offset=tuple(-mean for mean in MEAN))
    x = convolution(x, 64, 7, stride=2, name="conv1")
    x = relu(batch_norm(x, name="bn1"))
    x = _residual(x, 64, variant, "layer1.0")
    x = keras.layers.MaxPooling2D(2)(x)
    x = _residual(x, FEATURES, variant, "layer2.0")
    x = _residual(x, FEATURES, variant, "layer3.0")
    stages: list[Tensor] = []
    for stack in range(variant.stacks):
        y = _hourglass(x, DEPTH, variant, f"hg.{stack}.hg")
        y = _residuals(y, variant, f"res.{stack}")
        y = convolution(y, 2 * FEATURES, 1, name=f"fc.{stack}.0")
        y = relu(batch_norm(y, name=f"fc.{stack}.1"))
        stages.append(maps(y, spec.channels["heatmaps"], name=f"score.{stack}"))
        if stack < variant.stacks - 1:
            y = convolution(y, 2 * FEATURES, 1, name=f"fc_.{stack}")
            back = convolution(stages[-1], 2 * FEATURES, 1, name=f"score_.{stack}")
            x = keras.layers.Add()([x, y, back])
    return keras.Model(image, {"heatmaps": stages}, name=spec.model)


def _hourglass(x: Tensor, depth: int, variant: Variant, name: str) -> Tensor:
    """Looks at x at half its size, and within that at a quarter, and so on."""
    level = f"{name}.{depth - 1}"
    above = _residuals(x, variant, f"{level}.0")
    x = _residuals(keras.layers.MaxPooling2D(2)(x), variant, f"{level}.1")
    if depth > 1:
        x = _hourglass(x, depth - 1, variant, name)
    else:
        x = _residuals(x, variant, f"{level}.3")
    x = _residuals(x, variant, f"{level}.2")
    return keras.layers.Add()([above, upsample(x, 2)])


def _residuals(x: Tensor, variant: Variant, name: str) -> Tensor:
    for block in range(variant.blocks):
        x = _residual(x, FEATURES, variant, f"{name}.{block}")
    return x


def _residual(x: Tensor, channels: int, variant: Variant, name: str) -> Tensor:
    """A bottleneck that normalises before it convolves; its answer has 2 * channels."""
    shortcut = x
    if x.shape[-1] != 2 * channels:
        shortcut = convolution(x, 2 * channels, 1, name=f"{name}.downsample.0")
    x = convolution(relu(batch_norm(x, name=f"{name}.bn1")), channels, 1, name=f"{name}.conv1")
    x = relu(batch_norm(x, name=f"{name}.bn2"))
    if variant.mobile:
        x = depthwise(x, 3, name=f"{name}.conv2")
    else:
        x = convolution(x, channels, 3, name=f"{name}.conv2")
    x = relu(batch_norm(x, name=f"{name}.bn3"))
    x = convolution(x, 2 * channels, 1, name=f"{name}.conv3")
    return keras.layers.Add()([x, shortcut])
