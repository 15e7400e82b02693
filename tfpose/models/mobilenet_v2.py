"""The MobileNetV2 networks of tf-pose-estimation.

MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) as in TF-slim's `mobilenet_v2.py`, to its
twelfth inverted residual; features at strides 8 and, doubled, 16; six stages
(ildoonet/tf-pose-estimation, `network_mobilenet_v2.py`).

The weights that its authors published have no statistics in the backbone's batch norms: their
frozen graphs normalise every picture by its own mean and variance. `tf_pose_mobilenet_v2_small` and
`_large` do just that, to take these weights; they read BGR 0..255 as it is, which was found by
comparing with the published graph's own answers. The other two are the same networks with batch
norm that keeps statistics, to train: those fold into plain convolutions.
"""

from dataclasses import dataclass

import keras

from estimator import skeletons
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks import slim
from ..blocks.layer_names import keras_name
from ..blocks.layers import Tensor, picture

BGR_KERNEL = "MobilenetV2.Conv"  # the originals read BGR
BACKBONE_ONLY = ("MobilenetV2",)  # what it shares with TF-slim's, and what that has besides
BACKBONE_IGNORE = (
    *("MobilenetV2.expanded_conv_1[3-6]", "MobilenetV2.Conv_1", "MobilenetV2.Logits"),
)
EXPANSION = 6
# Channels and stride of expanded_conv_1 to expanded_conv_12.
BLOCKS = (
    *((24, 2), (24, 1), (32, 2), (32, 1), (32, 1)),
    *((64, 2), (64, 1), (64, 1), (64, 1), (96, 1), (96, 1), (96, 1)),
)
FINE, COARSE = 5, 12  # the blocks whose answers, at strides 8 and 16, are the features


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      width: factor on the backbone's channels, which are rounded to multiples of 8.
      stage_width: factor on the stages' channels.
      by_picture: the backbone normalises every picture by its own mean and variance.
    """

    width: float
    stage_width: float
    by_picture: bool = False

    def channels(self, count: int) -> int:
        """A backbone layer's channels: rounded to a multiple of 8, never down by over a tenth."""
        wanted = count * self.width
        rounded = max(8, int(wanted + 4) // 8 * 8)
        return rounded if rounded >= 0.9 * wanted else rounded + 8


VARIANTS = {
    "mobilenet_v2_large": Variant(width=1.4, stage_width=1.0),
    "mobilenet_v2_small": Variant(width=0.5, stage_width=0.5),
    "tf_pose_mobilenet_v2_large": Variant(width=1.4, stage_width=1.0, by_picture=True),
    "tf_pose_mobilenet_v2_small": Variant(width=0.5, stage_width=0.5, by_picture=True),
}


def spec(name: str) -> PoseSpec:
    """OpenPose's 18 keypoints at 368x432, stride 8; doubling features fixes the graph's size."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("openpose18"),
        image=ImageSpec(height=368, width=432, multiple=16, flexible=False),
        outputs=OutputSpec(stride=8, background=True, pafs=True, sigma=8.0),
        decoder=paf.Parameters(),
    )


def build(spec: PoseSpec, height: int | None, width: int | None) -> keras.Model:
    """The network of a spec."""
    variant = VARIANTS[spec.model]
    if variant.by_picture:
        image = x = keras.Input((height, width, 3), name="image")
    else:
        image, x = picture(height, width, scale=1 / 128, offset=-1.0)
    fine, coarse = _backbone(x, variant)
    features = keras.layers.Concatenate()([fine, slim.upsample_bilinear(coarse)])
    outputs = slim.stages(features, spec.channels, count=6, kernel=3, width=variant.stage_width)
    return keras.Model(image, outputs, name=spec.model)


def _backbone(x: Tensor, variant: Variant) -> tuple[Tensor, Tensor]:
    name = "MobilenetV2.Conv"
    x = slim.plain(x, variant.channels(32), 3, name, stride=2)
    x = _relu6(_norm(x, variant, name))
    x = _inverted_residual(x, 16, 1, "MobilenetV2.expanded_conv", variant, expansion=1)
    answers = []
    for index, (channels, stride) in enumerate(BLOCKS, 1):
        name = f"MobilenetV2.expanded_conv_{index}"
        x = _inverted_residual(x, channels, stride, name, variant, expansion=EXPANSION)
        answers.append(x)
    return answers[FINE - 1], answers[COARSE - 1]


def _inverted_residual(
    x: Tensor, channels: int, stride: int, name: str, variant: Variant, *, expansion: int
) -> Tensor:
    shortcut, count = x, x.shape[-1]
    if expansion > 1:
        x = slim.plain(x, count * expansion, 1, f"{name}.expand")
        x = _relu6(_norm(x, variant, f"{name}.expand"))
    x = slim.channelwise(x, 3, f"{name}.depthwise", stride=stride)
    x = _relu6(_norm(x, variant, f"{name}.depthwise"))
    x = slim.plain(x, variant.channels(channels), 1, f"{name}.project")
    x = _norm(x, variant, f"{name}.project")
    same = stride == 1 and x.shape[-1] == count
    return keras.layers.Add()([x, shortcut]) if same else x


def _norm(x: Tensor, variant: Variant, name: str) -> Tensor:
    if not variant.by_picture:
        return slim.batch_norm(x, name, scale=True)
    return slim.PictureNormalization(name=keras_name(f"{name}.BatchNorm"))(x)


def _relu6(x: Tensor) -> Tensor:
    return keras.layers.ReLU(max_value=6)(x)
