"""Results into files: pictures, readable JSON, COCO's keypoint results, OpenPose's JSON.

The readable form, one object a picture:

    {"file": "a.jpg", "width": 640, "height": 480, "model": "...", "skeleton": "coco17",
     "people": [{"score": 0.83, "keypoints": {"nose": {"x": 210.4, "y": 88.0, "score": 0.91}}}]}

x and y are pixels of the upright picture, the centre of its first pixel is 0, 0; keypoints that
were not found are left out. People who were tracked have an `id`. COCO's form is that of
cocodataset.org/#format-results.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from . import skeletons
from .arrays import UInt8
from .poses import Poses
from .skeleton import Skeleton, mapping

PERSON = 1  # COCO's category
MIN_FREE = 1 << 20  # bytes that a disk should have left before work starts


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
                **({} if poses.identity is None else {"id": int(poses.identity[person])}),
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


def openpose(poses: Poses) -> dict[str, Any]:
    """One picture's people as OpenPose writes them (its doc/02_output.md, "JSON-UI mode").

    `pose_keypoints_2d` has x, y, score of each of the 18 keypoints of its COCO model, in its order
    (skeletons/openpose18.py); 0, 0, 0 where one was not found. `person_id` is the identity, or -1.

    Raises:
      ValueError: the skeleton shares no keypoint with openpose18.
    """
    target = skeletons.get("openpose18")
    if not mapping(poses.skeleton, target).any():
        raise ValueError(
            f"skeleton {poses.skeleton.name!r} has no keypoint of openpose18, so there is no "
            "OpenPose JSON of it"
        )
    people = poses.to_skeleton(target)
    table = np.concatenate([np.nan_to_num(people.xy), people.score[..., None]], axis=2)  # (N,18,3)
    identity = [-1] * len(poses) if poses.identity is None else poses.identity.tolist()
    absent = ("face", "hand_left", "hand_right")
    return {
        "version": 1.3,
        "people": [
            {
                "person_id": [one],
                "pose_keypoints_2d": [round(value, 4) for value in row.ravel().tolist()],
                **{f"{part}_keypoints_2d": [] for part in absent},
                **{f"{part}_keypoints_3d": [] for part in ("pose", *absent)},
            }
            for one, row in zip(identity, table, strict=True)
        ],
    }


def check_writable(path: Path) -> None:
    """Refuses, before any work, a file that could not be written after it.

    Raises:
      OSError: no such folder, it is shut, the disk is full, or the file is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give a file's name")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to write into")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"folder {path.parent} cannot be written; give another")
    check_room(path)


def check_apart(files: Mapping[str, Path], given: Iterable[Path]) -> None:
    """Refuses files to write that cannot be, that are what is read, or that are one file.

    Args:
      files: by what asks for them.
      given: what is read.

    Raises:
      OSError, ValueError: which, and why.
    """
    sources, taken = {file.resolve() for file in given}, dict[Path, str]()
    for name, file in files.items():
        check_writable(file)
        place = file.resolve()
        if place in sources:
            raise ValueError(f"{file} is one of the pictures; it would be overwritten")
        if place in taken:
            raise ValueError(f"{taken[place]} and {name} both name {file}; give two files")
        taken[place] = name


def check_room(path: Path, least: int = MIN_FREE) -> None:
    """Refuses a disk with less than `least` bytes left.

    Raises:
      OSError: it is full.
    """
    free = shutil.disk_usage(path.parent).free
    if free < least:
        raise OSError(
            f"{path} has no room: its disk has {free >> 10} KiB left; make room or give another"
        )


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, and checks that it can be written.

    Raises:
      OSError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{folder} cannot be made a folder: {error}") from error
    check_writable(folder / "file")


def write_json(path: str | os.PathLike[str], rows: Sequence[dict[str, Any]]) -> None:
    """Writes a JSON list, one row a line; the file appears whole or not at all."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    write_whole(Path(path), f"[\n{lines}\n]\n".encode())


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
    write_whole(path, data.tobytes())


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that appears whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
