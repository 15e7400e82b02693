"""Boxes for a top-down network: around people already found, or from a detector's file.

Boxes are x, y, width, height in pixels of the picture, as edges, in our convention (geometry.py).
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..arrays import Float
from ..poses import Poses

PERSON = 1  # COCO's category
BOX_SHIFT = -0.5  # COCO's boxes begin at the first pixel's corner (cocodataset.org/#format-data)
WIDER, HIGHER = 1.27, 1.21
"""A person's box over the box of their keypoints: the medians of COCO's people with 14 keypoints
or more (115 in 173 pictures of COCO 2017; measured)."""
AREA_OF_BOX = 0.53
"""Estimated area of a person as a share of their box, where no segment is known.

xtcocotools uses this value for sets without areas (`xtcocotools/cocoeval.py`), and it is the median
over the 285 people with keypoints in 173 pictures of COCO 2017 (measured).
"""


class PersonBox(NamedTuple):
    """A box, and the score of its detector."""

    box: tuple[float, float, float, float]
    score: float = 1.0


def usable(boxes: Iterable[PersonBox]) -> list[PersonBox]:
    """The boxes that a network can see: those with an area."""
    return [box for box in boxes if box.box[2] > 0 and box.box[3] > 0]


def around(poses: Poses, *, min_score: float = 0.0) -> list[PersonBox]:
    """Boxes around people's keypoints, widened to the usual extent of a person.

    Args:
      poses: the people.
      min_score: lowest `person_score` of a person who gets a box.
    """
    boxes = []
    poses = poses.select(poses.person_score >= min_score)
    for (left, top, width, height), score in zip(poses.boxes, poses.person_score, strict=True):
        wide, high = WIDER * (float(width) + 1), HIGHER * (float(height) + 1)  # pixels have edges
        x, y = float(left + width / 2) - wide / 2, float(top + height / 2) - high / 2
        boxes.append(PersonBox((x, y, wide, high), float(score)))
    return boxes


def area_around(width: Float, height: Float) -> Float:
    """Estimated areas of people, from the boxes of their keypoints.

    Args:
      width, height: (N,) of the boxes, in pixels, or in cells of a map.

    Returns:
      (N,) square units.
    """
    return AREA_OF_BOX * WIDER * HIGHER * (width + 1) * (height + 1)


def of_coco(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    """Converts a box of COCO's to our convention."""
    left, top, width, height = map(float, bbox)
    return left + BOX_SHIFT, top + BOX_SHIFT, width, height


def read_detections(
    path: str | os.PathLike[str], *, min_score: float = 0.0
) -> dict[Any, list[PersonBox]]:
    """Reads a detector's file in COCO's results format: a JSON list of image_id, bbox, score.

    Args:
      path: of the file; entries of other categories than person are left out.
      min_score: lowest score of a detection that is kept.

    Returns:
      The boxes of each picture, by image id.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no such list.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no detections at {path}")
    boxes = defaultdict(list)
    for entry in _entries(path):
        if entry.get("category_id", PERSON) == PERSON and entry["score"] >= min_score:
            boxes[entry["image_id"]].append(
                PersonBox(of_coco(entry["bbox"]), float(entry["score"]))
            )
    return dict(boxes)


def _entries(path: Path) -> list[Mapping[str, Any]]:
    try:
        entries = json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise ValueError(f"{path} must be a list of detections, found a {type(entries).__name__}")
    for entry in entries:
        if not isinstance(entry, dict) or not {"image_id", "bbox", "score"} <= set(entry):
            raise ValueError(
                f"{path}: a detection needs image_id, bbox and score, found {entry!r:.200}"
            )
        if not isinstance(entry["bbox"], list) or len(entry["bbox"]) != 4:
            raise ValueError(f"{path}: a bbox is x, y, width, height, found {entry['bbox']}")
    return entries
