"""A teacher's maps of canvases: the mean over several sizes and over the mirror images.

Maps are averaged on cells of half the teacher's stride, since the larger sizes localise keypoints
more finely than its stride (docs/evaluation.md, several sizes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .networks import HEATMAPS, PAFS, Maps

STRIDE = 4  # pixels per cell of the averaged maps
MULTIPLE = 8  # the teacher's input height and width are multiples of it


class Mirror:
    """Mirrors the maps of a mirrored picture back.

    Args:
      heatmaps: source channel of each heatmap.
      pafs, signs: source channel of each field channel, and its sign.
      device: of the maps.
    """

    def __init__(
        self, heatmaps: Sequence[int], pafs: Sequence[int], signs: Sequence[float], device: str
    ) -> None:
        self._heatmaps = torch.tensor(heatmaps, device=device)
        self._pafs = torch.tensor(pafs, device=device)
        self._signs = torch.tensor(signs, device=device)[:, None, None]

    def __call__(self, maps: Tensor) -> Tensor:
        """Returns the mirrored maps, (B, 57, h, w), heatmaps before fields."""
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
    """Returns the teacher's mean maps of canvases.

    Args:
      teacher: see `networks.Teacher`.
      image: (B, H, W, 3) uint8.
      scales: factors on the canvas's height and width, one per size.
      mirror: mirrors maps back.
      dtype: the teacher's floating-point type.

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
    """Resizes maps by cubic interpolation, with antialiasing where they shrink."""
    if list(maps.shape[-2:]) == size:
        return maps
    smaller = size[0] < maps.shape[-2]
    return F.interpolate(maps, size, mode="bicubic", align_corners=False, antialias=smaller)
