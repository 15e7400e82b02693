"""PoseSet: one split of a data set, with its labels read and its pictures not yet read."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from estimator.arrays import UInt8
from estimator.pictures import header
from estimator.skeleton import Skeleton

from . import ignore_regions
from .picture_files import BadPicture, Pictures, as_stored
from .records import Record, Sample

if TYPE_CHECKING:
    from .annotations import Annotations

BAD_SHARE = 0.05  # of the pictures or annotations; a set with more is refused
SHOWN = 3  # names in an error


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseSet:
    """One split.

    Attributes:
      samples: one per picture.
      pictures: folders and zips of the pictures.
      unusable: labels that cannot be used, such as those of no picture; one line each.
      labelled: False where the pictures have no labels, so that a teacher must label them.
      annotations: what the samples were made of; None where it was no COCO file.
      upright: the labels are those of upright pictures; False where nobody has looked.
    """

    samples: Sequence[Sample]
    pictures: Pictures
    unusable: Sequence[str] = ()
    labelled: bool = True
    annotations: "Annotations | None" = None
    upright: bool = False

    @property
    def left_out(self) -> list[str]:
        """Labels that cannot be used, and why; one line each."""
        undecided = self.annotations.undecided.values() if self.annotations else ()
        return [*self.unusable, *undecided]

    def record(self, sample: Sample) -> Record:
        """Reads a sample's picture and checks both.

        Raises:
          BadPicture: the picture or its labels cannot be used; has its name and the reason.
        """
        picture, height, width = self.picture(sample)
        try:
            return Record(
                image=picture,
                image_id=sample.image_id,
                height=height,
                width=width,
                keypoints=sample.keypoints,
                boxes=sample.boxes,
                areas=sample.areas,
                ignore=ignore_regions.encode_mask(self.mask(sample, height, width)),
            )
        except ValueError as error:
            raise BadPicture(f"{sample.picture}: {error}") from error

    def picture(self, sample: Sample) -> tuple[bytes, int, int]:
        """Reads a sample's picture, upright (`as_stored`): the encoded file, height and width.

        Raises:
          BadPicture: it is missing, damaged, or not as large as its annotation says.
        """
        encoded = self.pictures.read(sample.picture)
        orientation = header.read(encoded).orientation
        if not self.upright and orientation != 1:
            raise BadPicture(
                f"{sample.picture} is stored turned (EXIF orientation {orientation}), and nothing "
                "tells how its labels lie: turn its pixels or remove the tag"
            )
        picture, height, width = as_stored(encoded, sample.picture)
        if (sample.height or height, sample.width or width) != (height, width):
            raise BadPicture(
                f"{sample.picture} is {width}x{height} (width x height), its annotation says "
                f"{sample.width}x{sample.height}: labels and picture do not belong together, or "
                "the picture was resized"
            )
        return picture, height, width

    def mask(self, sample: Sample, height: int, width: int) -> UInt8:
        """(height, width), 255 where the loss must not count.

        Raises:
          ValueError: a region is malformed.
        """
        return ignore_regions.draw(sample.ignored, height, width)

    def missing(self) -> list[str]:
        """The samples' pictures that do not exist, or exist more than once."""
        return [s.picture for s in self.samples if self.pictures.find(s.picture) is None]

    def part(self, samples: Sequence[Sample]) -> "PoseSet":
        """The same split with some of the samples; small to send to another process."""
        pictures = self.pictures.only(sample.picture for sample in samples)
        return dataclasses.replace(self, samples=samples, pictures=pictures, annotations=None)


def unlabelled(containers: Iterable[Path], skeleton: Skeleton) -> PoseSet:
    """Makes a split of the pictures of folders and zips, in the order of their names, unlabelled.

    Raises:
      FileNotFoundError: a folder or zip is missing.
      ValueError: there is no picture in them.
    """
    pictures = Pictures(containers)
    count = len(skeleton.keypoints)
    samples = tuple(
        Sample(
            picture=name,
            image_id=name,
            height=None,
            width=None,
            keypoints=np.zeros((0, count, 3), np.float32),
            boxes=np.zeros((0, 4), np.float32),
            areas=np.zeros(0, np.float32),
        )
        for name in pictures.photographs()
    )
    return PoseSet(samples=samples, pictures=pictures, labelled=False, upright=True)


def fingerprint(skeleton: Skeleton, sets: Mapping[str, PoseSet]) -> str:
    """A digest that changes whenever the skeleton, a label or a picture does."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(skeleton), sort_keys=True).encode())
    for split, part in sorted(sets.items()):
        digest.update(split.encode())
        for sample in part.samples:
            place = part.pictures.find(sample.picture)
            stamp = place.stamp if place else "missing"
            size = f"{sample.height}x{sample.width}"
            digest.update(f"{sample.image_id} {size} {stamp} {sample.ignored}".encode())
            for array in (sample.keypoints, sample.boxes, sample.areas):
                digest.update(array.tobytes())
    return digest.hexdigest()


def check(split: str, part: PoseSet) -> None:
    """Refuses a split that is obviously wrong.

    Raises:
      FileNotFoundError: more than BAD_SHARE of the pictures are missing.
      ValueError: more than BAD_SHARE of the labels cannot be used or of the pictures are
        undecided, there is no person, or an image_id occurs twice.
    """
    count, people = len(part.samples), sum(len(sample.keypoints) for sample in part.samples)
    undecided = part.annotations.undecided if part.annotations else {}
    if len(undecided) > BAD_SHARE * (count + len(undecided)):
        raise ValueError(
            f"{len(undecided)} of the {count + len(undecided)} pictures of {split} may lie two "
            f"ways: {next(iter(undecided.values()))}"
        )
    labels = max(count, sum(len(s.keypoints) + len(s.ignored) for s in part.samples))
    if len(part.unusable) > BAD_SHARE * (labels + len(part.unusable)):
        raise ValueError(
            f"{len(part.unusable)} labels of {split} cannot be used, such as: {part.unusable[0]}. "
            "Fetch the annotations again, or export them with all their pictures"
        )
    if part.annotations:
        part.annotations.check_people()
    if part.labelled and not people:
        raise ValueError(f"{split} has {count} pictures and no person with a labelled keypoint")
    if len({sample.image_id for sample in part.samples}) < count:
        raise ValueError(f"{split} has two pictures of one image_id: ids must be unique")
    _check_missing(split, part)


def _check_missing(split: str, part: PoseSet) -> None:
    missing, count = part.missing(), len(part.samples)
    if len(missing) > BAD_SHARE * count:
        where = ", ".join(str(container) for container in part.pictures.containers)
        there = list(part.pictures.names())[:SHOWN]
        raise FileNotFoundError(
            f"{len(missing)} of the {count} pictures of {split} are missing in {where}: "
            f"{', '.join(missing[:SHOWN])}, ... (there are {len(part.pictures)} files, such as "
            f"{', '.join(there)}). Fetch or unpack the rest, or name the folder that holds them"
        )
