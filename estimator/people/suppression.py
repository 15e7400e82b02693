"""Two answers for one person: which of them stays, in streams and in evaluation alike.

Top-down scores and areas are HRNet's (`lib/dataset/coco.py`): a person's score is the score of the
box times the one that the decoder gives, and their area is that of the region cut out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .. import geometry
from ..arrays import Float
from ..layout import ImageSpec
from ..poses import Poses
from . import oks
from .boxes import PersonBox, area_around

KINDS = ("none", "hard", "soft")  # soft lowers the scores of similar answers, hard drops them


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """How two answers for one person are resolved. The defaults are what ships.

    Attributes:
      kind: one of KINDS. None is "hard" for a top-down network, whose boxes may overlap, and "none"
        for a bottom-up one, whose decoder gives every keypoint to one person.
      limit: for "hard" the highest OKS of two answers that both stay; for "soft" the lower, the
        stronger the effect.
      visible_above: top-down only: keypoints with a higher score count in the OKS (HRNet's
        IN_VIS_THRE).
    """

    kind: str | None = None
    limit: float = oks.OKS_LIMIT
    visible_above: float = 0.2

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"suppression must be one of {KINDS}, found {self.kind!r}")
        if not 0 < self.limit <= 1:
            raise ValueError(f"its limit must be above 0 and at most 1, found {self.limit}")

    def resolved(self, image: ImageSpec) -> "Suppression":
        """The same with the kind that None stands for, for a network with this input."""
        default = "hard" if image.fit == "crop" else "none"
        return replace(self, kind=self.kind or default)


def bottom_up(poses: Poses, image: ImageSpec, suppression: Suppression) -> Poses:
    """The people of one picture, by a bottom-up network.

    Args:
      poses: as decoded; their areas are estimated from the boxes of their keypoints.
      image: the input of the network.
      suppression: how two answers for one person are resolved.
    """
    boxes = poses.boxes
    area = area_around(boxes[:, 2], boxes[:, 3])
    return _suppressed(poses, area.astype(np.float32), 0.0, suppression.resolved(image))


def top_down(
    poses: Poses, boxes: Sequence[PersonBox], image: ImageSpec, suppression: Suppression
) -> Poses:
    """The people of one picture, by a top-down network.

    Args:
      poses: one person per box, in the order of the boxes.
      boxes: what the network saw.
      image: the input of the network, which says how a box is cut out.
      suppression: how two answers for one person are resolved.

    Returns:
      The people who stay, with the scores of their boxes counted; best first unless the kind is
      "none".
    """
    score = poses.person_score * np.array([box.score for box in boxes], np.float32)
    area = np.array([_cut_area(box, image) for box in boxes], np.float32)
    return _suppressed(
        replace(poses, person_score=score),
        area,
        suppression.visible_above,
        suppression.resolved(image),
    )


def _cut_area(box: PersonBox, image: ImageSpec) -> float:
    matrix = geometry.crop_matrix(box.box, image.height, image.width, padding=image.box_padding)
    return image.height * image.width / float(matrix[0, 0]) ** 2


def _suppressed(poses: Poses, area: Float, visible_above: float, suppression: Suppression) -> Poses:
    if suppression.kind == "none" or len(poses) < 2:
        return poses
    alike = oks.between(
        poses.xy, poses.score, area, sigmas=poses.skeleton.sigmas, visible_above=visible_above
    )
    if suppression.kind == "hard":
        return poses.select(oks.suppress(alike, poses.person_score, limit=suppression.limit))
    order, score = oks.suppress_softly(alike, poses.person_score, limit=suppression.limit)
    return replace(poses, person_score=score).select(order)
