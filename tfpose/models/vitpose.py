"""ViTPose: a plain vision transformer with a decoder of transposed convolutions or one layer.

Xu et al. 2022, arXiv:2204.12484. Layers carry the names of transformers' `VitPoseForPoseEstimation`
(`models/vitpose/modeling_vitpose.py`); `renamed` gives them to the weights of the original program
(ViTAE-Transformer/ViTPose). Weights fit one size of input, since every patch has a position of its
own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from estimator import skeletons
from estimator.decoders import heatmap
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks import transformer
from ..blocks.layer_names import keras_name
from ..blocks.layers import Tensor, batch_norm, imagenet_picture, relu

PATCH, MARGIN = 16, 2  # pixels; the picture is padded by the margin, as in the original
DECONVOLUTION_CHANNELS = 256
ORIGINAL_DECODER = {"corners": True}  # the original draws its maps by unbiased data processing
HEAD = "head.conv"
# Of `mae_pretrain_vit_base.pth`, the autoencoder that the original starts from, by `renamed`.
# Its pictures are 224x224, so that its positions do not fit.
BACKBONE_ONLY = (
    *("backbone.encoder", "backbone.layernorm"),
    "backbone.embeddings.patch_embeddings",
)
BACKBONE_IGNORE = ("backbone.cls_token", "head")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      width: channels of a token.
      layers: blocks.
      heads: of the attention.
      simple: the decoder is a doubling by 4 and one convolution, instead of two transposed
        convolutions and one.
    """

    width: int
    layers: int = 12
    heads: int = 12
    simple: bool = False


VARIANTS = {
    "vitpose_b": Variant(width=768),
    "vitpose_b_simple": Variant(width=768, simple=True),
    "vitpose_s": Variant(width=384, simple=True),
    "vitpose_s_classic": Variant(width=384),
}


def spec(name: str) -> PoseSpec:
    """COCO's 17 keypoints at 256x192, stride 4; sigma is 2 cells, so 8 pixels."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("coco17"),
        image=ImageSpec(height=256, width=192, multiple=PATCH, fit="crop", box_padding=1.25),
        outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=8.0),
        decoder=heatmap.Parameters(),
    )


def build(
    spec: PoseSpec, height: int | None, width: int | None, *, variant: Variant | None = None
) -> keras.Model:
    """The network of a spec; `variant` builds one that the table lacks.

    Raises:
      ValueError: the size is open: every patch has a position of its own.
    """
    if height is None or width is None:
        raise ValueError(f"{spec.model} is made for one size of input: give height and width")
    variant = variant or VARIANTS[spec.model]
    image, x = imagenet_picture(height, width)
    x = keras.layers.ZeroPadding2D(MARGIN)(x)
    patches = "backbone.embeddings.patch_embeddings.projection"
    x = keras.layers.Conv2D(variant.width, PATCH, strides=PATCH, name=keras_name(patches))(x)
    rows, columns = x.shape[1:3]
    x = ops.reshape(x, (-1, rows * columns, variant.width))  # (B, N, C)
    x = transformer.PositionEmbedding(name=keras_name("backbone.embeddings"))(x)
    for index in range(variant.layers):
        x = transformer.block(x, variant.heads, name=f"backbone.encoder.layer.{index}")
    x = transformer.norm(x, name="backbone.layernorm")
    x = ops.reshape(x, (-1, rows, columns, variant.width))
    decoder = _simple if variant.simple else _classic
    heatmaps = decoder(x, spec.channels["heatmaps"])
    return keras.Model(image, {"heatmaps": [heatmaps]}, name=spec.model)


def _simple(x: Tensor, count: int) -> Tensor:
    _, rows, columns, _ = x.shape
    x = ops.image.resize(relu(x), (4 * rows, 4 * columns), interpolation="bilinear")
    return _last(x, count, 3)


def _classic(x: Tensor, count: int) -> Tensor:
    for index in (1, 2):
        layer = keras.layers.Conv2DTranspose(
            DECONVOLUTION_CHANNELS,
            4,
            strides=2,
            padding="same",
            use_bias=False,
            name=keras_name(f"head.deconv{index}"),
        )
        x = relu(batch_norm(layer(x), name=f"head.batchnorm{index}"))
    return _last(x, count, 1)


def _last(x: Tensor, count: int, kernel: int) -> Tensor:
    start = keras.initializers.RandomNormal(stddev=0.001)  # the original's
    layer = keras.layers.Conv2D(
        count, kernel, padding="same", kernel_initializer=start, name=keras_name("head.conv")
    )
    return layer(x)


# Names of the original program and what they are called here, in this order.
_NAMES = (
    (r"^(?=patch_embed|pos_embed|cls_token|blocks|norm\.)", "backbone."),  # an autoencoder's
    (r"^backbone\.patch_embed\.proj", "backbone.embeddings.patch_embeddings.projection"),
    (r"^backbone\.pos_embed", "backbone.embeddings.position_embeddings"),
    (r"^backbone\.(last_)?norm\.", "backbone.layernorm."),
    (r"^backbone\.blocks\.", "backbone.encoder.layer."),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"\.attn\.proj\.", ".attention.output.dense."),
    (r"^keypoint_head\.deconv_layers\.0\.", "head.deconv1."),
    (r"^keypoint_head\.deconv_layers\.1\.", "head.batchnorm1."),
    (r"^keypoint_head\.deconv_layers\.3\.", "head.deconv2."),
    (r"^keypoint_head\.deconv_layers\.4\.", "head.batchnorm2."),
    (r"^keypoint_head\.final_layer\.", "head.conv."),
)


def renamed(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """A checkpoint's arrays under transformers' names; those that have them already stay.

    The original keeps queries, keys and values in one matrix, `attn.qkv`, in this order.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    for name, array in arrays.items():
        for pattern, replacement in _NAMES:
            name = re.sub(pattern, replacement, name)
        before, joined, parameter = name.partition(".attn.qkv.")
        if joined:
            parts = zip(("query", "key", "value"), np.split(array, 3), strict=True)
            found |= {f"{before}.attention.attention.{part}.{parameter}": a for part, a in parts}
        else:
            found[name] = array
    return found
