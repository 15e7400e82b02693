"""Our own person detector: the trunk of `residual_paf`, read out as people's boxes.

`tfpose_detector` finds people for the second look (estimator/second_look), which reads each in a
crop. It is `tfpose_s` down to stride 32 and back to 16, so that training begins with its weights;
there two convolutions give the map of boxes of estimator/people/box_map.py, one box a cell (Tian
et al. 2019, FCOS, arXiv:1904.01355). `tfpose_detector_nano` has half of its channels, about, and
begins with those of its channels that carry most (tfpose/online/narrowing.py).
"""

import keras

from estimator import skeletons
from estimator.decoders import boxes
from estimator.layout import BOX_CHANNELS, BOXES, ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from . import residual_paf
from .residual_paf import Variant

BOX_STRIDE = residual_paf.BOX_STRIDE

VARIANTS = {
    "tfpose_detector": Variant(),
    "tfpose_detector_nano": Variant(channels=(16, 32, 64, 112, 112), blocks=(0, 1, 2, 2), head=64),
}


def spec(name: str) -> PoseSpec:
    """Boxes at 352x480, stride 16; the people have OpenPose's 18 keypoints, as `tfpose_s`'s."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("openpose18"),
        image=ImageSpec(height=352, width=480, multiple=32, flexible=True),
        outputs=OutputSpec(stride=BOX_STRIDE, background=False, pafs=False, boxes=BOX_STRIDE),
        decoder=boxes.Parameters(),
    )


def build(spec: PoseSpec, height: int | None, width: int | None) -> keras.Model:
    """The network of a variant."""
    variant = VARIANTS[spec.model]
    image = keras.Input((height, width, 3), name="image")
    x = keras.layers.Rescaling(1 / 255, name="normalise")(image)
    x = residual_paf.context(residual_paf.trunk(x, variant))
    for index in range(2):
        x = residual_paf.convolution(x, variant.head, name=f"boxes.{index}")
    cells = keras.layers.Conv2D(BOX_CHANNELS, 1, name="boxes")(x)
    return keras.Model(image, {BOXES: [cells]}, name=spec.model)
