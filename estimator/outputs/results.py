"""Formats and writes results: pictures, readable JSON, COCO's results, OpenPose's JSON.

The readable form, one object per picture:

    {"file": "a.jpg", "width": 640, "height": 480, "model": "...", "skeleton": "coco17",
     "people": [{"score": 0.83, "keypoints": {"nose": {"x": 210.4, "y": 88.0, "score": 0.91}}}]}

x and y are pixels of the upright picture; the centre of the first pixel is 0, 0. Keypoints that
were not found are left out. Tracked people have an `id`. COCO's form is that of
cocodataset.org/#format-results.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import files, skeletons
from ..arrays import UInt8
from ..poses import Poses
from ..skeleton import Skeleton, mapping
from ..skeletons import coco_wholebody133

PERSON = 1  # COCO's category
FIRST_TOE = 19  # of body25, whose feet come last
PUPILS = [0.0] * 6  # OpenPose's two keypoints of a face that COCO-WholeBody lacks


def readable(
    poses: Poses, *, file: str, height: int, width: int, model: str, normalised: bool = False
) -> dict[str, Any]:
    """The people of one picture in the readable form, for `json.dumps`.

    Args:
      poses: people in pixels of the picture.
      file: its name.
      height, width: of the picture, pixels.
      model: the network's name.
      normalised: gives x and y as shares of width and height.
    """
    digits = 6 if normalised else 2
    if normalised:
        poses = poses.normalised(height, width)
    return {
        "file": file,
        "width": width,
        "height": height,
        "model": model,
        **poses.to_dict(digits),
    }


def coco_results(
    poses: Poses, image_id: int | str, target: Skeleton | None = None
) -> list[dict[str, Any]]:
    """The people of one picture as COCO keypoint results.

    Keypoints that were not found are 0, 0 with score 0; people without any are left out. COCO's
    keypoints are indices of pixels, so that the centre of pixel i is i, as in our convention.
    Detectron2 reads them so, too (`data/datasets/coco.py`), and docs/decoder.md has a measurement;
    Lightweight OpenPose's `val.py` adds half a pixel.

    Args:
      poses: people in pixels of the picture.
      image_id: of the picture.
      target: skeleton of the results; coco17 by default.

    Raises:
      ValueError: the skeleton shares no keypoint with the target.
    """
    target = target or skeletons.get("coco17")
    if not mapping(poses.skeleton, target).any():
        raise ValueError(
            f"skeleton {poses.skeleton.name!r} has no keypoint of {target.name}, so there are no "
            "COCO results of it"
        )
    coco = poses.to_skeleton(target)
    xy = np.where(coco.found[..., None], np.round(coco.xy, 2), 0)
    table = np.concatenate([xy, np.round(coco.score, 4)[..., None]], axis=2)  # (N, 17, 3)
    return [
        {
            "image_id": image_id,
            "category_id": PERSON,
            "keypoints": [round(value, 4) for value in row.ravel().tolist()],
            "score": round(float(score), 6),
        }
        for row, score in zip(table, coco.person_score, strict=True)
        if row[:, 2].any()
    ]


def openpose(poses: Poses) -> dict[str, Any]:
    """The people of one picture in OpenPose's JSON (its doc/02_output.md, "JSON-UI mode").

    `pose_keypoints_2d` has x, y and score of each of the 25 keypoints of BODY_25 where the skeleton
    has feet (skeletons/body25.py), else of the 18 of the COCO model (skeletons/openpose18.py);
    0, 0, 0 if not found. A whole body has its face and hands, too: 70 and 21 keypoints in the order
    of that document, which is COCO-WholeBody's; the pupils, the last two of a face, are 0, 0, 0.
    `person_id` is the identity, or -1.

    Raises:
      ValueError: the skeleton shares no keypoint with openpose18.
    """
    target = skeletons.get("body25")
    if not any(name in poses.skeleton.keypoints for name in target.keypoints[FIRST_TOE:]):
        target = skeletons.get("openpose18")
    if not mapping(poses.skeleton, target).any():
        raise ValueError(
            f"skeleton {poses.skeleton.name!r} has no keypoint of openpose18, so there is no "
            "OpenPose JSON of it"
        )
    identity = [-1] * len(poses) if poses.identity is None else poses.identity.tolist()
    body = _flat(poses.to_skeleton(target))
    parts = _face_and_hands(poses)
    return {
        "version": 1.3,
        "people": [
            {
                "person_id": [one],
                "pose_keypoints_2d": body[person],
                **{f"{part}_keypoints_2d": rows[person] for part, rows in parts.items()},
                **{f"{part}_keypoints_3d": [] for part in ("pose", *parts)},
            }
            for person, one in enumerate(identity)
        ],
    }


def _flat(poses: Poses, first: int = 0, end: int | None = None) -> list[list[float]]:
    """x, y, score of a range of keypoints of each person, one after the other."""
    table = np.concatenate([np.nan_to_num(poses.xy), poses.score[..., None]], axis=2)  # (N, K, 3)
    return [[round(value, 4) for value in row.ravel().tolist()] for row in table[:, first:end]]


def _face_and_hands(poses: Poses) -> dict[str, list[list[float]]]:
    """Each person's face and hands, by OpenPose's names; empty lists where there are none."""
    names = {"face": "face", "hand_left": "left_hand", "hand_right": "right_hand"}
    if poses.skeleton.keypoints != coco_wholebody133.SKELETON.keypoints:
        return {part: [[]] * len(poses) for part in names}
    found = {part: _flat(poses, *coco_wholebody133.PARTS[name]) for part, name in names.items()}
    found["face"] = [row + PUPILS for row in found["face"]]
    return found


def write_json(path: str | os.PathLike[str], rows: Sequence[dict[str, Any]]) -> None:
    """Writes a JSON list, one row per line, whole or not at all."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    files.write(path, f"[\n{lines}\n]\n")


def write_picture(path: str | os.PathLike[str], picture: UInt8) -> None:
    """Writes (H, W, 3) uint8 RGB in the format of the path's suffix, whole or not at all.

    Raises:
      OSError: the file cannot be written.
      ValueError: the picture cannot be encoded in that format (a JPEG has at most 65,535 pixels per
        side).
    """
    path = Path(path)
    try:
        done, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise ValueError(f"{path} cannot be encoded: {error.err}") from error
    if not done:
        raise ValueError(
            f"{path}: a picture of {picture.shape[1]} x {picture.shape[0]} pixels cannot be "
            f"encoded as {path.suffix}"
        )
    files.write(path, data.tobytes())
