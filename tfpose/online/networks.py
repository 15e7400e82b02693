"""`tfpose_s` and human-pose-estimation-0001 in PyTorch, with the Keras networks' names and arrays.

Arrays have Keras's order of axes: `layer/kernel` (kh, kw, in, out), a depthwise kernel (kh, kw, in,
1). Pictures are (B, 3, H, W) 0..255, maps (B, C, h, w).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from estimator.arrays import Float

from ..blocks.layer_names import keras_name, original_name

HEATMAPS, PAFS = 19, 38
Maps = tuple[Tensor, Tensor]
STRIDES = (4, 8, 16, 32)
_CLOSES = re.compile(r"\.conv2/kernel$")  # the last convolution of a residual block
FINE = 2  # cells of the fine maps per cell of the other maps, along each edge


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The numbers of a `tfpose.models.residual_paf.Variant`, read from a network's arrays.

    Attributes:
      channels: at strides 2, 4, 8, 16 and 32.
      blocks: residual blocks at strides 4, 8, 16 and 32.
      head: channels of the stages at stride 8.
    """

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    head: int


def numbers_of(arrays: Mapping[str, Float], head: str = "side/kernel") -> Numbers:
    """The numbers of the network that the arrays belong to.

    Args:
      arrays: by the Keras network's names.
      head: of which the last axis is as long as the head is wide.

    Raises:
      ValueError: they belong to a network of another family; says which array is missing.
    """
    try:
        return Numbers(
            channels=tuple(
                arrays[f"{name}/kernel"].shape[-1]
                for name in ("stem", *(f"down{stride}" for stride in STRIDES))
            ),
            blocks=tuple(
                sum(name.startswith(f"stride{stride}.") for name in arrays if _CLOSES.search(name))
                for stride in STRIDES
            ),
            head=arrays[head].shape[-1],
        )
    except KeyError as missing:
        raise ValueError(f"these arrays are of no tfpose_s: they lack {missing}") from None


