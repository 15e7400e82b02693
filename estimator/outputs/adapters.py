"""Converts poses to and from the types of other libraries.

`Poses.to_rows` is for pandas, `results.coco_results` for pycocotools; this module is for the
KeyPoints of supervision (roboflow/supervision, `supervision/key_points/core.py`) and so for its
annotators, zones and trackers. supervision is imported on first use and is no dependency.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import check_shape
from ..poses import Poses
from ..skeleton import Skeleton

if TYPE_CHECKING:
    import supervision


def to_supervision(poses: Poses) -> "supervision.KeyPoints":
    """Converts people to `supervision.KeyPoints`.

    A keypoint that was not found is 0, 0 with confidence 0, as in supervision. The class of all
    people is 0; `data` has `person_score` and, of tracked people, `tracker_id`.

    Raises:
      ImportError: supervision is not installed.
    """
    import supervision

    data: dict[str, Any] = {"person_score": poses.person_score}
    if poses.identity is not None:
        data["tracker_id"] = poses.identity
    return supervision.KeyPoints(
        xy=np.nan_to_num(poses.xy),
        class_id=np.zeros(len(poses), np.int64),
        keypoint_confidence=poses.score,
        data=data,
    )


def from_supervision(keypoints: "supervision.KeyPoints", skeleton: Skeleton) -> Poses:
    """Converts `supervision.KeyPoints` of any network to people, to track, draw or write them.

    Args:
      keypoints: those at 0, 0 or with confidence 0 count as not found.
      skeleton: of the keypoints.

    Raises:
      ValueError: the number of keypoints is not that of the skeleton.
    """
    count = len(skeleton.keypoints)
    xy = np.asarray(keypoints.xy, np.float32)
    if xy.size == 0:
        return Poses.empty(skeleton)
    check_shape(f"xy of {skeleton.name}'s keypoints", xy, (None, count, 2))
    given = keypoints.keypoint_confidence
    sure = np.ones(xy.shape[:2], np.float32) if given is None else np.asarray(given, np.float32)
    found = (sure > 0) & xy.any(axis=2)
    score = np.where(found, np.clip(sure, 0, 1), np.float32(0))
    return Poses(
        skeleton=skeleton,
        xy=np.where(found[..., np.newaxis], xy, np.float32(np.nan)),
        score=score,
        person_score=(score.sum(axis=1) / np.maximum(found.sum(axis=1), 1)).astype(np.float32),
    )
