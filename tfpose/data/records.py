"""Record: one picture and its people, as every data set yields it; Sample: its unread form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from estimator.arrays import Float, check_shape
from estimator.people.boxes import AREA_OF_BOX

from .ignore_regions import Region


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One picture's labels, before the picture is read; in our pixel convention.

    Attributes:
      picture: the file's name in the set's `Pictures`.
      image_id: unique in its data set.
      height, width: as the annotations say, pixels, or None where they don't.
      keypoints: (P, K, 3) as in `Record`; visibilities are unchecked and may be invalid.
      boxes: (P, 4) as in `Record`.
      areas: (P,) as in `Record`.
      ignored: regions that the loss must ignore.
    """

    picture: str
    image_id: str
    height: int | None
    width: int | None
    keypoints: Float
    boxes: Float
    areas: Float
    ignored: tuple[Region, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One picture and its P people, in our pixel convention (the centre of pixel i is i).

    Attributes:
      image: the encoded file, JPEG or PNG, untouched.
      image_id: unique in its data set.
      height, width: of the decoded picture, pixels.
      keypoints: (P, K, 3) float32: x, y in pixels, and visibility: 0 not labelled (x, y are 0),
        1 labelled but occluded, 2 visible.
      boxes: (P, 4) float32: x, y of the top left edge, width, height, pixels.
      areas: (P,) float32: segment areas, square pixels; OKS' scale squared.
      ignore: PNG of (height, width) uint8, or of that divided by a whole number and rounded up:
        255 where the loss must ignore the picture (crowds, people without labels), else 0. Empty
        bytes ignore nothing.

    Raises:
      ValueError: shapes disagree, a number is not finite, or a visibility is none of 0, 1, 2.
    """

    image: bytes
    image_id: str
    height: int
    width: int
    keypoints: Float
    boxes: Float
    areas: Float
    ignore: bytes = b""

    def __post_init__(self) -> None:
        check_shape("keypoints", self.keypoints, (None, None, 3))
        people = len(self.keypoints)
        check_shape("boxes", self.boxes, (people, 4))
        check_shape("areas", self.areas, (people,))
        for name in ("keypoints", "boxes", "areas"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{self.image_id}: {name} hold a number that is not finite")
        if not np.isin(self.keypoints[..., 2], (0, 1, 2)).all():
            found = sorted(set(self.keypoints[..., 2].ravel().tolist()) - {0.0, 1.0, 2.0})
            raise ValueError(f"{self.image_id}: visibility must be 0, 1 or 2, found {found}")


def box_of(keypoints: Float) -> Float:
    """The box around each person's labelled keypoints, for sets that give none.

    Args:
      keypoints: (P, K, 3).

    Returns:
      (P, 4) x, y, width, height; the edges of the outermost pixels. All 0 without any keypoint.
    """
    labelled = keypoints[..., 2:] > 0  # (P, K, 1)
    low = np.where(labelled, keypoints[..., :2], np.inf).min(axis=1)
    high = np.where(labelled, keypoints[..., :2], -np.inf).max(axis=1)
    boxes = np.concatenate([low - 0.5, high - low + 1], axis=1)
    return np.where(labelled.any(axis=1), boxes, 0).astype(np.float32)


def area_of(boxes: Float) -> Float:
    """The usual area of the people in those boxes, (P, 4) to (P,), for sets that give none."""
    return (AREA_OF_BOX * boxes[:, 2] * boxes[:, 3]).astype(np.float32)
