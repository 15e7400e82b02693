"""`tfpose_person` in PyTorch, with the Keras network's names and arrays."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor

from estimator import skeletons
from estimator.arrays import Float

from .networks import Numbers, Student, depth_to_space, numbers_of

KEYPOINTS = 17
SCALE = 2  # cells of the heatmaps per cell of the features, along each edge
CONTEXT_BLOCKS = 1  # residual blocks at stride 32
READ_FROM = "stage1.heatmaps"  # tfpose_s's maps that the first heatmaps are made of


class PersonStudent(Student):
    """`tfpose_person`; `forward` returns heatmaps (B, 17, H / 4, W / 4).

    Args:
      arrays: of `tfpose_person`, or of `tfpose_s`, from which training starts: the trunk is taken
        over, and every cell of its heatmaps becomes four equal ones.

    Raises:
      ValueError: the arrays belong to another network.
    """

    name = "tfpose_person"

    def _numbers(self, arrays: Mapping[str, Float]) -> Numbers:
        numbers = numbers_of(arrays)
        return replace(numbers, blocks=(*numbers.blocks[:3], CONTEXT_BLOCKS))

    def _add_stages(self, numbers: Numbers) -> None:
        self._wide("stage1.0", numbers.head, numbers.head)
        self._point("heatmaps", numbers.head, SCALE**2 * KEYPOINTS)

    def forward(self, image: Tensor) -> Tensor:
        x = self._convolved(self.features(image), "stage1.0")
        return depth_to_space(self.convolutions["heatmaps"](x))

    def _completed(self, arrays: Mapping[str, Float]) -> dict[str, Float]:
        if f"{READ_FROM}/kernel" not in arrays:
            return dict(arrays)
        own = self.arrays()
        made = {name: array for name, array in arrays.items() if name in own}
        order = _order()
        for part in ("kernel", "bias"):
            coarse = arrays[f"{READ_FROM}/{part}"][..., order]
            made[f"heatmaps/{part}"] = np.concatenate([coarse] * SCALE**2, axis=-1)
        return made


def _order() -> list[int]:
    """OpenPose's index of each of COCO's keypoints."""
    first = skeletons.get("openpose18").keypoints
    return [first.index(name) for name in skeletons.get("coco17").keypoints]
