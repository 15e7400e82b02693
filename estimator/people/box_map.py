"""The map of people's boxes that a bottom-up network may give beside its fields.

A cell holds the logit of the score that it lies in the middle of a person, and the distances from
the cell's centre to the left, top, right and bottom of that person's box, as square roots of cells:
the error of a small person's box is then as small in int8 as it should be. Boxes around centres:
Tian et al. 2019 (FCOS, arXiv:1904.01355).
"""

import numpy as np

from ..arrays import Float, check_shape
from ..layout import BOX_CHANNELS

MIRRORED = (0, 3, 2, 1, 4)  # the channel that each comes from when a picture is mirrored
OVERLAP = 0.6  # intersection over union from which the weaker of two boxes is dropped
MOST = 100  # boxes of a picture that are compared
SMALLEST = 1.0  # width and height of a box, input pixels
STEEPEST = 80.0  # logit, beyond which float32 knows no other score


def decode(cells: Float, stride: int, *, least: float, overlap: float = OVERLAP) -> Float:
    """The boxes of one picture's map.

    Args:
      cells: (h, w, 5) float32.
      stride: input pixels per cell.
      least: lowest score of a box, 0..1.
      overlap: intersection over union from which the weaker of two boxes is dropped, 0..1.

    Returns:
      (N, 5) float32, best first: left, top, right and bottom in pixels of the input, whose centres
      are whole numbers, and the score, 0..1. A side reaches no further from the cell than the
      input is long; a cell that is not finite, or whose box is smaller than a pixel, gives none.

    Raises:
      ValueError: the map has another shape.
    """
    check_shape("the map of boxes", cells, (None, None, BOX_CHANNELS))
    logit = np.clip(cells[..., 0].astype(np.float32), -STEEPEST, STEEPEST)  # NaN stays NaN
    score = 1 / (1 + np.exp(-logit))
    roots = np.clip(cells[..., 1:], 0, np.sqrt(max(cells.shape[:2])))  # at most the whole input
    sides = np.square(roots) * stride  # (h, w, 4); NaN in a damaged cell, which is no box
    visible = (sides[..., :2] + sides[..., 2:] >= SMALLEST).all(axis=-1)
    rows, columns = np.nonzero((score >= least) & visible)
    best = np.argsort(-score[rows, columns], kind="stable")[:MOST]
    rows, columns = rows[best], columns[best]
    sides = sides[rows, columns]
    centre = (np.stack([columns, rows], axis=1) + 0.5) * stride - 0.5
    corners = [centre - sides[:, :2], centre + sides[:, 2:], score[rows, columns, np.newaxis]]
    return suppressed(np.concatenate(corners, axis=1).astype(np.float32), overlap)


def mirrored(cells: Float) -> Float:
    """The map (..., h, w, 5) of a mirrored picture, mirrored back."""
    return np.asarray(cells[..., ::-1, MIRRORED])


def overlaps(box: Float, boxes: Float) -> Float:
    """Returns the intersection over union of a box (4,) with boxes (N, 4), (N,) in 0..1."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + areas - inside
    return np.asarray(inside / np.maximum(union, 1e-9), np.float32)


def suppressed(boxes: Float, overlap: float) -> Float:
    """Returns boxes (N, 5), best first, without those that overlap a better one."""
    left = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[overlaps(best[:4], left[:, :4]) <= overlap]
    return np.array(kept, np.float32).reshape(-1, 5)
