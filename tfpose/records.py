"""Record: one picture and its people, as every data set yields it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from estimator.arrays import Float, check_shape


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
      ignore: PNG of (height, width) uint8, 255 where the loss must not count (crowds, people
        without labels), 0 elsewhere; empty bytes mean that everything counts.

    Raises:
      ValueError: shapes disagree.
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
        if not np.isin(self.keypoints[..., 2], (0, 1, 2)).all():
            found = sorted(set(self.keypoints[..., 2].ravel().tolist()) - {0.0, 1.0, 2.0})
            raise ValueError(f"{self.image_id}: visibility must be 0, 1 or 2, found {found}")
