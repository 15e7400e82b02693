"""The boxes for a top-down network: annotated, from a detector's file, or a bottom-up network's.

Boxes are x, y, width, height in pixels of the picture, as edges, in our convention
(estimator.geometry).
"""

import os
from collections.abc import Callable
from typing import Any, TypeAlias

from estimator.arrays import UInt8
from estimator.inputs.averaging import Averaging
from estimator.people.boxes import PersonBox, of_coco, read_detections

from .annotations import Truth
from .network import Network
from .prediction import estimator_of

Source: TypeAlias = Callable[[Any, UInt8], list[PersonBox]]  # of an image id and its picture


def of_truth(truth: Truth) -> Source:
    """The annotated boxes of people with keypoints; crowds have none. HRNet's USE_GT_BBOX."""
    return lambda image_id, picture: [
        PersonBox(of_coco(person.box)) for person in truth.people(image_id)
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
    boxes = read_detections(path, min_score=min_score)
    if boxes and not set(boxes) & set(truth.images):
        raise ValueError(
            f"{path} is of other pictures: it has image ids as {next(iter(boxes))!r}, {truth.path} "
            f"has {next(iter(truth.images), None)!r}"
        )
    return lambda image_id, picture: boxes.get(image_id, [])


def of_network(
    network: Network, *, averaging: Averaging | None = None, min_score: float = 0.0
) -> Source:
    """The boxes of a detector, or around the people that a bottom-up network finds.

    Raises:
      ValueError: the network needs boxes itself.
    """
    if network.spec.image.fit != "letterbox":
        raise ValueError(f"boxes must come from a bottom-up network; {network.name} needs boxes")
    look = "auto" if network.spec.answers == "boxes" else "off"
    estimator = estimator_of(network, averaging, second_look=look)
    return lambda image_id, picture: estimator.person_boxes(picture, min_score=min_score)
