"""Top-down labels of a picture: detectors find people, top-down teachers read each of them.

A bottom-up network may find people, too; what both kinds of box gave for one person is joined.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from estimator import geometry
from estimator.arrays import Float, UInt8
from estimator.decoders import heatmap
from estimator.layout import OutputSpec
from estimator.people import boxes as person_boxes
from estimator.people import oks
from estimator.poses import Poses, concatenate

from .detectors import Detectors
from .people_cache import cut
from .person_network import PersonTeacher, TeacherSpec


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How people are found, and how two answers for one person are joined.

    The defaults were chosen on COCO's pictures, for two PP-TinyPoses, PicoDet and RTMDet.

    Attributes:
      box: least score of a box that is read.
      area: least area of a box that is read, square pixels.
      trust: factor on the score of a detector's box, beside the bottom-up network's score.
      same: least OKS of two answers for one person.
      limit: highest OKS of two people who both stay.
      near: largest distance, as a share of the box (the root of its area), at which a bottom-up
        network's own keypoint counts.
      own: its weight there, 0..1.

    Raises:
      ValueError: a value is out of range.
    """

    box: float = 0.2
    area: float = 700.0
    trust: float = 1.5
    same: float = 0.5
    limit: float = 0.9
    near: float = 0.05
    own: float = 0.3

    def __post_init__(self) -> None:
        shares = (self.box, self.same, self.limit, self.own)
        if not all(0 <= share <= 1 for share in shares) or min(self.area, self.near) < 0:
            raise ValueError(
                "box, same, limit and own must be in 0..1, area and near not negative, found "
                f"{shares}, {self.area} and {self.near}"
            )
        if not 0 < self.trust <= 100:
            raise ValueError(f"trust must be above 0 and at most 100, found {self.trust}")


class TopDown:
    """Labels pictures.

    Args:
      detectors: find boxes.
      teacher: reads the person in a box.
      recipe: how.
    """

    def __init__(self, detectors: Detectors, teacher: PersonTeacher, recipe: Recipe) -> None:
        self.teacher, self.recipe = teacher, recipe
        self._detectors = detectors

    def __call__(self, picture: UInt8, found: Poses | None = None) -> tuple[Poses, Float]:
        """Labels a picture.

        Args:
          picture: (H, W, 3) uint8, RGB.
          found: people of a bottom-up network, in pixels of the picture; None if there is none.

        Returns:
          The people, best first, in pixels of the picture, with the teacher's skeleton; and all
          boxes (M, 5), those that were not read included.
        """
        boxes = self._detectors(picture)
        sides = boxes[:, 2:4] - boxes[:, :2]
        read = boxes[(boxes[:, 4] >= self.recipe.box) & (sides.prod(axis=1) > self.recipe.area)]
        corners = [(float(a), float(b), float(c - a), float(d - b)) for a, b, c, d in read[:, :4]]
        seen = read_boxes(picture, corners, self.recipe.trust * read[:, 4], self.teacher)
        if found is not None and len(found):
            seen = joined(seen, self._again(picture, found), self.recipe)
        kept = oks.suppress(_similarity(seen, seen), seen.person_score, limit=self.recipe.limit)
        return seen.select(kept), boxes

    def _again(self, picture: UInt8, found: Poses) -> Poses:
        """A bottom-up network's people as the teacher reads them, in the same order."""
        around = [box.box for box in person_boxes.around(found)]
        seen = read_boxes(picture, around, found.person_score, self.teacher)
        own = found.to_skeleton(seen.skeleton)
        size = np.sqrt([width * height for _, _, width, height in around])[:, np.newaxis]
        distance = np.linalg.norm(np.nan_to_num(own.xy) - seen.xy, axis=2)
        near = own.found & (distance <= self.recipe.near * size)
        weight = np.where(near, self.recipe.own, 0)[..., np.newaxis]
        mean = weight * np.nan_to_num(own.xy) + (1 - weight) * seen.xy
        return replace(seen, xy=mean.astype(np.float32))


def read_boxes(
    picture: UInt8,
    boxes: Sequence[tuple[float, float, float, float]],
    scores: Float,
    teacher: PersonTeacher,
) -> Poses:
    """Reads the person in each box.

    Args:
      picture: (H, W, 3) uint8, RGB.
      boxes: x, y, width, height, pixels.
      scores: (N,) of the boxes.
      teacher: reads them.

    Returns:
      N people in pixels of the picture; their scores are the boxes' times the decoder's.
    """
    layout, reading = _reading(teacher.spec)
    people = []
    for box in boxes:
        crop, matrix = cut(picture, box, teacher.spec)
        maps = np.clip(teacher(crop), 0, 1)[np.newaxis]
        read = heatmap.decode_boxes(maps, teacher.skeleton, layout, reading)
        people.append(read.transformed(geometry.invert(matrix)))
    seen = concatenate(people, teacher.skeleton)
    total = np.asarray(scores, np.float32) * seen.person_score
    return replace(seen, person_score=total)


def _reading(spec: TeacherSpec) -> tuple[OutputSpec, heatmap.Parameters]:
    """How a teacher's maps are decoded: cell i of ours lies at (i + 0.5) * stride - 0.5."""
    layout = OutputSpec(stride=spec.stride, background=False, pafs=False, sigma=2.0 * spec.stride)
    return layout, heatmap.Parameters(offset=spec.offset - (spec.stride - 1) / 2)


def joined(first: Poses, second: Poses, recipe: Recipe) -> Poses:
    """Joins two answers for the people of one picture.

    Two of an OKS of `recipe.same` or more are one person, the most similar first: keypoints are
    the mean, weighted by the scores of keypoint and person; the person's score is the sum.

    Args:
      first, second: N and M people with one skeleton.
      recipe: how.

    Returns:
      At most N + M people, best first.
    """
    pairs = oks.pairs(_similarity(first, second), least=recipe.same)
    rows, columns = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    both = _mean(first.select(rows), second.select(columns))
    alone = (
        first.select(np.setdiff1d(np.arange(len(first)), rows)),
        second.select(np.setdiff1d(np.arange(len(second)), columns)),
    )
    everyone = concatenate([both, *alone], first.skeleton)
    return everyone.select(np.argsort(-everyone.person_score, kind="stable"))


def _mean(first: Poses, second: Poses) -> Poses:
    weights = [poses.score * poses.person_score[:, np.newaxis] for poses in (first, second)]
    share = weights[0] / np.maximum(weights[0] + weights[1], 1e-9)
    xy = share[..., np.newaxis] * first.xy + (1 - share[..., np.newaxis]) * second.xy
    return replace(
        first,
        xy=xy.astype(np.float32),
        score=np.maximum(first.score, second.score),
        person_score=first.person_score + second.person_score,
    )


def _similarity(first: Poses, second: Poses) -> Float:
    """(N, M) OKS over all keypoints found in both; the area is the mean of both."""
    areas = [
        person_boxes.area_around(poses.boxes[:, 2], poses.boxes[:, 3]) for poses in (first, second)
    ]
    return oks.oks(
        first.xy,
        first.found[:, np.newaxis] & second.found[np.newaxis],
        second.xy,
        area=(areas[0][:, np.newaxis] + areas[1][np.newaxis]) / 2,
        sigmas=first.skeleton.sigmas,
    )
