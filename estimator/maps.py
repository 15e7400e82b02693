"""Maps: what the network says of a picture, before it is read as people."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .arrays import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Maps:
    """A network's answer for one picture, or one box of it.

    Attributes:
      outputs: `heatmaps` (h, w, K or K + 1) and, bottom-up, `pafs` (h, w, 2L); float32.
      matrix: (2, 3), from pixels of the picture to pixels of the network's input.
    """

    outputs: dict[str, Float]
    matrix: npt.NDArray[np.float64]
