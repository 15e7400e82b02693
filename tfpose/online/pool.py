"""A pool of canvases and their maps on the GPU, and random windows of them to train on.

New canvases replace the oldest. Maps are stored as bytes, as in `tfpose.teacher.cache`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .labels import STRIDE, Mirror
from .networks import FINE, HEATMAPS, PAFS

CELL = 8  # pixels; windows begin at multiples of it
# The ranges of `augment.policy`'s "cached".
BRIGHTNESS, CONTRAST, CHANNEL = (0.8, 1.2), (0.7, 1.35), (0.9, 1.1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """A batch of windows.

    Attributes:
      image: (B, 3, H, W) 0..255.
      fine: (B, 57, H / 4, W / 4), heatmaps before fields.
      coarse: (B, 57, H / 8, W / 8), each cell the mean of four cells of `fine`.
    """

    image: Tensor
    fine: Tensor
    coarse: Tensor


class Pool:
    """The newest canvases and their maps.

    Args:
      capacity: maximum number of canvases.
      edge: height and width of a canvas, pixels.
      mirror: mirrors maps.
      device: "cuda" or "cpu".

    Attributes:
      seen: number of canvases added so far.
    """

    def __init__(self, capacity: int, edge: int, mirror: Mirror, device: str) -> None:
        cells = edge // STRIDE
        self._images = torch.zeros((capacity, edge, edge, 3), dtype=torch.uint8, device=device)
        self._maps = torch.zeros(
            (capacity, cells, cells, HEATMAPS + PAFS), dtype=torch.uint8, device=device
        )
        self._mirror, self._edge, self._device = mirror, edge, device
        scale = torch.tensor([255.0] * HEATMAPS + [127.0] * PAFS, device=device)
        self._scale = scale[:, None, None]
        self._offset = torch.tensor([0.0] * HEATMAPS + [128.0] * PAFS, device=device)[:, None, None]
        self.seen = 0

    def __len__(self) -> int:
        return min(self.seen, len(self._images))

    def add(self, images: Tensor, maps: Tensor) -> None:
        """Adds canvases (B, H, W, 3) uint8 with their maps (B, 57, h, w)."""
        places = (torch.arange(len(images), device=self._device) + self.seen) % len(self._images)
        coded = (maps * self._scale + self._offset).round_().clamp_(0, 255).to(torch.uint8)
        self._images[places] = images
        self._maps[places] = coded.permute(0, 2, 3, 1)
        self.seen += len(images)

    def draw(self, count: int, edge: int) -> Windows:
        """Draws `count` windows of `edge` x `edge` pixels, mirrored and recoloured at random."""
        device, cells = self._device, edge // STRIDE
        picked = torch.randint(len(self), (count, 1, 1), device=device)
        room = (self._edge - edge) // CELL + 1
        top, left = torch.randint(room, (2, count, 1), device=device)
        rows, columns = (
            torch.arange(edge, device=device)[None],
            torch.arange(cells, device=device)[None],
        )
        image = self._images[
            picked, (rows + CELL * top)[:, :, None], (rows + CELL * left)[:, None, :]
        ]
        step = CELL // STRIDE
        maps = self._maps[
            picked, (columns + step * top)[:, :, None], (columns + step * left)[:, None, :]
        ]
        image = recoloured(image.permute(0, 3, 1, 2).float())
        fine = (maps.permute(0, 3, 1, 2).float() - self._offset) / self._scale
        turned = torch.rand((count, 1, 1, 1), device=device) < 0.5
        image = torch.where(turned, image.flip(-1), image)
        fine = torch.where(turned, self._mirror(fine), fine)
        return Windows(image=image, fine=fine, coarse=F.avg_pool2d(fine, FINE))


def recoloured(image: Tensor) -> Tensor:
    """Changes the contrast about each channel's mean, then the brightness; (B, 3, H, W) 0..255."""
    count, device = len(image), image.device

    def between(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.rand((count, channels, 1, 1), device=device) * (high - low) + low

    mean = image.mean(dim=(2, 3), keepdim=True)
    gain = between(*BRIGHTNESS) * between(*CHANNEL, 3)
    return ((mean + (image - mean) * between(*CONTRAST)) * gain).clamp(0, 255)
