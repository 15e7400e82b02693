"""The landmarks of BlazePose (MediaPipe's pose_landmark_lite, _full and _heavy) to a person.

Bazarevsky et al. 2020, arXiv:2006.10204; MediaPipe's model card "BlazePose GHUM 3D": 39 landmarks
of x, y, z, visibility and presence, of which the first 33 are the person's and the others turn the
box. x and y are pixels of the 256x256 input; visibility and presence are logits
(`tensors_to_landmarks_calculator.cc` applies the sigmoid). A second output says whether there is a
person at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..arrays import Float, check_shape
from ..layout import OutputSpec
from ..poses import Poses
from ..skeleton import Skeleton

LANDMARKS, NUMBERS = 39, 5
ANSWERS = "points"
RENAMED: dict[str, str] = {}  # names of fields in specs written before


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How the landmarks are read.

    Attributes:
      min_score: a keypoint is found if its visibility is above this.
    """

    min_score: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_score < 1:
            raise ValueError(
                f"decoder.min_score must be at least 0 and below 1, found {self.min_score}"
            )


def shapes(
    skeleton: Skeleton, layout: OutputSpec, height: int, width: int
) -> dict[str, tuple[int, ...]]:
    """`landmarks` (195,) and `person` (1,)."""
    del skeleton, layout, height, width
    return {"landmarks": (LANDMARKS * NUMBERS,), "person": (1,)}


def decode(
    outputs: Mapping[str, Float], skeleton: Skeleton, layout: OutputSpec, parameters: Parameters
) -> Poses:
    """Reads the landmarks of one box.

    Args:
      outputs: `landmarks` (195,), and `person` (1,), 0..1.
      skeleton: of 33 keypoints.
      layout: nothing of it is used.
      parameters: how the landmarks are read.

    Returns:
      One person, in pixels of the network's input, whose score is `person`.

    Raises:
      ValueError: the landmarks have another shape, or hold NaN.
    """
    del layout
    check_shape("landmarks", outputs["landmarks"], (LANDMARKS * NUMBERS,))
    check_shape("person", outputs["person"], (1,))
    table = outputs["landmarks"].reshape(LANDMARKS, NUMBERS)[: len(skeleton.keypoints)]
    if np.isnan(table).any():
        raise ValueError("the landmarks hold NaN: is the input what the model's card says?")
    score = 1 / (1 + np.exp(-table[:, 3].astype(np.float64).clip(-60, 60)))
    score = np.where(score > parameters.min_score, score, 0)
    return Poses(
        skeleton=skeleton,
        xy=np.where(score[:, np.newaxis] > 0, table[:, :2], np.nan).astype(np.float32)[np.newaxis],
        score=score.astype(np.float32)[np.newaxis],
        person_score=np.clip(outputs["person"], 0, None).astype(np.float32),
    )
