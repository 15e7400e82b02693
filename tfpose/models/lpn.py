"""LPN, the Lightweight Pose Network: Simple Baselines with depthwise convolutions and attention.

Zhang et al. 2019, arXiv:1911.10346; the PyTorch code of cavalleria/humanpose.pytorch,
`lib/models/lpn.py` and `lightweight_modules.py`, whose module names our layers carry. The attention
is the global context block of Cao et al. 2019, arXiv:1904.11492.
"""

from dataclasses import dataclass

import keras

from estimator import skeletons
from estimator.decoders import heatmap
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks.grouped import GroupedConv2DTranspose
from ..blocks.layer_names import keras_name
from ..blocks.layers import (
    Tensor,
    batch_norm,
    convolution,
    depthwise,
    imagenet_picture,
    maps,
    max_pool,
    relu,
)

CHANNELS = (64, 128, 256, 512)  # of the four layers
STRIDES = (1, 2, 2, 1)
DECONVOLUTION_CHANNELS = 256
DECONVOLUTIONS = 2
ORIGINAL_DECODER = {"offset": -1.5}  # the original draws and reads cell i at input i * 4
HEAD = "final_layer"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      blocks: of the four layers.
      bottleneck: 1x1, depthwise 3x3 and 1x1 convolutions; if not, two 3x3 convolutions in groups
        of two input channels.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool = True


VARIANTS = {
    "lpn_100": Variant(blocks=(3, 13, 30, 3)),
    "lpn_101": Variant(blocks=(3, 4, 23, 3)),
    "lpn_152": Variant(blocks=(3, 8, 36, 3)),
    "lpn_18": Variant(blocks=(2, 2, 2, 2), bottleneck=False),
    "lpn_34": Variant(blocks=(3, 4, 6, 3), bottleneck=False),
    "lpn_50": Variant(blocks=(3, 4, 6, 3)),
}


def spec(name: str) -> PoseSpec:
    """COCO's 17 keypoints at 256x192, stride 4; sigma is 2 cells, so 8 pixels."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("coco17"),
        image=ImageSpec(height=256, width=192, multiple=16, fit="crop", box_padding=1.25),
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
    body = _bottleneck if variant.bottleneck else _basic
    layers = zip(CHANNELS, STRIDES, variant.blocks, strict=True)
    for index, (channels, stride, count) in enumerate(layers, 1):
        for block in range(count):
            name = f"layer{index}.{block}"
            first = stride if block == 0 else 1
            shortcut = _shortcut(x, channels, first, name)
            x = _global_context(body(x, channels, first, name), f"{name}.att")
            x = relu(keras.layers.Add()([x, shortcut]))
    for index in range(DECONVOLUTIONS):
        x = _deconvolution(x, 6 * index)
    heatmaps = maps(x, spec.channels["heatmaps"], name="final_layer")
    return keras.Model(image, {"heatmaps": [heatmaps]}, name=spec.model)


def _shortcut(x: Tensor, channels: int, stride: int, name: str) -> Tensor:
    if stride == 1 and x.shape[-1] == channels:
        return x
    x = convolution(x, channels, 1, stride=stride, bias=False, name=f"{name}.downsample.0")
    return batch_norm(x, name=f"{name}.downsample.1")


def _bottleneck(x: Tensor, channels: int, stride: int, name: str) -> Tensor:
    x = convolution(x, channels, 1, bias=False, name=f"{name}.conv1")
    x = relu(batch_norm(x, name=f"{name}.bn1"))
    x = depthwise(x, 3, stride=stride, bias=False, name=f"{name}.conv2")
    x = relu(batch_norm(x, name=f"{name}.bn2"))
    x = convolution(x, channels, 1, bias=False, name=f"{name}.conv3")
    return batch_norm(x, name=f"{name}.bn3")


def _basic(x: Tensor, channels: int, stride: int, name: str) -> Tensor:
    for index, step in ((1, stride), (2, 1)):
        if index == 2:
            x = relu(x)
        groups = x.shape[-1] // 2
        x = convolution(
            x, channels, 3, stride=step, groups=groups, bias=False, name=f"{name}.conv{index}"
        )
        x = batch_norm(x, name=f"{name}.bn{index}")
    return x


def _global_context(x: Tensor, name: str) -> Tensor:
    """Adds to every cell what the whole map says, weighed by a softmax over its cells.

    The last convolution starts at zero, so that a new block adds nothing.
    """
    channels = x.shape[-1]
    hidden = max(channels // 16, 16)
    mask = convolution(x, 1, 1, name=f"{name}.conv_mask")
    mask = keras.layers.Softmax()(keras.layers.Reshape((1, -1))(mask))  # (B, 1, h * w)
    cells = keras.layers.Reshape((-1, channels))(x)  # (B, h * w, C)
    context = keras.layers.Reshape((1, 1, channels))(keras.ops.matmul(mask, cells))
    context = convolution(context, hidden, 1, name=f"{name}.channel_add_conv.0")
    norm_name, last_name = (keras_name(f"{name}.channel_add_conv.{index}") for index in (1, 3))
    norm = keras.layers.LayerNormalization(epsilon=1e-5, name=norm_name)
    last = keras.layers.Conv2D(channels, 1, kernel_initializer="zeros", name=last_name)
    return keras.layers.Add()([x, last(relu(norm(context)))])


def _deconvolution(x: Tensor, place: int) -> Tensor:
    """Doubles the map channel by channel, then mixes the channels."""
    name = keras_name(f"deconv_layers.{place}")
    x = GroupedConv2DTranspose(DECONVOLUTION_CHANNELS, name=name)(x)
    x = relu(batch_norm(x, name=f"deconv_layers.{place + 1}"))
    name = f"deconv_layers.{place + 3}"
    x = convolution(x, DECONVOLUTION_CHANNELS, 1, bias=False, name=name)
    return relu(batch_norm(x, name=f"deconv_layers.{place + 4}"))
