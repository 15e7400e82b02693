"""Starts a narrow detector from a wide one's channels that carry most.

A channel counts by what its readers make of it: its mean square on some pictures, times the square
of their kernels. Of each stride the first residual blocks stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from estimator.arrays import Float

from ..blocks.layer_names import original_name
from .networks import STRIDES, Numbers, Student, to_numpy

Channels = npt.NDArray[np.intp]


def narrowed(student: Student, images: Tensor, numbers: Numbers) -> dict[str, Float]:
    """Returns the arrays of a detector with fewer channels and blocks.

    Args:
      student: the wide `tfpose_detector`.
      images: (B, 3, H, W) 0..255, such as it will see.
      numbers: of the narrow one.

    Raises:
      ValueError: it is to be wider or deeper somewhere.
    """
    chosen = _Chosen(student, images)
    blocks = dict(zip(STRIDES, numbers.blocks, strict=True))
    names = ("stem", *(f"down{stride}" for stride in STRIDES))
    streams = {}
    for name, stride, count in zip(names, (2, *STRIDES), numbers.channels, strict=True):
        readers = [f"stride{stride}.{index}.conv1" for index in range(blocks.get(stride, 0))]
        readers += {16: ["down32", "boxes.0"], 32: ["up32"]}.get(stride, [f"down{2 * stride}"])
        streams[stride] = chosen.of(readers, count)
        chosen.take(name, streams.get(stride // 2), streams[stride])
        for index in range(blocks.get(stride, 0)):
            first, second = (f"stride{stride}.{index}.conv{number}" for number in (1, 2))
            inner = chosen.of([second], count)
            chosen.take(first, streams[stride], inner)
            chosen.take(second, inner, streams[stride])
    quarters = np.arange(4)[:, None] * chosen.outputs("up32") // 4  # one for each cell
    chosen.take("up32", streams[32], (quarters + streams[16]).ravel())
    features = streams[16]
    for name, reader in (("boxes.0", "boxes.1"), ("boxes.1", "boxes")):
        inner = chosen.of([reader], numbers.head)
        chosen.take(name, features, inner)
        features = inner
    chosen.take("boxes", features, np.arange(chosen.outputs("boxes")))
    return chosen.arrays


class _Chosen:
    """A wide network's channels, and the arrays of the narrow one that is made of them."""

    def __init__(self, student: Student, images: Tensor) -> None:
        self._wide = to_numpy(student.arrays())
        self._squares = _squares(student, images)
        self.arrays: dict[str, Float] = {}

    def outputs(self, layer: str) -> int:
        """The number of a layer's channels in the wide network."""
        return int(self._wide[f"{layer}/kernel"].shape[-1])

    def of(self, readers: Sequence[str], count: int) -> Channels:
        """The `count` channels that count most for the layers that read them, in their order."""
        for name in readers:
            if name not in self._squares:
                raise ValueError(f"the wide network has no layer {name!r}")
        carried = sum(
            self._squares[name] * (self._wide[f"{name}/kernel"] ** 2).sum(axis=(0, 1, 3))
            for name in readers
        )
        if count > len(carried):
            raise ValueError(f"{readers[0]} reads {len(carried)} channels, wanted are {count}")
        return np.sort(np.argsort(-carried, kind="stable")[:count])

    def take(self, layer: str, inputs: Channels | None, outputs: Channels) -> None:
        """Adds a layer with some of its channels; inputs are all where None."""
        kernel = self._wide[f"{layer}/kernel"]
        kernel = kernel if inputs is None else kernel[:, :, inputs]
        self.arrays[f"{layer}/kernel"] = kernel[..., outputs]
        for name, array in self._wide.items():
            if name.startswith((f"{layer}/bias", f"{layer}.norm/")):
                self.arrays[name] = array[outputs]


def _squares(student: Student, images: Tensor) -> Mapping[str, Float]:
    """The mean squares of the channels that each layer reads."""
    found: dict[str, Float] = {}

    def keep(name: str, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        found[name] = (inputs[0] ** 2).mean((0, 2, 3)).numpy()

    hooks = [
        layer.register_forward_pre_hook(partial(keep, original_name(key)))
        for key, layer in student.convolutions.items()
    ]
    with torch.no_grad():
        student.eval()(images.float())
    for hook in hooks:
        hook.remove()
    return found
