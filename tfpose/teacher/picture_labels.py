"""The labels of one picture: annotations of sure people, and regions to ignore for the others."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from estimator import skeletons
from estimator.arrays import Float, UInt8
from estimator.inputs.averaging import Averaging
from estimator.people.box_map import overlaps
from estimator.people.boxes import AREA_OF_BOX, around
from estimator.poses import Poses
from estimator.skeleton import Skeleton

from ..data.annotations import BOX_SHIFT, KEYPOINT_SHIFT
from ..evaluation.annotations import PERSON

VISIBLE = 2  # COCO's visibility
COVERED = 0.5  # share of a box that a labelled person's box has in common with it


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Scores that make labels. All are the estimator's, 0..1.

    Attributes:
      person: least score of a labelled person.
      keypoint: least score of a labelled keypoint. One with a lower score has visibility 0, "not
        labelled", and the region around it is ignored.
      keypoints: least number of labelled keypoints of a labelled person.
      seen: least score of a person who is not labelled, but whose region is ignored; below it the
        region counts as empty. 0 ignores everybody whom the decoder found.
      margin: of ignored regions around the keypoints, as a share of the person's size (the root of
        the area of their box).
    """

    person: float = 0.4
    keypoint: float = 0.3
    keypoints: int = 5
    seen: float = 0.1
    margin: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.seen <= self.person <= 1 or not 0 <= self.keypoint <= 1:
            raise ValueError(
                "thresholds must be in 0..1 and seen at most person, found "
                f"seen {self.seen}, person {self.person}, keypoint {self.keypoint}"
            )
        if self.keypoints < 1 or self.margin < 0:
            raise ValueError(
                "keypoints must be at least 1 and margin at least 0, found "
                f"{self.keypoints} and {self.margin}"
            )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a teacher labels.

    Attributes:
      thresholds: scores that make labels.
      averaging: flips and scales to average; by default the mirrored picture too.
      skeleton: of the labels.
      batch: pictures per batch; None leaves it to the network.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    averaging: Averaging = field(default_factory=lambda: Averaging(flip=True))
    skeleton: Skeleton = field(default_factory=lambda: skeletons.get("coco17"))
    batch: int | None = None


def of_picture(
    poses: Poses, height: int, width: int, settings: Settings, *, boxes: Float | None = None
) -> dict[str, Any]:
    """The labels of one picture.

    Args:
      poses: the people that the teacher found, in pixels of the picture.
      height, width: of the picture.
      settings: thresholds and skeleton.
      boxes: (N, 4) left, top, right, bottom of regions where somebody may be; those that no
        labelled person covers are ignored.

    Returns:
      `people`, a list of COCO annotations without ids, and, where there are regions to ignore,
      `ignored`, their run-length encoding.
    """
    limits = settings.thresholds
    sure = _sure(poses.to_skeleton(settings.skeleton), height, width, limits)
    labelled = (poses.person_score >= limits.person) & (sure.found.sum(axis=1) >= limits.keypoints)
    mask = np.zeros((height, width), np.uint8)
    people = []
    for index in range(len(poses)):
        if labelled[index]:
            people.append(_annotation(sure.select(np.array([index])), height, width))
            _ignore_doubtful(mask, poses, index, limits)
        elif poses.person_score[index] >= limits.seen:
            _ignore_person(mask, poses, index, limits)
    if boxes is not None:
        _ignore_boxes(mask, boxes, [entry["bbox"] for entry in people])
    return {"people": people} | ({"ignored": run_lengths(mask)} if mask.any() else {})


def _sure(poses: Poses, height: int, width: int, limits: Thresholds) -> Poses:
    """The same people; keypoints with a low score or outside the picture are missing."""
    inside = ((poses.xy >= 0) & (poses.xy <= (width - 1, height - 1))).all(axis=2)
    keep = inside & (poses.score >= limits.keypoint)
    return dataclasses.replace(
        poses,
        xy=np.where(keep[..., np.newaxis], poses.xy, np.float32(np.nan)),
        score=np.where(keep, poses.score, np.float32(0)),
    )


def _annotation(person: Poses, height: int, width: int) -> dict[str, Any]:
    """The COCO annotation of one person with at least one keypoint."""
    (found,) = around(person)
    left, top = (max(0.0, found.box[axis] - BOX_SHIFT) for axis in (0, 1))
    right = min(float(width), found.box[0] - BOX_SHIFT + found.box[2])
    bottom = min(float(height), found.box[1] - BOX_SHIFT + found.box[3])
    box = [left, top, right - left, bottom - top]
    keypoints: list[float] = []
    for (x, y), there in zip(person.xy[0] - KEYPOINT_SHIFT, person.found[0], strict=True):
        keypoints += [round(float(x), 2), round(float(y), 2), VISIBLE] if there else [0, 0, 0]
    return {
        "category_id": PERSON,
        "iscrowd": 0,
        "keypoints": keypoints,
        "num_keypoints": int(person.found.sum()),
        "bbox": [round(value, 2) for value in box],
        "area": round(AREA_OF_BOX * box[2] * box[3], 2),
        "score": round(float(person.person_score[0]), 4),
        "labelled_by": "teacher",
    }


def _reach(poses: Poses, index: int, limits: Thresholds) -> int:
    """Margin of an ignored region around the keypoints, pixels; at least 1."""
    width, height = poses.boxes[index, 2:] + 1
    return max(1, round(limits.margin * float(np.sqrt(width * height))))


def _ignore_doubtful(mask: UInt8, poses: Poses, index: int, limits: Thresholds) -> None:
    doubtful = poses.found[index] & (poses.score[index] < limits.keypoint)
    for x, y in poses.xy[index][doubtful]:
        cv2.circle(mask, (round(float(x)), round(float(y))), _reach(poses, index, limits), 1, -1)


def _ignore_person(mask: UInt8, poses: Poses, index: int, limits: Thresholds) -> None:
    """Draws the hull of the keypoints with a margin."""
    points = np.round(poses.xy[index][poses.found[index]]).astype(np.int32)
    if len(points):
        hull = cv2.convexHull(points)
        thickness = 2 * _reach(poses, index, limits) + 1
        cv2.fillPoly(mask, [hull], 1)
        cv2.polylines(mask, [hull], True, 1, thickness)


def _ignore_boxes(mask: UInt8, boxes: Float, labelled: Sequence[Sequence[float]]) -> None:
    """Fills the boxes that share too little with every labelled person's box."""
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in labelled], np.float32)
    for box in boxes:
        shares = overlaps(box, corners.reshape(-1, 4))
        if not (shares > COVERED).any():
            left, top, right, bottom = (round(float(value)) for value in box)
            mask[top : bottom + 1, left : right + 1] = 1


def run_lengths(mask: UInt8) -> dict[str, Any]:
    """COCO's run-length encoding of a mask, (H, W), compressed, as JSON holds it."""
    encoding = coco_mask.encode(np.asfortranarray(mask > 0, np.uint8))
    return {"size": list(encoding["size"]), "counts": encoding["counts"].decode()}
