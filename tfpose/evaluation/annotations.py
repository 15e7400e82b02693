"""The people that an evaluation compares with: annotations as every program reads them.

pycocotools needs fields that other tools leave out (areas, counts of keypoints, `iscrowd`); the
reader (`tfpose.data.annotations`) fills them in, and refuses what is odd before hours of
evaluation.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from estimator import skeletons
from estimator.poses import Poses
from estimator.skeleton import Skeleton

from ..data import annotations
from ..data.annotations import (
    KEYPOINT_SHIFT,
    Annotations,
    Choice,
    Image,
    Person,
    fitting,
    orientation,
)
from ..data.annotations.labels import ImageId
from ..data.picture_files import Pictures
from ..data.pose_set import BAD_SHARE

PERSON = 1  # COCO's category


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """Pictures and their people.

    Attributes:
      labels: the annotations, with the skeleton's keypoints.
      skeleton: K keypoints.
      turned_with: the pictures with which `upright` turned the labels; None if it did not yet.
    """

    labels: Annotations
    skeleton: Skeleton
    turned_with: Pictures | None = None

    @property
    def path(self) -> Path:
        """Where they were read."""
        return self.labels.path

    @property
    def images(self) -> dict[ImageId, Image]:
        """By id, in the file's order."""
        return self.labels.images

    def tree(self) -> dict[str, Any]:
        """In COCO's format, with every field that pycocotools reads."""
        entries = [
            _entry(person, image.id, number)
            for number, (image, person) in enumerate(self.labels.everybody(), start=1)
        ]
        return {
            "images": [{"id": image_id} for image_id in self.images],
            "annotations": entries,
            "categories": [
                {"id": PERSON, "name": "person", "keypoints": list(self.skeleton.keypoints)}
            ],
        }

    def people(self, image_id: ImageId) -> list[Person]:
        """Those who count: no crowds, and at least one keypoint."""
        return [person for person in self.labels.people.get(image_id, ()) if person.counts]

    def poses(self, image_id: ImageId) -> Poses:
        """Those people in our convention, every labelled keypoint with score 1."""
        people = [person.keypoints for person in self.people(image_id)]
        keypoints = np.reshape(people, (len(people), len(self.skeleton.keypoints), 3))
        labelled = keypoints[..., 2:] > 0
        return Poses(
            skeleton=self.skeleton,
            xy=np.where(labelled, keypoints[..., :2], np.nan).astype(np.float32),
            score=labelled[..., 0].astype(np.float32),
            person_score=np.ones(len(people), np.float32),
        )

    def upright(self, pictures: Pictures) -> "Truth":
        """The same with the labels of turned pictures upright (`annotations.orientation`).

        Raises:
          ValueError: of too many pictures nothing tells how their labels lie.
        """
        if self.turned_with is pictures:  # which would read the head of every file again
            return self
        labels = orientation.upright(self.labels, self.skeleton, pictures)
        if len(labels.undecided) > BAD_SHARE * len(labels.images):
            raise ValueError(
                f"{len(labels.undecided)} of the {len(labels.images)} pictures of {self.path} may "
                f"lie two ways: {next(iter(labels.undecided.values()))}"
            )
        return replace(self, labels=labels, turned_with=pictures)


def read(
    path: str | Path,
    *,
    skeleton: Skeleton | None = None,
    known: Iterable[Skeleton] = (),
    choice: Choice | None = None,
    pictures: Pictures | None = None,
) -> Truth:
    """Reads annotations.

    Args:
      path: a .json, or a .zip of one.
      skeleton: of the keypoints; None finds it by their names.
      known: skeletons beside those that ship, to find it among.
      choice: of format, categories and keypoint names.
      pictures: for formats that leave sizes or names to them.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not COCO's keypoint format, nobody in it has a keypoint, or its keypoints
        are of no known skeleton.
    """
    found = annotations.read(Path(path), choice=choice, pictures=pictures)
    if skeleton is None:
        every = [*known, *map(skeletons.get, ("coco17", *skeletons.names()))]
        skeleton = fitting.skeleton_of(found, every)
    found = fitting.fit(found, skeleton)
    found.check_people()
    return Truth(labels=found, skeleton=skeleton)


def subset(image_ids: Sequence[ImageId], count: int, seed: int = 0) -> tuple[ImageId, ...]:
    """Draws pictures; of COCO's 5,000 of 2017 and with seed 0, those of make_val_subset.

    Lightweight OpenPose's `scripts/make_val_subset.py` shuffles the places 0..4999 of the file with
    Python's `random`, seed 0, and takes the first 250. The same is done here over as many places
    as there are pictures.

    Args:
      image_ids: in the file's order.
      count: how many.
      seed: of the draw.

    Raises:
      ValueError: there are not as many.
    """
    if not 1 <= count <= len(image_ids):
        raise ValueError(f"a subset must have 1 to {len(image_ids)} pictures, found {count}")
    places = list(range(len(image_ids)))
    random.Random(seed).shuffle(places)
    return tuple(image_ids[place] for place in places[:count])


def _entry(person: Person, image_id: ImageId, number: int) -> dict[str, Any]:
    keypoints = person.keypoints.astype(np.float64)
    keypoints[keypoints[:, 2] > 0, :2] -= KEYPOINT_SHIFT
    return {
        "id": number,
        "image_id": image_id,
        "category_id": PERSON,
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "bbox": list(person.box),
        "area": person.area,
        "iscrowd": int(person.crowd),
    }
