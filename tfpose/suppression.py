"""From a network's answers for one picture to its people: scores, and two answers for one person.

Top-down scores and areas are HRNet's (`lib/dataset/coco.py`): a person's score is the box's times
the one that the decoder gives, its area that of what was cut out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from estimator import geometry, oks
from estimator.arrays import Float
from estimator.person_boxes import PersonBox, area_around
from estimator.poses import Poses
from estimator.spec import ImageSpec

KINDS = ("none", "hard", "soft")  # soft lowers the scores of answers alike, hard drops them


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """What becomes of two answers for one person.

    Attributes:
      kind: one of KINDS.
      limit: hard: how alike two answers may be, by OKS. Soft: the smaller, the harder.
      visible_above: top-down only: keypoints with a higher score count in the likeness; HRNet's
        IN_VIS_THRE.
    """

    kind: str = "none"
    limit: float = oks.OKS_LIMIT
    visible_above: float = 0.2

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"suppression must be one of {KINDS}, found {self.kind!r}")
        if not 0 < self.limit <= 1:
            raise ValueError(f"its limit must be above 0 and at most 1, found {self.limit}")


def bottom_up(poses: Poses, suppression: Suppression) -> Poses:
    """The people of one picture; their areas are the usual ones of their keypoints' boxes."""
    boxes = poses.boxes
    area = area_around(boxes[:, 2], boxes[:, 3])
    return _suppressed(poses, area.astype(np.float32), 0.0, suppression)


def top_down(
    answers: Sequence[tuple[PersonBox, Poses]], image: ImageSpec, suppression: Suppression
) -> Poses:
    """The people of one picture from the answers for its boxes.

    Args:
      answers: at least one: a box, and the one person in it.
      image: how boxes are cut out.
      suppression: of two answers for one person.
    """
    poses = _joined([part for _, part in answers])
    score = poses.person_score * np.array([look.score for look, _ in answers], np.float32)
    area = np.array([_cut_area(look, image) for look, _ in answers], np.float32)
    return _suppressed(
        replace(poses, person_score=score),
        area,
        suppression.visible_above,
        suppression,
    )


def _joined(parts: Sequence[Poses]) -> Poses:
    return Poses(
        skeleton=parts[0].skeleton,
        xy=np.concatenate([poses.xy for poses in parts]),
        score=np.concatenate([poses.score for poses in parts]),
        person_score=np.concatenate([poses.person_score for poses in parts]),
    )


def _cut_area(look: PersonBox, image: ImageSpec) -> float:
    matrix = geometry.crop_matrix(look.box, image.height, image.width, padding=image.box_padding)
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
