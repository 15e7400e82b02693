"""Lightweight OpenPose: MobileNetV1 with dilation, and OpenPose's stages made light.

Osokin 2018, arXiv:1811.12004; its PyTorch code, Daniil-Osokin/lightweight-human-pose-estimation
.pytorch, `models/with_mobilenet.py` and `modules/conv.py`, whose module names our layers carry.
`human_pose_estimation_0001` is the same network as Intel trained it (Open Model Zoo, Apache-2.0):
batch norm is folded into its convolutions, so it has none here; `cpm.align` ends in ELU, and one
more 1x1 convolution with ELU, `conv4_3_CPM/red` there and `cpm.reduce` here, follows it.
"""

from dataclasses import dataclass

import keras

from estimator import skeletons
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks.layers import Tensor, batch_norm, convolution, depthwise, maps, picture, relu

BGR_KERNEL = "model.0.0"  # the originals read BGR: an import reverses this kernel's input
# What it shares with MobileNet classifiers (marvis/pytorch-mobilenet, keras.applications), and what
# these have besides.
BACKBONE_ONLY = ("model",)
BACKBONE_IGNORE = ("model.12", "model.13", "fc", "conv_preds")
# Output channels, stride and dilation of the separable convolutions model.1 to model.11.
BACKBONE = (
    *((64, 1, 1), (128, 2, 1), (128, 1, 1), (256, 2, 1), (256, 1, 1), (512, 1, 1)),
    *((512, 1, 2), (512, 1, 1), (512, 1, 1), (512, 1, 1), (512, 1, 1)),
)
REFINEMENT_BLOCKS = 5


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      refinement_stages: stages after the initial one, at least 0.
      width: factor on all channels but the outputs'; they are rounded to multiples of 8.
      folded: there is no batch norm: it was folded into the convolutions, which have a bias.
      elu_align: the two places in which `human_pose_estimation_0001` differs.
      scale, offset: the network reads `scale * image + offset`.
    """

    refinement_stages: int = 1
    width: float = 1.0
    folded: bool = False
    elu_align: bool = False
    scale: float = 1 / 256
    offset: float = -0.5

    def __post_init__(self) -> None:
        if self.refinement_stages < 0 or not self.width > 0:
            raise ValueError(
                "refinement_stages must be at least 0 and width positive, found "
                f"{self.refinement_stages} and {self.width}"
            )

    def channels(self, count: int) -> int:
        """A layer's channels at this width."""
        return max(8, int(count * self.width / 8 + 0.5) * 8)


VARIANTS = {
    "human_pose_estimation_0001": Variant(  # scale and offset as stored, in half precision
        folded=True, elu_align=True, scale=0.003921509, offset=-0.5019531
    ),
    "lightweight_openpose": Variant(),
    "lightweight_openpose_0stage": Variant(refinement_stages=0),
    "lightweight_openpose_3stage": Variant(refinement_stages=3),
    "lightweight_openpose_half": Variant(width=0.5),
}


def spec(name: str) -> PoseSpec:
    """OpenPose's 18 keypoints at 256x456 (the paper's size), stride 8."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("openpose18"),
        image=ImageSpec(height=256, width=456, multiple=8, flexible=True),
        outputs=OutputSpec(stride=8, background=True, pafs=True, sigma=7.0),
        decoder=paf.Parameters(),
    )


def build(
    spec: PoseSpec, height: int | None, width: int | None, *, variant: Variant | None = None
) -> keras.Model:
    """The network of a spec; `variant` builds one that the table lacks."""
    variant = variant or VARIANTS[spec.model]
    counts = (spec.channels["heatmaps"], spec.channels["pafs"])
    image, x = picture(height, width, scale=variant.scale, offset=variant.offset)
    features = _cpm(_backbone(x, variant), variant)
    stages = [_initial_stage(features, counts, variant)]
    for index in range(variant.refinement_stages):
        x = keras.layers.Concatenate()([features, *stages[-1]])
        stages.append(_refinement_stage(x, counts, variant, f"refinement_stages.{index}"))
    heatmaps, pafs = zip(*stages, strict=True)
    return keras.Model(image, {"heatmaps": list(heatmaps), "pafs": list(pafs)}, name=spec.model)


def _backbone(x: Tensor, variant: Variant) -> Tensor:
    x = convolution(x, variant.channels(32), 3, stride=2, bias=variant.folded, name="model.0.0")
    x = _norm_relu(x, variant, "model.0.1")
    for index, (channels, stride, dilation) in enumerate(BACKBONE, 1):
        name = f"model.{index}"
        x = depthwise(x, 3, stride=stride, dilation=dilation, bias=variant.folded, name=f"{name}.0")
        x = _norm_relu(x, variant, f"{name}.1")
        x = convolution(x, variant.channels(channels), 1, bias=variant.folded, name=f"{name}.3")
        x = _norm_relu(x, variant, f"{name}.4")
    return x


def _norm_relu(x: Tensor, variant: Variant, name: str) -> Tensor:
    return relu(x if variant.folded else batch_norm(x, name=name))


def _cpm(x: Tensor, variant: Variant) -> Tensor:
    channels = variant.channels(128)
    activation = "elu" if variant.elu_align else "relu"
    aligned = convolution(x, channels, 1, activation=activation, name="cpm.align.0")
    x = aligned
    if variant.elu_align:
        x = convolution(x, channels, 1, activation="elu", name="cpm.reduce.0")
    for index in range(3):
        name, bias = f"cpm.trunk.{index}", variant.folded
        x = depthwise(x, 3, bias=bias, activation="elu", name=f"{name}.0")
        x = convolution(x, channels, 1, bias=bias, activation="elu", name=f"{name}.2")
    x = keras.layers.Add()([aligned, x])
    return convolution(x, channels, 3, activation="relu", name="cpm.conv.0")


def _initial_stage(x: Tensor, counts: tuple[int, int], variant: Variant) -> tuple[Tensor, Tensor]:
    channels = variant.channels(128)
    for index in range(3):
        x = convolution(x, channels, 3, activation="relu", name=f"initial_stage.trunk.{index}.0")
    return _heads(x, variant.channels(512), counts, "initial_stage")


def _refinement_stage(
    x: Tensor, counts: tuple[int, int], variant: Variant, name: str
) -> tuple[Tensor, Tensor]:
    channels = variant.channels(128)
    for index in range(REFINEMENT_BLOCKS):
        block = f"{name}.trunk.{index}"
        first = convolution(x, channels, 1, activation="relu", name=f"{block}.initial.0")
        x = convolution(first, channels, 3, name=f"{block}.trunk.0.0")
        x = _norm_relu(x, variant, f"{block}.trunk.0.1")
        x = convolution(x, channels, 3, dilation=2, name=f"{block}.trunk.1.0")
        x = _norm_relu(x, variant, f"{block}.trunk.1.1")
        x = keras.layers.Add()([first, x])
    return _heads(x, channels, counts, name)


def _heads(x: Tensor, channels: int, counts: tuple[int, int], name: str) -> tuple[Tensor, Tensor]:
    outputs = []
    for output, count in zip(("heatmaps", "pafs"), counts, strict=True):
        hidden = convolution(x, channels, 1, activation="relu", name=f"{name}.{output}.0.0")
        outputs.append(maps(hidden, count, name=f"{name}.{output}.1.0"))
    return outputs[0], outputs[1]
