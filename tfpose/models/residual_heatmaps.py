"""Our own small top-down networks: the trunk of `residual_paf`, read out as one person's heatmaps.

`tfpose_person` reads the people whom `tfpose_detector` or `tfpose_s` found, at 256x192
(estimator/second_look); `tfpose_person_nano` those of `tfpose_detector_nano`, at 192x128 for half
of the cost. Both are `tfpose_s` up to the first convolution at stride 8, so that training begins
with its weights; maps at stride 4 come from a 1x1 convolution and depth-to-space (Shi et al. 2016,
arXiv:1609.05158). Two of the three residual blocks at stride 32 are left out: a crop has few cells
there.
"""

import keras

from estimator import skeletons
from estimator.decoders import heatmap
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

from ..blocks.layers import maps
from . import residual_paf
from .residual_paf import Variant

SCALE = 2  # cells of the heatmaps per cell of the features, along each edge

VARIANTS = dict.fromkeys(("tfpose_person", "tfpose_person_nano"), Variant(blocks=(0, 1, 3, 1)))
SIZES = {"tfpose_person": (256, 192, 8.0), "tfpose_person_nano": (192, 128, 6.0)}


def spec(name: str) -> PoseSpec:
    """COCO's 17 keypoints at 256x192, nano at 192x128, stride 4."""
    height, width, sigma = SIZES[name]
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("coco17"),
        image=ImageSpec(height=height, width=width, multiple=32, fit="crop", box_padding=1.1),
        outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=sigma),
        decoder=heatmap.Parameters(),
    )


def build(spec: PoseSpec, height: int | None, width: int | None) -> keras.Model:
    """The network of a variant with the spec's channels."""
    variant = VARIANTS[spec.model]
    image = keras.Input((height, width, 3), name="image")
    x = keras.layers.Rescaling(1 / 255, name="normalise")(image)
    strides = residual_paf.trunk(x, variant)
    x = residual_paf.neck(strides[8], residual_paf.context(strides), variant.head)
    x = residual_paf.convolution(x, variant.head, name="stage1.0")
    x = maps(x, SCALE**2 * spec.channels["heatmaps"], name="heatmaps")
    heatmaps = keras.ops.depth_to_space(x, SCALE)
    return keras.Model(image, {"heatmaps": [heatmaps]}, name=spec.model)
