"""Results into files: pictures, readable JSON, COCO's keypoint results.

The readable form, one object a picture:

    {"file": "a.jpg", "width": 640, "height": 480, "model": "...", "skeleton": "coco17",
     "people": [{"score": 0.83, "keypoints": {"nose": {"x": 210.4, "y": 88.0, "score": 0.91}}}]}

x and y are pixels of the upright picture, the centre of its first pixel is 0, 0; keypoints that
were not found are left out. COCO's form is that of cocodataset.org/#format-results.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from . import skeletons
from .arrays import UInt8
from .poses import Poses
from .skeleton import Skeleton, mapping

PERSON = 1  # COCO's category


def readable(poses: Poses, *, file: str, height: int, width: int, model: str) -> dict[str, Any]:
    """One picture's people in our own form, ready for `json.dumps`."""
    return {
        "file": file,
        "width": width,
        "height": height,
        "model": model,
        "skeleton": poses.skeleton.name,
        "people": [
            {
                "score": round(float(poses.person_score[person]), 4),
                "keypoints": _keypoints(poses, person),
            }
            for person in range(len(poses))
        ],
    }


def _keypoints(poses: Poses, person: int) -> dict[str, dict[str, float]]:
    return {
        name: {
            "x": round(float(poses.xy[person, index, 0]), 2),
            "y": round(float(poses.xy[person, index, 1]), 2),
            "score": round(float(poses.score[person, index]), 4),
        }
        for index, name in enumerate(poses.skeleton.keypoints)
        if poses.found[person, index]
    }


def coco_results(
    poses: Poses, image_id: int | str, target: Skeleton | None = None
) -> list[dict[str, Any]]:
    """One picture's people as COCO keypoint results, of the target's keypoints or else coco17's.

    Keypoints that were not found are 0, 0 with score 0, and
    people without any are left out. COCO's keypoints are whole numbers, the indices of pixels, so
    nothing is converted: the centre of pixel i is i there too. Detectron2 reads them so
    (`data/datasets/coco.py`), and docs/decoder.md has a measurement; Lightweight OpenPose's
    `val.py` adds half a pixel.

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


def coco_image_id(file: str | os.PathLike[str]) -> int | str:
    """COCO's pictures are called by number (000000000139.jpg is 139), others by their stem."""
    stem = Path(file).stem
    return int(stem) if stem.isascii() and stem.isdecimal() else stem


def write_json(path: str | os.PathLike[str], rows: Sequence[dict[str, Any]]) -> None:
    """Writes a JSON list, one row a line; the file appears whole or not at all."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    _write_whole(Path(path), f"[\n{lines}\n]\n".encode())


def write_picture(path: str | os.PathLike[str], picture: UInt8) -> None:
    """Writes (H, W, 3) uint8 RGB in the format of the path's suffix; whole or not at all.

    Raises:
      OSError: the file cannot be written.
      ValueError: the picture cannot be encoded in that format (JPEG ends at 65,535 pixels).
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
    _write_whole(path, data.tobytes())


def _write_whole(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
