"""Where a top-down network looks: around people already found, or in a detector's file.

Boxes are x, y, width, height in pixels of the picture, as edges, in our convention (geometry.py).
"""

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .arrays import Float
from .poses import Poses

PERSON = 1  # COCO's category
BOX_SHIFT = -0.5  # COCO's boxes begin at the first pixel's corner (cocodataset.org/#format-data)
WIDER, HIGHER = 1.27, 1.21
"""A person's box over the box of their keypoints: the medians of COCO's people with 14 keypoints
or more (115 in 173 pictures of COCO 2017; measured)."""
AREA_OF_BOX = 0.53
"""A person's area where nothing gives it, as a share of their box.

xtcocotools takes it for sets without areas (`xtcocotools/cocoeval.py`), and it is the median over
the 285 people with keypoints in 173 pictures of COCO 2017 (measured).
"""


class PersonBox(NamedTuple):
    """A box, and how sure its maker is that it is a person's."""

    box: tuple[float, float, float, float]
    score: float = 1.0


def around(poses: Poses) -> list[PersonBox]:
    """Boxes around people's keypoints, widened to what a person's box usually is."""
    boxes = []
    for (left, top, width, height), score in zip(poses.boxes, poses.person_score, strict=True):
        wide, high = WIDER * (float(width) + 1), HIGHER * (float(height) + 1)  # pixels have edges
        x, y = float(left + width / 2) - wide / 2, float(top + height / 2) - high / 2
        boxes.append(PersonBox((x, y, wide, high), float(score)))
    return boxes


def area_around(width: Float, height: Float) -> Float:
    """The area that people usually have, by the boxes of their keypoints.

    Args:
      width, height: (N,) of the boxes, in units as large as the place of a keypoint: pixels, or
        the cells of a map.

    Returns:
      (N,) square units.
    """
    return AREA_OF_BOX * WIDER * HIGHER * (width + 1) * (height + 1)


def of_coco(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    """A box of COCO's in our convention."""
    left, top, width, height = map(float, bbox)
    return left + BOX_SHIFT, top + BOX_SHIFT, width, height


def read_detections(
    path: str | os.PathLike[str], *, min_score: float = 0.0
) -> dict[Any, list[PersonBox]]:
    """A detector's file in COCO's results format: a JSON list of image_id, bbox, score.

    Args:
      path: of the file; entries of other categories than person are left out.
      min_score: of a detection.

    Returns:
      Each picture's people, by image id.

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
