"""Maps, the output of a network for one picture, and Runner, the protocol of engines."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .arrays import Float, UInt8


@dataclass(frozen=True, kw_only=True, eq=False)
class Maps:
    """The output of a network for one picture, or for one box of it, before decoding.

    Attributes:
      outputs: `heatmaps` (h, w, K or K + 1) and, bottom-up, `pafs` (h, w, 2L) and maybe
        `person_boxes` (h, w, 5); float32. Of a SimCC network: `simcc_x` and `simcc_y`, (K, bins).
      matrix: (2, 3), from pixels of the picture to pixels of the network's input.
    """

    outputs: dict[str, Float]
    matrix: npt.NDArray[np.float64]


class Runner(Protocol):
    """An engine as PoseEstimator calls it."""

    def __call__(self, image: UInt8) -> dict[str, Float]:
        """Runs the network once.

        Args:
          image: (B, H, W, 3) uint8, RGB. Some graphs take B = 1 only.

        Returns:
          The outputs of `PoseSpec.shapes` by name, float32: maps are (B, h, w, C).
        """
        ...
