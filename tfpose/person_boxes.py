"""Where a top-down network looks: boxes from the truth, a detector's file, or a bottom-up network.

Boxes are x, y, width, height in pixels of the picture, as edges, in our convention
(estimator.geometry); COCO's begin half a pixel later (tfpose.coco_json).
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from estimator.arrays import UInt8
from estimator.poses import Poses

from .averaging import Averaging
from .coco_json import BOX_SHIFT
from .networks import Network
from .prediction import read
from .truth import PERSON, Truth

WIDER, HIGHER = 1.27, 1.21
"""A person's box over the box of their keypoints: the medians of COCO's people with 14 keypoints
or more (115 in 173 pictures of COCO 2017; measured)."""


class PersonBox(NamedTuple):
    """A box, and how sure its maker is that it is a person's."""

    box: tuple[float, float, float, float]
    score: float = 1.0


Source: TypeAlias = Callable[[Any, UInt8], list[PersonBox]]  # of an image id and its picture


def of_truth(truth: Truth) -> Source:
    """The annotated boxes of people with keypoints; crowds have none. HRNet's USE_GT_BBOX."""
    return lambda image_id, picture: [
        PersonBox(_ours(person["bbox"])) for person in truth.people(image_id)
    ]


def of_detections(path: str | os.PathLike[str], truth: Truth, *, min_score: float = 0.0) -> Source:
    """The people of a detector's file in COCO's results format: image_id, bbox, score.

    Args:
      path: a JSON list; entries of other categories than person are left out.
      truth: the pictures that the detections should be of.
      min_score: of a detection.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no such list, or none of it is of these pictures.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no detections at {path}")
    boxes = defaultdict(list)
    for entry in _detections(path):
        if entry.get("category_id", PERSON) == PERSON and entry["score"] >= min_score:
            boxes[entry["image_id"]].append(PersonBox(_ours(entry["bbox"]), float(entry["score"])))
    if boxes and not set(boxes) & set(truth.images):
        raise ValueError(
            f"{path} is of other pictures: it has image ids as {next(iter(boxes))!r}, {truth.path} "
            f"has {next(iter(truth.images), None)!r}"
        )
    return lambda image_id, picture: boxes.get(image_id, [])


def of_network(
    network: Network, *, averaging: Averaging | None = None, min_score: float = 0.0
) -> Source:
    """Boxes around the people that a bottom-up network finds.

    Raises:
      ValueError: the network needs boxes itself.
    """
    if network.spec.image.fit != "letterbox":
        raise ValueError(f"boxes must come from a bottom-up network; {network.name} needs boxes")

    def source(image_id: Any, picture: UInt8) -> list[PersonBox]:
        poses = read(network, picture, averaging)
        return around(poses.select(poses.person_score >= min_score))

    return source


def around(poses: Poses) -> list[PersonBox]:
    """Boxes around people's keypoints, widened to what a person's box usually is."""
    boxes = []
    for (left, top, width, height), score in zip(poses.boxes, poses.person_score, strict=True):
        wide, high = WIDER * (float(width) + 1), HIGHER * (float(height) + 1)  # pixels have edges
        x, y = float(left + width / 2) - wide / 2, float(top + height / 2) - high / 2
        boxes.append(PersonBox((x, y, wide, high), float(score)))
    return boxes


def _ours(bbox: Any) -> tuple[float, float, float, float]:
    left, top, width, height = map(float, bbox)
    return left + BOX_SHIFT, top + BOX_SHIFT, width, height


def _detections(path: Path) -> list[Mapping[str, Any]]:
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
        if len(entry["bbox"]) != 4:
            raise ValueError(f"{path}: a bbox is x, y, width, height, found {entry['bbox']}")
    return entries
