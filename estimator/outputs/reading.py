"""Reads written results as poses: readable JSON and COCO's results; the inverse of `results`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import skeletons
from ..poses import Poses
from ..skeleton import Skeleton


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file: one per picture in the readable form, one per person in COCO's.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no JSON list of objects.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no predictions at {path}")
    try:
        rows = json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path} must be a JSON list of pictures, or of COCO's results")
    return rows


def of_readable(row: Mapping[str, Any], skeleton: Skeleton | None = None) -> Poses:
    """The people of one picture, as `results.readable` wrote them.

    Args:
      row: of the picture.
      skeleton: of one's own; None takes the one that the row names.

    Raises:
      ValueError: the skeleton is unknown, or lacks a keypoint of the row.
    """
    skeleton = skeleton or skeletons.get(str(row.get("skeleton")))
    place = {name: index for index, name in enumerate(skeleton.keypoints)}
    people = row.get("people", [])
    xy = np.full((len(people), len(place), 2), np.nan, np.float32)
    score = np.zeros((len(people), len(place)), np.float32)
    for person, found in enumerate(people):
        for name, point in found["keypoints"].items():
            if name not in place:
                raise ValueError(
                    f"there is no keypoint {name!r} in {skeleton.name}: give the skeleton that the "
                    "predictions were made with"
                )
            if point["score"] > 0:
                xy[person, place[name]] = point["x"], point["y"]
                score[person, place[name]] = point["score"]
    identity = None
    if people and all("id" in found for found in people):
        identity = np.array([found["id"] for found in people], np.int64)
    return Poses(
        skeleton=skeleton,
        xy=xy,
        score=score,
        person_score=np.array([found["score"] for found in people], np.float32),
        identity=identity,
    )


def of_coco(rows: Sequence[Mapping[str, Any]], skeleton: Skeleton) -> Poses:
    """The people of one picture, best first, of COCO's results.

    Raises:
      ValueError: a result has another number of keypoints than the skeleton.
    """
    ranked = sorted(rows, key=lambda row: -float(row["score"]))
    count = len(skeleton.keypoints)
    for row in ranked:
        if len(row["keypoints"]) != 3 * count:
            raise ValueError(
                f"a result has {len(row['keypoints'])} numbers; the {count} keypoints of "
                f"{skeleton.name} need {3 * count} numbers: give the skeleton of the results"
            )
    table = np.reshape([row["keypoints"] for row in ranked], (len(ranked), count, 3))
    table = table.astype(np.float32)
    found = table[..., 2:] > 0
    return Poses(
        skeleton=skeleton,
        xy=np.where(found, table[..., :2], np.float32(np.nan)),
        score=np.where(found, table[..., 2:], 0)[..., 0].astype(np.float32),
        person_score=np.array([row["score"] for row in ranked], np.float32),
    )
