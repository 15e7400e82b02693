"""Simple Baselines: a ResNet and three transposed convolutions.

Xiao et al. 2018, arXiv:1804.06208; the PyTorch code of microsoft/human-pose-estimation.pytorch,
`lib/models/pose_resnet.py`, whose module names our layers carry.
"""

from dataclasses import dataclass

import keras

from estimator import skeletons
from estimator.decoders import heatmap
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks.layer_names import keras_name
from ..blocks.layers import (
    Tensor,
    batch_norm,
    bottleneck,
    convolution,
    imagenet_picture,
    maps,
    max_pool,
    relu,
)

CHANNELS = (64, 128, 256, 512)  # of the four layers' 3x3 convolutions
DECONVOLUTIONS = 3
ORIGINAL_DECODER = {"offset": -1.5}  # the original draws and reads cell i at input i * 4
HEAD = "final_layer"
# Of torchvision's classifiers, such as `resnet50-19c8e357.pth`.
BACKBONE_ONLY = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
BACKBONE_IGNORE = ("fc",)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      blocks: of the four layers.
      deconvolution_channels: of each transposed convolution.
    """

    blocks: tuple[int, int, int, int]
    deconvolution_channels: int = 256


VARIANTS = {
    "pose_resnet_101": Variant(blocks=(3, 4, 23, 3)),
    "pose_resnet_152": Variant(blocks=(3, 8, 36, 3)),
    "pose_resnet_50": Variant(blocks=(3, 4, 6, 3)),
}


def spec(name: str) -> PoseSpec:
    """COCO's 17 keypoints at 256x192, stride 4; sigma is 2 cells, so 8 pixels."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("coco17"),
        image=ImageSpec(height=256, width=192, multiple=32, fit="crop", box_padding=1.25),
        outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=8.0),
        decoder=heatmap.Parameters(),
    )


def build(
    spec: PoseSpec, height: int | None, width: int | None, *, variant: Variant | None = None
) -> keras.Model:
    """The network of a spec; `variant` builds one that the table lacks."""
    variant = variant or VARIANTS[spec.model]
    image, x = imagenet_picture(height, width)
    x = convolution(x, 64, 7, stride=2, bias=False, name="conv1")
    x = max_pool(relu(batch_norm(x, name="bn1")))
    for index, (channels, count) in enumerate(zip(CHANNELS, variant.blocks, strict=True), 1):
        for block in range(count):
            stride = 2 if index > 1 and block == 0 else 1
            x = bottleneck(x, channels, stride=stride, name=f"layer{index}.{block}")
    for index in range(DECONVOLUTIONS):
        x = _deconvolution(x, variant.deconvolution_channels, 3 * index)
    heatmaps = maps(x, spec.channels["heatmaps"], name="final_layer")
    return keras.Model(image, {"heatmaps": [heatmaps]}, name=spec.model)


def _deconvolution(x: Tensor, channels: int, place: int) -> Tensor:
    """Doubles the map; Keras's "same" is PyTorch's padding of 1 for a kernel of 4, stride 2."""
    name = keras_name(f"deconv_layers.{place}")
    layer = keras.layers.Conv2DTranspose(
        channels, 4, strides=2, padding="same", use_bias=False, name=name
    )
    return relu(batch_norm(layer(x), name=f"deconv_layers.{place + 1}"))
