"""Joins what both networks say of the same people.

The second network's keypoints replace the first's. A person's score is the geometric mean of both
networks' scores: the first judges whether somebody is there, the second whether the pose is clear.
"""

from dataclasses import replace

import numpy as np

from ..layout import ImageSpec
from ..people import suppression
from ..people.suppression import Suppression
from ..poses import Poses


def merge(first: Poses, second: Poses) -> Poses:
    """Joins two answers for the same people, in the same order.

    Args:
      first: N people of the first network.
      second: the same N people by the second network, of any skeleton. Keypoints that it cannot
        give stay the first's.

    Returns:
      N people with the first network's skeleton, in the same order.
    """
    read = second.to_skeleton(first.skeleton)
    replaced = read.found
    return replace(
        first,
        xy=np.where(replaced[..., np.newaxis], read.xy, first.xy),
        score=np.where(replaced, read.score, first.score),
        person_score=np.sqrt(first.person_score * second.person_score),
    )


def best_first(poses: Poses, image: ImageSpec, *, limit: float) -> Poses:
    """Returns the people best first, without the worse of two whose OKS is above the limit."""
    kept = suppression.bottom_up(poses, image, Suppression(kind="hard", limit=limit))
    return kept.select(np.argsort(-kept.person_score, kind="stable"))
