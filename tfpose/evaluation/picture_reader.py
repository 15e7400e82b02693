"""Reads a truth's pictures one after the other, and keeps a list of those that cannot be read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from absl import logging

from estimator import pictures
from estimator.arrays import UInt8

from ..data.picture_files import BadPicture, Pictures
from .annotations import Truth


class PictureReader:
    """The chosen pictures, each read on demand.

    Attributes:
      chosen: ids of the pictures to read.
      image_ids: of the pictures read so far.
      unread: one line per picture that could not be read.
    """

    def __init__(self, truth: Truth, images: Pictures, chosen: Sequence[int]) -> None:
        if not chosen:
            raise ValueError(f"{truth.path} lists no pictures")
        self._truth, self._images = truth, images
        self.chosen = tuple(chosen)
        self.image_ids: list[int] = []
        self.unread: list[str] = []

    def __iter__(self) -> Iterator[tuple[int, UInt8]]:
        for image_id in self.chosen:
            entry = self._truth.images[image_id]
            try:
                picture = pictures.read(self._images.read(entry["file_name"]))
                _check_size(picture, entry)
            except (BadPicture, ValueError) as error:
                self.unread.append(f"{entry['file_name']}: {error}")
                logging.warning("skipped %s", self.unread[-1])
                continue
            self.image_ids.append(image_id)
            yield image_id, picture

    def check(self) -> None:
        """Refuses a set of which no picture could be read.

        Raises:
          ValueError: no picture could be read; gives the first reason.
        """
        if not self.image_ids:
            where = ", ".join(map(str, self._images.containers))
            raise ValueError(
                f"none of the {len(self.chosen)} pictures of {self._truth.path} can be read from "
                f"{where}; the first: {self.unread[0]}"
            )


def _check_size(picture: UInt8, entry: Mapping[str, Any]) -> None:
    said = (entry.get("height"), entry.get("width"))
    if None not in said and said != picture.shape[:2]:
        raise ValueError(
            f"the picture has {picture.shape[0]}x{picture.shape[1]} (height x width), its "
            f"annotation says {said[0]}x{said[1]}"
        )