class Student(nn.Module):  # type: ignore[misc]  # PyTorch may be absent
    """`tfpose_s` with a third pair of maps, at stride 4, beside the second stage's.

    `forward` returns the maps of stage 1, of stage 2 (both at stride 8), and the fine maps.

    Args:
      arrays: of a Keras network; without fine maps, these start as copies of stage 2's.

    Raises:
      ValueError: the arrays belong to another network.
    """

    name = "tfpose_s"

    def __init__(self, arrays: Mapping[str, Float]) -> None:
        super().__init__()
        numbers = self._numbers(arrays)
        self._blocks = dict(zip(STRIDES, numbers.blocks, strict=True))
        self.convolutions = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        self._add_trunk(numbers)
        self._add_neck(numbers)
        self._add_stages(numbers)
        self._load(self._completed(arrays))

    def _numbers(self, arrays: Mapping[str, Float]) -> Numbers:
        return numbers_of(arrays)

    def _add_trunk(self, numbers: Numbers) -> None:
        self._wide("stem", 3, numbers.channels[0], stride=2)
        before = numbers.channels[0]
        for (stride, blocks), channels in zip(
            self._blocks.items(), numbers.channels[1:], strict=True
        ):
            self._wide(f"down{stride}", before, channels, stride=2)
            for index in range(blocks):
                self._wide(f"stride{stride}.{index}.conv1", channels, channels)
                self._wide(f"stride{stride}.{index}.conv2", channels, channels)
            before = channels

    def _add_neck(self, numbers: Numbers) -> None:
        _, _, eighth, sixteenth, last = numbers.channels
        self._point("up32", last, 4 * sixteenth)
        self._point("up", sixteenth, 4 * numbers.head)
        self._point("side", eighth, numbers.head)
        self._wide("neck", numbers.head, numbers.head)

    def _add_stages(self, numbers: Numbers) -> None:
        head = numbers.head
        self._wide("stage1.0", head, head)
        self._wide("stage2.0", head + HEATMAPS + PAFS, head)
        self._wide("stage2.1", head, head)
        for stage in ("stage1", "stage2"):
            self._point(f"{stage}.heatmaps", head, HEATMAPS)
            self._point(f"{stage}.pafs", head, PAFS)
        self._point("fine.heatmaps", head, FINE**2 * HEATMAPS)
        self._point("fine.pafs", head, FINE**2 * PAFS)

    def _wide(self, name: str, inputs: int, outputs: int, stride: int = 1) -> None:
        padding = 1 if stride == 1 else 0
        self.convolutions[keras_name(name)] = nn.Conv2d(
            inputs, outputs, 3, stride=stride, padding=padding, bias=False
        )
        self.norms[keras_name(name)] = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)

    def _point(self, name: str, inputs: int, outputs: int) -> None:
        self.convolutions[keras_name(name)] = nn.Conv2d(inputs, outputs, 1)

    def _convolved(self, x: Tensor, name: str, *, activate: bool = True) -> Tensor:
        layer = self.convolutions[keras_name(name)]
        if layer.stride == (2, 2):
            x = F.pad(x, (0, 1, 0, 1))  # Keras' "same" pads below and on the right alone
        norm = self.norms[keras_name(name)]
        if norm.training or layer.weight.requires_grad:
            x = norm(layer(x))
        else:
            x = F.conv2d(x, *_folded(layer, norm), layer.stride, layer.padding)
        return F.relu(x) if activate else x

    def _mapped(self, x: Tensor, stage: str) -> Maps:
        heatmaps, pafs = (
            self.convolutions[keras_name(f"{stage}.{head}")](x) for head in ("heatmaps", "pafs")
        )
        return heatmaps, pafs

    def features(self, image: Tensor) -> Tensor:
        """Returns the features at stride 8 that the stages read."""
        return self.both_features(image)[0]

    def both_features(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the features at stride 8 that the stages read, and those at stride 16."""
        eighth, sixteenth = self.trunk(image)
        up = depth_to_space(self.convolutions["up"](sixteenth))
        x = F.relu(up + self.convolutions["side"](eighth))
        return self._convolved(x, "neck"), sixteenth

    def trunk(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the trunk's features at stride 8, and those at 16, which know those at 32."""
        x = self._convolved(image / 255, "stem")
        found = {}
        for stride, blocks in self._blocks.items():
            x = self._convolved(x, f"down{stride}")
            for index in range(blocks):
                y = self._convolved(x, f"stride{stride}.{index}.conv1")
                y = self._convolved(y, f"stride{stride}.{index}.conv2", activate=False)
                x = F.relu(x + y)
            found[stride] = x
        context = depth_to_space(self.convolutions["up32"](found[32]))
        return found[8], F.relu(found[16] + context)

    def keep_statistics(self, prefixes: tuple[str, ...]) -> None:
        """Sets the norms of some layers to use their running statistics, and not to change them."""
        for key, norm in self.norms.items():
            if original_name(key).startswith(prefixes):
                norm.eval()

    def forward(self, image: Tensor) -> tuple[Maps, Maps, Maps]:
        features = self.features(image)
        first = self._mapped(self._convolved(features, "stage1.0"), "stage1")
        x = self._convolved(torch.cat([features, *first], 1), "stage2.0")
        x = self._convolved(x, "stage2.1")
        heatmaps, pafs = self._mapped(x, "fine")
        return first, self._mapped(x, "stage2"), (depth_to_space(heatmaps), depth_to_space(pafs))

    def _completed(self, arrays: Mapping[str, Float]) -> dict[str, Float]:
        """The arrays, with those that the start of a run lacks."""
        arrays = dict(arrays)
        for head in ("heatmaps", "pafs"):
            for part in ("kernel", "bias"):
                repeated = np.concatenate([arrays[f"stage2.{head}/{part}"]] * FINE**2, axis=-1)
                arrays.setdefault(f"fine.{head}/{part}", repeated)
        return arrays

    def _load(self, arrays: Mapping[str, Float]) -> None:
        own = self.arrays()
        if arrays.keys() != own.keys():
            raise ValueError(
                f"other arrays than {self.name} has: {sorted(arrays.keys() ^ own.keys())}"
            )
        with torch.no_grad():
            for name, target in own.items():
                value = torch.from_numpy(np.ascontiguousarray(arrays[name], np.float32))
                target.copy_(value.permute(3, 2, 0, 1) if value.ndim == 4 else value)

    def arrays(self) -> dict[str, Tensor]:
        """The parameters and statistics by the Keras network's names, axes in PyTorch's order."""
        found: dict[str, Tensor] = {}
        for key, layer in self.convolutions.items():
            found[f"{original_name(key)}/kernel"] = layer.weight
            if layer.bias is not None:
                found[f"{original_name(key)}/bias"] = layer.bias
        for key, norm in self.norms.items():
            name = f"{original_name(key)}.norm"
            found |= {f"{name}/gamma": norm.weight, f"{name}/beta": norm.bias}
            found |= {
                f"{name}/moving_mean": norm.running_mean,
                f"{name}/moving_variance": norm.running_var,
            }
        return found


class Teacher(nn.Module):  # type: ignore[misc]
    """human-pose-estimation-0001; `forward` returns the last stage's maps.

    Args:
      arrays: by the names of `tfpose.models.lightweight_openpose`, with that module's `scale` and
        `offset` of the picture.
    """

    def __init__(self, arrays: Mapping[str, Float]) -> None:
        super().__init__()
        self._scale, self._offset = (float(arrays[name]) for name in ("scale", "offset"))
        for name, array in arrays.items():
            value = torch.from_numpy(np.ascontiguousarray(array, np.float32))
            if value.ndim == 4:
                depthwise = value.shape[3] == 1
                value = value.permute(2, 3, 0, 1) if depthwise else value.permute(3, 2, 0, 1)
            self.register_buffer(keras_name(name), value.contiguous())

    def _convolved(self, x: Tensor, name: str, *, stride: int = 1, dilation: int = 1) -> Tensor:
        weight = getattr(self, keras_name(f"{name}/kernel"))
        bias = getattr(self, keras_name(f"{name}/bias"))
        groups = x.shape[1] // weight.shape[1]
        padding = dilation * (weight.shape[2] // 2)
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups)

    def _separable(
        self, x: Tensor, name: str, stride: int = 1, dilation: int = 1, last: str = "3"
    ) -> Tensor:
        x = self._convolved(x, f"{name}.0", stride=stride, dilation=dilation)
        act = F.relu if last == "3" else F.elu
        return act(self._convolved(act(x), f"{name}.{last}"))

    def forward(self, image: Tensor) -> Maps:
        x = image * self._scale + self._offset
        x = F.relu(self._convolved(x, "model.0.0", stride=2))
        for index, (stride, dilation) in enumerate(
            ((1, 1), (2, 1), (1, 1), (2, 1), (1, 1), (1, 1), (1, 2), *[(1, 1)] * 4), 1
        ):
            x = self._separable(x, f"model.{index}", stride, dilation)
        aligned = F.elu(self._convolved(x, "cpm.align.0"))
        x = F.elu(self._convolved(aligned, "cpm.reduce.0"))
        for index in range(3):
            x = self._separable(x, f"cpm.trunk.{index}", last="2")
        features = F.relu(self._convolved(aligned + x, "cpm.conv.0"))
        x = features
        for index in range(3):
            x = F.relu(self._convolved(x, f"initial_stage.trunk.{index}.0"))
        x = torch.cat([features, *self._heads(x, "initial_stage")], 1)
        for index in range(5):
            block = f"refinement_stages.0.trunk.{index}"
            first = F.relu(self._convolved(x, f"{block}.initial.0"))
            x = F.relu(self._convolved(first, f"{block}.trunk.0.0"))
            x = first + F.relu(self._convolved(x, f"{block}.trunk.1.0", dilation=2))
        return self._heads(x, "refinement_stages.0")

    def _heads(self, x: Tensor, stage: str) -> Maps:
        heatmaps, pafs = (
            self._convolved(
                F.relu(self._convolved(x, f"{stage}.{head}.0.0")), f"{stage}.{head}.1.0"
            )
            for head in ("heatmaps", "pafs")
        )
        return heatmaps, pafs


def _folded(layer: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Kernel and bias of a convolution and the norm after it, as one; for layers that stay."""
    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    kernel = layer.weight * factor[:, None, None, None]
    return kernel, norm.bias - norm.running_mean * factor


def depth_to_space(x: Tensor) -> Tensor:
    """(B, 4C, h, w) to (B, C, 2h, 2w); TensorFlow's order of channels, not `pixel_shuffle`'s."""
    batch, channels, height, width = x.shape
    x = x.view(batch, FINE, FINE, channels // FINE**2, height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(
        batch, channels // FINE**2, FINE * height, FINE * width
    )


def to_numpy(arrays: Mapping[str, Tensor]) -> dict[str, Float]:
    """Returns NumPy arrays in Keras's order of axes."""
    found = {}
    for name, value in arrays.items():
        value = value.detach().float().cpu()
        found[name] = np.ascontiguousarray(value.permute(2, 3, 1, 0) if value.ndim == 4 else value)
    return found
