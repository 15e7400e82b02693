"""A person detector: a map of people's boxes, and no keypoints.

The people are read by the second look, which every network of this kind needs
(estimator/second_look): here nobody is found. estimator/people/box_map.py says what the map holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..arrays import Float, check_shape
from ..layout import BOX_CHANNELS, BOXES, OutputSpec
from ..poses import Poses
from ..skeleton import Skeleton

ANSWERS = "boxes"
RENAMED: dict[str, str] = {}  # names of fields in specs written before


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Which boxes are read.

    Attributes:
      min_box: lowest score of a box in which a person is looked for, 0..1.
      overlap: intersection over union from which the weaker of two boxes is dropped, 0..1.
    """

    min_box: float = 0.2
    overlap: float = 0.5

    def __post_init__(self) -> None:
        for name in ("min_box", "overlap"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(
                    f"decoder.{name} must be above 0 and at most 1, found {getattr(self, name)}"
                )


def shapes(
    skeleton: Skeleton, layout: OutputSpec, height: int, width: int
) -> dict[str, tuple[int, ...]]:
    """(h, w, 5) of the map of boxes, for an input of that size."""
    return {BOXES: (height // layout.boxes, width // layout.boxes, BOX_CHANNELS)}


def decode(
    outputs: Mapping[str, Float], skeleton: Skeleton, layout: OutputSpec, parameters: Parameters
) -> Poses:
    """Returns nobody: keypoints are the second look's.

    Args:
      outputs: `person_boxes`, (h, w, 5).
      skeleton: of the people that the second look gives.
      layout: stride of the map.
      parameters: which boxes are read.

    Raises:
      ValueError: the map has another shape.
    """
    check_shape("the map of boxes", outputs[BOXES], (None, None, BOX_CHANNELS))
    return Poses.empty(skeleton)
