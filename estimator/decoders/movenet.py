"""MoveNet's answers, which are keypoints already, to people.

TensorFlow Hub's model cards: "MoveNet.SinglePose" (one person: y, x and score of 17 keypoints) and
"MoveNet.MultiPose" (six people: the same, then the box and its score). Places are shares of the
input's height and width.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..arrays import Float, check_shape
from ..layout import OutputSpec
from ..poses import Poses
from ..skeleton import Skeleton

MOST = 6  # people of MultiPose
BOX = 5  # numbers behind a person's keypoints: the box's edges and its score
ANSWERS = "points"
RENAMED: dict[str, str] = {}  # names of fields in specs written before


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How the answers are read.

    Attributes:
      height, width: of the input, pixels.
      min_score: a keypoint is found if its score is above this.
      person_min_score: a person is found if their score is above this: the box's score, or the mean
        of the keypoints' where there is no box. The cards' examples have 0.11 and 0.3.
    """

    height: int
    width: int
    min_score: float = 0.0
    person_min_score: float = 0.11

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(
                f"decoder.height and width must be pixels, found {self.height} and {self.width}"
            )
        for name in ("min_score", "person_min_score"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"decoder.{name} must be at least 0 and below 1, found {getattr(self, name)}"
                )


def shapes(
    skeleton: Skeleton, layout: OutputSpec, height: int, width: int
) -> dict[str, tuple[int, ...]]:
    """`people`: (1, K, 3) of SinglePose, (6, 3 K + 5) of MultiPose."""
    del height, width
    count = len(skeleton.keypoints)
    return {"people": (1, count, 3) if layout.people == 1 else (MOST, 3 * count + BOX)}


def decode(
    outputs: Mapping[str, Float], skeleton: Skeleton, layout: OutputSpec, parameters: Parameters
) -> Poses:
    """Reads the answers for one picture.

    Args:
      outputs: `people`, as `shapes` says.
      skeleton: K keypoints.
      layout: says how many people there are.
      parameters: how the answers are read.

    Returns:
      The people above `person_min_score`, best first, in pixels of the network's input.

    Raises:
      ValueError: the answers have another shape, or hold NaN.
    """
    count = len(skeleton.keypoints)
    people = outputs["people"]
    if layout.people == 1:
        check_shape("people", people, (1, count, 3))
        table = people
        person_score = people[..., 2].mean(axis=1)
    else:
        check_shape("people", people, (MOST, 3 * count + BOX))
        table = people[:, : 3 * count].reshape(MOST, count, 3)
        person_score = people[:, -1]
    if np.isnan(people).any():
        raise ValueError("the answers hold NaN: is the input what the model's card says?")
    order = np.argsort(-person_score, kind="stable")
    order = order[person_score[order] > parameters.person_min_score]
    score = np.clip(table[order, :, 2], 0, 1)
    score = np.where(score > parameters.min_score, score, 0).astype(np.float32)
    # A share 0 is the first pixel's edge, half a pixel before its centre.
    size = np.array([parameters.width, parameters.height])
    xy = table[order][..., [1, 0]] * size - 0.5
    return Poses(
        skeleton=skeleton,
        xy=np.where(score[..., np.newaxis] > 0, xy, np.nan).astype(np.float32),
        score=score,
        person_score=np.maximum(person_score[order], 0).astype(np.float32),
    )
