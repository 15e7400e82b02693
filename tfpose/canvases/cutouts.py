"""People cut out of their pictures, to be pasted into others.

A person before another background is a new picture of both (Ghiasi et al. 2021, arXiv:2012.07177,
who have masks; Dwibedi et al. 2017, arXiv:1708.01642, section 4, on soft edges). There are no masks
here: GrabCut (Rother et al. 2004) finds them from the keypoints. Where it fails, the pasted person
has some of the old background, or lacks a hand; the teacher labels the canvas as it is then.
"""

import cv2
import numpy as np
import numpy.typing as npt

from estimator.arrays import Float, UInt8

EDGE = 96  # longer side of GrabCut's input, pixels
ROUNDS = 2  # of GrabCut
MARGIN = 0.12  # of the box's longer side, around it
JOINT = 0.035  # radius around a keypoint that is surely the person, likewise
BODY = 0.09  # margin around the keypoints' hull that is probably the person, likewise


def region(box: Float, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """A person's box with a margin, inside the picture: left, top, right, bottom, whole pixels.

    Args:
      box: (4,) x, y, width, height, pixels.
      shape: of the picture, (H, W, ...).
    """
    left, top, wide, high = (float(value) for value in box)
    margin = MARGIN * max(wide, high)
    return (
        max(int(left - margin), 0),
        max(int(top - margin), 0),
        min(int(left + wide + margin) + 1, shape[1]),
        min(int(top + high + margin) + 1, shape[0]),
    )


def outline(image: UInt8, keypoints: Float, box: Float) -> UInt8:
    """Finds a person in their `region` by GrabCut, which takes most of a canvas's time.

    Args:
      image: (H, W, 3) uint8.
      keypoints: (K, 3) x, y in pixels and visibility of the person, at least one with a label.
      box: (4,) as for `region`.

    Returns:
      (h, w) 0 and 1, of the region reduced to a longer side of at most `EDGE`; all 0 if all
      keypoints lie outside of the region.
    """
    left, top, right, bottom = region(box, image.shape)
    part = image[top:bottom, left:right]
    scale = min(EDGE / max(part.shape[:2]), 1.0)
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    edge = max(float(box[2]), float(box[3])) * scale
    points = (keypoints[keypoints[:, 2] > 0, :2] - (left, top)) * scale
    sure = _sure(small.shape, np.round(points).astype(np.int32), edge)
    if not (sure == cv2.GC_FGD).any():  # labels outside of the picture
        return np.zeros(small.shape[:2], np.uint8)
    models = np.zeros((2, 1, 65))
    cv2.setRNGSeed(0)  # GrabCut begins with k-means, which draws from OpenCV's generator
    cv2.grabCut(small, sure, None, models[0], models[1], ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray((sure == cv2.GC_FGD) | (sure == cv2.GC_PR_FGD), np.uint8)


def softened(outline: UInt8, box: Float, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """The opacity of a person in their `region`, (h, w), 0..1, with soft edges.

    Args:
      outline: as `outline` gives it.
      box: (4,) as for `region`.
      shape: of the picture, (H, W, ...).
    """
    left, top, right, bottom = region(box, shape)
    soft = cv2.GaussianBlur(outline.astype(np.float32), (3, 3), 0)
    size = right - left, bottom - top
    return np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _sure(shape: tuple[int, ...], points: npt.NDArray[np.int32], edge: float) -> UInt8:
    """GrabCut's initial mask: surely and probably the person, and surely and probably not."""
    known = np.full(shape[:2], cv2.GC_PR_BGD, np.uint8)
    border = max(round(MARGIN / 2 * edge), 1)
    known[:border], known[-border:] = cv2.GC_BGD, cv2.GC_BGD
    known[:, :border], known[:, -border:] = cv2.GC_BGD, cv2.GC_BGD
    hull = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    reach = 2 * max(round(BODY * edge), 1) + 1
    hull = cv2.dilate(hull, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    known[(hull > 0) & (known != cv2.GC_BGD)] = cv2.GC_PR_FGD
    for point in points:
        cv2.circle(known, tuple(map(int, point)), max(round(JOINT * edge), 1), cv2.GC_FGD, -1)
    return known
