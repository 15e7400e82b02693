"""What a teacher says of canvases: the mean of its looks at several sizes and at the mirror images.

Means are taken on cells of half the teacher's stride, where the looks at the larger sizes have
what they know of places (docs/evaluation.md, several sizes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .networks import HEATMAPS, PAFS, Maps

STRIDE = 4  # pixels a cell of the answers
MULTIPLE = 8  # of the teacher's input


class Mirror:
    """Turns the maps of a mirrored picture back.

    Args:
      heatmaps: where each heatmap comes from.
      pafs, signs: where each field channel comes from, and its sign.
    """

    def __init__(
        self, heatmaps: Sequence[int], pafs: Sequence[int], signs: Sequence[float], device: str
    ) -> None:
        self._heatmaps = torch.tensor(heatmaps, device=device)
        self._pafs = torch.tensor(pafs, device=device)
        self._signs = torch.tensor(signs, device=device)[:, None, None]

    def __call__(self, maps: Tensor) -> Tensor:
        """(B, 57, h, w), heatmaps before fields."""
        heatmaps, pafs = maps.flip(-1).split((HEATMAPS, PAFS), 1)
        return torch.cat([heatmaps[:, self._heatmaps], pafs[:, self._pafs] * self._signs], 1)


def looks(
    teacher: Callable[[Tensor], Maps],
    image: Tensor,
    scales: Sequence[float],
    mirror: Mirror,
    *,
    dtype: torch.dtype,
) -> Tensor:
    """The mean answer to canvases.

    Args:
      teacher: see `networks.Teacher`.
      image: (B, H, W, 3) uint8.
      scales: the sizes, factors on the canvas.
      mirror: turns maps back.
      dtype: in which the teacher computes.

    Returns:
      (B, 57, H / 4, W / 4), heatmaps before fields, float32.
    """
    _, height, width, _ = image.shape
    picture = image.permute(0, 3, 1, 2).float()
    total = torch.zeros((), device=image.device)
    for scale in scales:
        size = [round(edge * scale / MULTIPLE) * MULTIPLE for edge in (height, width)]
        seen = picture if scale == 1 else _resized(picture, size)
        seen = seen.to(dtype).contiguous(memory_format=torch.channels_last)
        maps = torch.cat(teacher(seen), 1).float()
        back = mirror(torch.cat(teacher(seen.flip(-1)), 1).float())
        total = total + _resized((maps + back) / 2, [height // STRIDE, width // STRIDE])
    return total / len(scales)


def _resized(maps: Tensor, size: list[int]) -> Tensor:
    """Cubic, and where it shrinks, over as many cells as it skips."""
    if list(maps.shape[-2:]) == size:
        return maps
    smaller = size[0] < maps.shape[-2]
    return F.interpolate(maps, size, mode="bicubic", align_corners=False, antialias=smaller)
