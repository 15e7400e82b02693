"""Joins what both networks say of the same people.

Where both networks put a keypoint at places near one another, their mean is taken: their errors are
largely independent. Where they disagree, the first network's stays, because it has seen the whole
picture, unless the second is twice as sure. What the first network missed, the second gives.

A person's score is the geometric mean of both networks': the first judges whether somebody is
there, the second how clearly their keypoints are seen. The numbers are those of the networks that
ship (docs/lab/default_network.md): they were chosen, among a dozen, on data/coco_dev.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Float
from ..layout import ImageSpec
from ..people import oks, suppression
from ..people.boxes import area_around
from ..people.suppression import Suppression
from ..poses import Poses, concatenate
from ..skeleton import Skeleton

SAME = 0.5  # OKS from which two answers are one person's
SURE = 0.3  # score of keypoints that are compared: where a box shows a part, others are guesses


@dataclass(frozen=True, kw_only=True)
class Merging:
    """How two answers for the same people are joined.

    Attributes:
      near: largest distance, as a share of the person's size (the root of their box's area), at
        which the mean of both places is taken.
      weight: of the first network's place in that mean, 0..1.
      surer: factor by which the second network's score must exceed the first's to replace a place
        farther away.
      filled: lowest score of a keypoint that the first network missed; 0 fills in every one, as
        COCO's AP, which knows no missing ones, needs.
      scale: factor on the scores of people, so that the same threshold suits one network and both:
        at 0.2 as large a share of the people found is right.
      box: the same for people of whom the first network gave a box alone.
      detected: the same where the first network is a detector, which gives boxes alone.

    Raises:
      ValueError: a value is out of range.
    """

    near: float = 0.3
    weight: float = 0.2
    surer: float = 2.0
    filled: float = 0.1
    scale: float = 0.65
    box: float = 0.3
    detected: float = 0.42

    def __post_init__(self) -> None:
        positive = min(self.scale, self.box, self.detected) > 0
        if self.near < 0 or self.surer < 0 or not (0 <= self.weight <= 1 and positive):
            raise ValueError(
                "near and surer must not be negative, weight 0 to 1, scale, box and detected "
                f"positive, found {self.near}, {self.surer}, {self.weight}, {self.scale}, "
                f"{self.box} and {self.detected}"
            )


def merge(first: Poses, second: Poses, merging: Merging) -> Poses:
    """Joins two answers for the same people, in the same order.

    Args:
      first: N people of the first network.
      second: the same N people by the second network, of any skeleton. Keypoints that it cannot
        give stay the first's.
      merging: how.

    Returns:
      N people with the first network's skeleton, in the same order.
    """
    read = second.to_skeleton(first.skeleton)
    both = first.found & read.found  # (N, K)
    size = np.sqrt(np.prod(first.boxes[:, 2:] + 1, axis=1))  # (N,)
    between = np.linalg.norm(first.xy - read.xy, axis=2)  # NaN unless both have it
    near = both & (between <= merging.near * size[:, np.newaxis])
    kept = both & ~near & (merging.surer * first.score >= read.score)
    kept |= first.found & ~read.found
    mean = merging.weight * first.xy + np.float32(1 - merging.weight) * read.xy
    xy = np.where(near[..., np.newaxis], mean, read.xy)
    doubtful = ~first.found & (read.score < merging.filled)
    score = np.where(near, (first.score + read.score) / 2, read.score)
    return replace(
        first,
        xy=np.where((kept | doubtful)[..., np.newaxis], first.xy, xy).astype(np.float32),
        score=np.where(kept | doubtful, first.score, score).astype(np.float32),
        person_score=np.float32(merging.scale) * np.sqrt(first.person_score * second.person_score),
    )


def alone(
    second: Poses, box_score: Float, skeleton: Skeleton, merging: Merging, *, scale: float
) -> Poses:
    """People of whom the first network gave a box alone, as the second network reads them.

    Args:
      second: N people by the second network.
      box_score: (N,) of their boxes, 0..1.
      skeleton: of the first network.
      merging: which keypoints count.
      scale: factor on the scores of people.

    Returns:
      N people with the first network's skeleton.
    """
    read = second.to_skeleton(skeleton)
    doubtful = read.score < merging.filled
    return replace(
        read,
        xy=np.where(doubtful[..., np.newaxis], np.float32(np.nan), read.xy),
        score=np.where(doubtful, np.float32(0), read.score),
        person_score=np.float32(scale) * np.sqrt(box_score * second.person_score),
    )


def strangers(known: Poses, new: Poses) -> Poses:
    """Returns those of the new people who are somebody else, best first.

    That is, of whom a keypoint was found, and whose OKS over sure keypoints is below `SAME` with
    each of the known and with each better one of the new: two boxes may be of one person.
    """
    new = new.select(new.found.any(axis=1) & (new.person_score > 0))
    new = new.select(np.argsort(-new.person_score, kind="stable"))
    both = concatenate([known, new], known.skeleton)
    area = area_around(both.boxes[:, 2], both.boxes[:, 3]).astype(np.float32)
    alike = oks.between(both.xy, both.score, area, sigmas=known.skeleton.sigmas, visible_above=SURE)
    apart = list(range(len(known)))
    for index in range(len(known), len(both)):
        if alike[index, apart].max(initial=0) < SAME:
            apart.append(index)
    return both.select(np.array(apart[len(known) :], np.int64))


def best_first(poses: Poses, image: ImageSpec, *, limit: float) -> Poses:
    """Returns the people best first, without the worse of two whose OKS is above the limit."""
    kept = suppression.bottom_up(poses, image, Suppression(kind="hard", limit=limit))
    return kept.select(np.argsort(-kept.person_score, kind="stable"))
