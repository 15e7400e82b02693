"""Annotations as the splits of data sets."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from estimator.skeleton import Skeleton

from ..picture_files import Pictures
from ..pose_set import PoseSet
from ..records import Sample
from . import fitting, orientation, reading
from .choice import Choice
from .labels import BOX_SHIFT, Annotations


def samples(found: Annotations, count: int) -> Iterator[Sample]:
    """The pictures of a file, in its order, with their people.

    Crowds and people without a labelled keypoint become regions to ignore; pictures that are
    undecided are left out.

    Args:
      found: annotations, upright.
      count: of the skeleton's keypoints, K.
    """
    for image_id, image in found.images.items():
        if image_id in found.undecided:
            continue
        group = found.people.get(image_id, ())
        people = [person for person in group if person.counts]
        regions = [one.region for one in group if not one.counts and one.region is not None]
        boxes = np.array([person.box for person in people], np.float32).reshape(-1, 4)
        yield Sample(
            picture=image.file_name,
            image_id=str(image_id),
            height=image.height,
            width=image.width,
            keypoints=np.array([one.keypoints for one in people], np.float32).reshape(-1, count, 3),
            boxes=boxes + np.array([BOX_SHIFT, BOX_SHIFT, 0, 0], np.float32),
            areas=np.array([person.area for person in people], np.float32),
            ignored=(*image.regions, *regions),
        )


def pose_set(
    path: Path, pictures: Iterable[Path], skeleton: Skeleton, *, choice: Choice | None = None
) -> PoseSet:
    """The split that one annotation file and its picture folders or zips make.

    Raises:
      FileNotFoundError, ValueError: as `reading.read`, `fitting.fit` and `Pictures`.
    """
    files = Pictures(pictures)
    found = fitting.fit(reading.read(path, choice=choice, pictures=files), skeleton)
    found = orientation.upright(found, skeleton, files)
    return PoseSet(
        samples=tuple(samples(found, len(skeleton.keypoints))),
        pictures=files,
        unusable=found.unusable,
        annotations=found,
        upright=True,
    )
