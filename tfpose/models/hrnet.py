"""HRNet: branches of four resolutions side by side that exchange what they see.

Sun et al. 2019, arXiv:1902.09212; the PyTorch code of leoxiaobo/deep-high-resolution-net.pytorch,
`lib/models/pose_hrnet.py`, whose module names our layers carry. The small variants are those of
cavalleria/humanpose.pytorch, `experiments/coco/hrnet/w18_small_v*.yaml`.
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
    bottleneck,
    convolution,
    imagenet_picture,
    maps,
    relu,
    upsample,
)

LAYER1_BLOCKS = 4  # in every variant, the small ones too
ORIGINAL_DECODER = {"offset": -1.5}  # the original draws and reads cell i at input i * 4
HEAD = "final_layer"
# The classifier (HRNet-Image-Classification, `cls_hrnet.py`; `hrnet_w32-36af842e.pth`) is the same
# up to its last exchange, which serves all four branches; then come layers of its own.
BACKBONE_ONLY = (
    *("conv1", "bn1", "conv2", "bn2", "layer1"),
    *("transition1", "stage2", "transition2", "stage3", "transition3", "stage4"),
)
BACKBONE_IGNORE = (
    *("incre_modules", "downsamp_modules", "final_layer", "classifier"),
    *(f"stage4.{module}.fuse_layers.{target}" for module in range(3) for target in (1, 2, 3)),
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs between the networks of this family.

    Attributes:
      width: channels of the finest branch; each coarser branch has twice as many.
      modules: exchanges in stages 2, 3 and 4.
      blocks: residual blocks of a branch between two exchanges.
    """

    width: int
    modules: tuple[int, int, int]
    blocks: int


VARIANTS = {
    "hrnet_w18_v1": Variant(width=16, modules=(1, 1, 1), blocks=2),  # 16, for all its name
    "hrnet_w18_v2": Variant(width=18, modules=(1, 3, 2), blocks=2),
    "hrnet_w32": Variant(width=32, modules=(1, 4, 3), blocks=4),
    "hrnet_w48": Variant(width=48, modules=(1, 4, 3), blocks=4),
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
    for index in (1, 2):
        x = convolution(x, 64, 3, stride=2, bias=False, name=f"conv{index}")
        x = relu(batch_norm(x, name=f"bn{index}"))
    for block in range(LAYER1_BLOCKS):
        x = bottleneck(x, 64, name=f"layer1.{block}")
    branches = [x]
    for stage, modules in enumerate(variant.modules, 2):
        channels = [variant.width * 2**branch for branch in range(stage)]
        branches = _transition(branches, channels, f"transition{stage - 1}")
        for module in range(modules):
            last = stage == 4 and module == modules - 1  # only the finest branch goes on
            name = f"stage{stage}.{module}"
            branches = _branches(branches, variant.blocks, f"{name}.branches")
            branches = _exchange(branches, 1 if last else stage, f"{name}.fuse_layers")
    heatmaps = maps(branches[0], spec.channels["heatmaps"], name="final_layer")
    return keras.Model(image, {"heatmaps": [heatmaps]}, name=spec.model)


def _transition(branches: list[Tensor], channels: list[int], name: str) -> list[Tensor]:
    """Fits the branches to the next stage's channels, and adds its coarser one."""
    result = []
    for index, (x, count) in enumerate(zip(branches, channels, strict=False)):
        if x.shape[-1] != count:
            x = relu(_unit(x, count, 3, name=f"{name}.{index}"))
        result.append(x)
    new = f"{name}.{len(branches)}.0"
    return [*result, relu(_unit(branches[-1], channels[-1], 3, stride=2, name=new))]


def _branches(branches: list[Tensor], blocks: int, name: str) -> list[Tensor]:
    """Residual blocks in each branch."""
    result = []
    for index, x in enumerate(branches):
        for block in range(blocks):
            x = _basic_block(x, f"{name}.{index}.{block}")
        result.append(x)
    return result


def _exchange(branches: list[Tensor], count: int, name: str) -> list[Tensor]:
    """The sum of all branches at the resolution of each of the first `count`."""
    channels = [x.shape[-1] for x in branches]
    result = []
    for target in range(count):
        parts = [
            _resample(x, source, target, channels[target], f"{name}.{target}.{source}")
            for source, x in enumerate(branches)
        ]
        result.append(relu(keras.layers.Add()(parts)))
    return result


def _resample(x: Tensor, source: int, target: int, channels: int, name: str) -> Tensor:
    if source == target:
        return x
    if source > target:
        return upsample(_unit(x, channels, 1, name=name), 2 ** (source - target))
    for step in range(target - source - 1):
        x = relu(_unit(x, x.shape[-1], 3, stride=2, name=f"{name}.{step}"))
    return _unit(x, channels, 3, stride=2, name=f"{name}.{target - source - 1}")


def _basic_block(x: Tensor, name: str) -> Tensor:
    shortcut, channels = x, x.shape[-1]
    x = convolution(x, channels, 3, bias=False, name=f"{name}.conv1")
    x = relu(batch_norm(x, name=f"{name}.bn1"))
    x = convolution(x, channels, 3, bias=False, name=f"{name}.conv2")
    return relu(keras.layers.Add()([batch_norm(x, name=f"{name}.bn2"), shortcut]))


def _unit(x: Tensor, channels: int, kernel: int, *, name: str, stride: int = 1) -> Tensor:
    """A convolution and its batch norm."""
    x = convolution(x, channels, kernel, stride=stride, bias=False, name=f"{name}.0")
    return batch_norm(x, name=f"{name}.1")
