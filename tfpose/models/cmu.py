"""OpenPose's own network of 2017: VGG19 to conv4_2, then six stages with kernels of 7x7.

Cao et al. 2017, arXiv:1611.08050. Layers carry the names of its Caffe layers, which
ildoonet/tf-pose-estimation keeps in `network_cmu.py`; there too, in `network_dsconv.py`, is
`dsconv`: the same network with separable convolutions, and strides in place of its pools.
"""

from dataclasses import dataclass

import keras

from estimator import skeletons
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks import slim
from ..blocks.layers import Tensor, maps, picture, relu

BGR_KERNEL = "conv1_1"  # the originals read BGR
BACKBONE_ONLY = ("conv?_?",)  # what it shares with VGG19, and what that has besides
BACKBONE_IGNORE = ("conv4_[34]", "conv5_?", "fc*", "predictions")
# Name and channels of VGG19's convolutions; None is a pool, or the stride before it.
BACKBONE = (
    *(("conv1_1", 64), ("conv1_2", 64), None),
    *(("conv2_1", 128), ("conv2_2", 128), None),
    *(("conv3_1", 256), ("conv3_2", 256), ("conv3_3", 256), ("conv3_4", 256), None),
    *(("conv4_1", 512), ("conv4_2", 512), ("conv4_3_CPM", 256), ("conv4_4_CPM", 128)),
)
STAGES = 6


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      separable: all convolutions but the first and the 1x1 ones are separable, with batch norm.
      scale, offset: the network reads `scale * image + offset`.
    """

    separable: bool
    scale: float
    offset: float


VARIANTS = {
    "cmu": Variant(separable=False, scale=1 / 256, offset=-0.5),
    "dsconv": Variant(separable=True, scale=1 / 128, offset=-1.0),
}


def spec(name: str) -> PoseSpec:
    """OpenPose's 18 keypoints at 368x432, stride 8, as tf-pose-estimation runs it."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("openpose18"),
        image=ImageSpec(height=368, width=432, multiple=8, flexible=True),
        outputs=OutputSpec(stride=8, background=True, pafs=True, sigma=7.0),
        decoder=paf.Parameters(),
    )


def build(spec: PoseSpec, height: int | None, width: int | None) -> keras.Model:
    """The network of a spec."""
    variant = VARIANTS[spec.model]
    image, x = picture(height, width, scale=variant.scale, offset=variant.offset)
    features = _separable_backbone(x) if variant.separable else _vgg19(x)
    outputs: dict[str, list[Tensor]] = {"heatmaps": [], "pafs": []}
    x = features
    for stage in range(1, STAGES + 1):
        for output, branch in (("pafs", "L1"), ("heatmaps", "L2")):
            answer = _branch(x, spec.channels[output], stage, branch, separable=variant.separable)
            outputs[output].append(answer)
        x = keras.layers.Concatenate()([outputs["pafs"][-1], outputs["heatmaps"][-1], features])
    return keras.Model(image, outputs, name=spec.model)


def _vgg19(x: Tensor) -> Tensor:
    for layer in BACKBONE:
        if layer is None:
            x = keras.layers.MaxPooling2D(2, padding="same")(x)
        else:
            name, channels = layer
            x = relu(slim.plain(x, channels, 3, name, bias=True))
    return x


def _separable_backbone(x: Tensor) -> Tensor:
    for layer, following in zip(BACKBONE, (*BACKBONE[1:], ("", 0)), strict=True):
        if layer is None:
            continue
        name, channels = layer
        if name == "conv1_1":
            x = relu(slim.plain(x, channels, 3, name, bias=True))
        else:
            x = slim.separable(x, channels, 3, name, stride=2 if following is None else 1)
    return x


def _branch(x: Tensor, count: int, stage: int, branch: str, *, separable: bool) -> Tensor:
    name = "conv5_{}_CPM_" + branch if stage == 1 else f"Mconv{{}}_stage{stage}_{branch}"
    wide, kernel, last = (3, 3, 512) if stage == 1 else (5, 7, 128)
    for index in range(1, wide + 1):
        layer = name.format(index)
        if separable:
            x = slim.separable(x, 128, kernel, layer)
        else:
            x = relu(slim.plain(x, 128, kernel, layer, bias=True))
    x = relu(slim.plain(x, last, 1, name.format(wide + 1), bias=True))
    return maps(x, count, name=name.format(wide + 2))
