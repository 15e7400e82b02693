"""What was read from an annotation file: images, people, and a tally of the rest.

Pixel origin. COCO's keypoints are whole numbers from 0 to width - 1: indices of pixels, so they
are already ours (the centre of pixel i is i; detectron2 reads them so too, `datasets/coco.py`:
it adds 0.5 in a convention where the centre is i + 0.5). Boxes and segmentations are edges from 0
to the width, so half a pixel more than ours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from estimator.arrays import Float

from ..ignore_regions import Region

KEYPOINT_SHIFT = 0.0  # added to a foreign keypoint
BOX_SHIFT = -0.5  # added to a foreign box's x and y
Box: TypeAlias = tuple[float, float, float, float]  # x, y, width, height: edges, COCO's
ImageId: TypeAlias = int | str  # of one file, all are numbers or all are text


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Image:
    """One entry of a file's "images".

    Attributes:
      id: unique in the file.
      file_name: the picture's path, as the file gives it.
      height, width: pixels; None where the file gives none, or 0.
      regions: regions without labels (PoseTrack18's `ignore_regions_x` and `_y`).
    """

    id: ImageId
    file_name: str
    height: int | None = None
    width: int | None = None
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Person:
    """One annotation; every number is finite.

    Attributes:
      number: the annotation's id, for messages.
      keypoints: (K, 3) float32: x, y in pixels and a flag: 0 not labelled (x and y are 0), 1
        labelled but occluded, 2 visible.
      box: COCO's edges.
      area: square pixels, at least 0; 0 only of people without keypoints.
      crowd: `iscrowd`, a group that nobody labelled one by one.
      region: what it covers; None where it has keypoints or covers nothing.
      unflagged: number of keypoints with coordinates and flag 0, which count as not labelled.
      labelled_by: who, such as "human" or "teacher"; empty where the file doesn't say.
    """

    number: object
    keypoints: Float
    box: Box
    area: float
    crowd: bool = False
    region: Region | None = None
    labelled_by: str = ""
    unflagged: int = 0

    @property
    def counts(self) -> bool:
        """Whether it is a person to learn from and to find: no crowd, and a labelled keypoint."""
        return not self.crowd and bool(self.keypoints[:, 2].any())


@dataclass(frozen=True, kw_only=True, eq=False)
class Annotations:
    """An annotation file, as every program sees it.

    Attributes:
      path: where it came from, for messages.
      images: by id, in the file's order.
      people: those of the chosen categories, by image id; crowds are among them.
      keypoints: names in the order of `Person.keypoints`; empty if the file gives none.
      unusable: annotations of no listed image or category, one line each.
      changed: what was put right, and how often: "bbox: text read as a number" to 29.
      elsewhere: number of annotations of categories that were not chosen.
      partial: `keypoints` are those that somebody labelled, and the skeleton may have more.
      flip: place of each keypoint in a mirrored picture, where the file says it.
      undecided: why, of pictures whose labels may lie two ways (`orientation`), by image id.
    """

    path: Path
    images: dict[ImageId, Image]
    people: dict[ImageId, list[Person]]
    keypoints: tuple[str, ...]
    unusable: tuple[str, ...] = ()
    changed: Mapping[str, int] = field(default_factory=dict)
    elsewhere: int = 0
    partial: bool = False
    flip: tuple[int, ...] = ()
    undecided: Mapping[ImageId, str] = field(default_factory=dict)

    def everybody(self) -> Iterator[tuple[Image, Person]]:
        """Every person and crowd, with the image."""
        for image_id, group in self.people.items():
            for person in group:
                yield self.images[image_id], person

    def count(self) -> int:
        """The number of people who count."""
        return sum(person.counts for _, person in self.everybody())

    def tally(self) -> str:
        """What became of the annotations, as one line for a person to read."""
        found = [person for _, person in self.everybody()]
        crowds = sum(person.crowd for person in found)
        counted = self.count()
        parts = {
            "people with keypoints": counted,
            "crowds": crowds,
            "without a labelled keypoint": len(found) - crowds - counted,
            "of no listed image or category": len(self.unusable),
            "of categories that were not chosen": self.elsewhere,
        }
        total = len(found) + len(self.unusable) + self.elsewhere
        told = ", ".join(f"{number} {what}" for what, number in parts.items() if number)
        return f"{total} annotations" + (f": {told}" if told else "")

    def notes(self) -> list[str]:
        """What was put right or left out, a line each, for every program to print."""
        lines = [f"{self.path}: {what} ({count} x)" for what, count in self.changed.items()]
        if self.unusable:
            more = f" (and {len(self.unusable) - 1} more)" if len(self.unusable) > 1 else ""
            lines.append(f"{self.path}: left out: {self.unusable[0]}{more}")
        return lines

    def check_people(self) -> None:
        """Refuses a file without anybody to learn from or to find.

        Raises:
          ValueError: nobody counts; says what became of the annotations.
        """
        if not self.count():
            raise ValueError(
                f"{self.path} has {len(self.images)} pictures and no person with a labelled "
                f"keypoint ({self.tally()}): label keypoints with the flag 1 or 2, or choose "
                "another --category"
            )


def polygon_area(polygon: Float) -> float:
    """The area within a polygon (N, 2), by the shoelace formula."""
    x, y = polygon[:, 0].astype(np.float64), polygon[:, 1].astype(np.float64)
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)
