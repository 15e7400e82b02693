"""Doubts the boxes that person detectors give animals.

Detectors of people see people in dogs and birds. A top-down teacher sees fewer: it must find most
of a person in the box.
"""

import numpy as np

from estimator.arrays import Float, UInt8

from .person_network import PersonTeacher
from .top_down import read_boxes

LEAST = 0.12  # score of a box that is looked at
PERSON = 0.5  # mean score of the keypoints of a person
KEYPOINTS, SEEN = 6, 0.3  # of them at least so many above this score
KEPT = 0.2  # share of its score that a doubted box keeps


def doubted(picture: UInt8, boxes: Float, teacher: PersonTeacher) -> Float:
    """Lowers the scores of boxes in which the teacher sees nobody.

    Args:
      picture: (H, W, 3) uint8, RGB.
      boxes: (N, 5) left, top, right, bottom in pixels, and the score.
      teacher: reads the person in a box.

    Returns:
      The same boxes, in their order; those below `LEAST` are as they were.
    """
    looked = np.flatnonzero(boxes[:, 4] >= LEAST)
    corners = boxes[looked, :4].astype(float)
    sizes = corners[:, 2:] - corners[:, :2]
    around = [tuple(row) for row in np.concatenate([corners[:, :2], sizes], axis=1).tolist()]
    seen = read_boxes(picture, around, np.ones(len(looked), np.float32), teacher)
    person = (seen.person_score >= PERSON) & ((seen.score > SEEN).sum(axis=1) >= KEYPOINTS)
    scores = boxes[:, 4].copy()
    scores[looked[~person]] *= KEPT
    return np.column_stack([boxes[:, :4], scores]).astype(np.float32)
