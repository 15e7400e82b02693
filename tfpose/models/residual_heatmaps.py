"""Our own small top-down networks: the trunk of `residual_paf`, read out as one person's heatmaps.

`tfpose_person` looks again at the people whom `tfpose_s` found (estimator/second_look). It is
`tfpose_s` up to the first convolution at stride 8, so that training begins with its weights; maps
at stride 4 come from a 1x1 convolution and depth-to-space (Shi et al. 2016, arXiv:1609.05158). Two
of the three residual blocks at stride 32 are left out: a crop has few cells there.
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

VARIANTS = {"tfpose_person": Variant(blocks=(0, 1, 3, 1))}


def spec(name: str) -> PoseSpec:
    """COCO's 17 keypoints at 192x128, stride 4."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("coco17"),
        image=ImageSpec(height=192, width=128, multiple=32, fit="crop", box_padding=1.1),
        outputs=OutputSpec(stride=4, background=False, pafs=False, sigma=6.0),
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
