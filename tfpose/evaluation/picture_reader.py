"""Reads a truth's pictures, and keeps a list of those that cannot be read.

Pictures of one shape come one after the other, because a network allocates its memory anew for
every other shape.
"""

from collections.abc import Iterator, Sequence

from absl import logging

from estimator import pictures
from estimator.arrays import UInt8

from ..data.annotations import Image
from ..data.annotations.labels import ImageId
from ..data.picture_files import BadPicture, Pictures
from .annotations import Truth


class PictureReader:
    """The chosen pictures, each read on demand.

    Attributes:
      chosen: ids of the pictures to read.
    """

    def __init__(self, truth: Truth, images: Pictures, chosen: Sequence[ImageId]) -> None:
        if not chosen:
            raise ValueError(f"{truth.path} lists no pictures")
        self._truth, self._images = truth, images
        self.chosen = tuple(chosen)
        self._failed: dict[ImageId, str] = {}
        self._read: set[ImageId] = set()

    @property
    def image_ids(self) -> list[ImageId]:
        """The pictures read so far, in the order of `chosen`."""
        return [image_id for image_id in self.chosen if image_id in self._read]

    @property
    def unread(self) -> list[str]:
        """One line per picture that could not be read, in the order of `chosen`."""
        return [self._failed[image_id] for image_id in self.chosen if image_id in self._failed]

    def __iter__(self) -> Iterator[tuple[ImageId, UInt8]]:
        for image_id in sorted(self.chosen, key=self._shape):
            entry = self._truth.images[image_id]
            try:
                if image_id in self._truth.labels.undecided:
                    raise BadPicture(self._truth.labels.undecided[image_id])
                picture = pictures.read(self._images.read(entry.file_name))
                _check_size(picture, entry)
            except (BadPicture, ValueError) as error:
                self._failed[image_id] = f"{entry.file_name}: {error}"
                logging.warning("skipped %s", self._failed[image_id])
                continue
            self._read.add(image_id)
            yield image_id, picture

    def _shape(self, image_id: ImageId) -> float:
        """Width over height as annotated, which gives the shape of an input; 0 if not annotated."""
        image = self._truth.images[image_id]
        return image.width / image.height if image.width and image.height else 0.0

    def check(self) -> None:
        """Refuses a set of which no picture could be read, or none with a person.

        Raises:
          ValueError: no picture could be read, or nobody is in those that were; says why.
        """
        if not self.image_ids:
            where = ", ".join(map(str, self._images.containers))
            raise ValueError(
                f"none of the {len(self.chosen)} pictures of {self._truth.path} can be read from "
                f"{where}; the first: {self.unread[0]}"
            )
        if not any(self._truth.people(image_id) for image_id in self.image_ids):
            lost = f", {len(self.unread)} could not be read" if self.unread else ""
            raise ValueError(
                f"nobody with a labelled keypoint is in the {len(self.image_ids)} pictures that "
                f"were read{lost}: {self._truth.path} has {self._truth.labels.tally()}"
            )


def _check_size(picture: UInt8, entry: Image) -> None:
    said = (entry.height, entry.width)
    if None not in said and said != picture.shape[:2]:
        raise ValueError(
            f"the picture has {picture.shape[0]}x{picture.shape[1]} (height x width), its "
            f"annotation says {said[0]}x{said[1]}"
        )
