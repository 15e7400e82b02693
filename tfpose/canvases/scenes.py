"""Scenes: pictures that are read by number, in any order, from a prepared set or from a folder.

Of a prepared set's picture a scene knows the place of its bytes and its labels
(`tfpose.data.prepared_sets.stored`), so that it needs no TensorFlow and is small to send to another
process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from estimator import pictures
from estimator.arrays import Float, UInt8
from estimator.skeleton import Skeleton

from ..data.picture_files import BadPicture, Pictures
from . import bars

Place: TypeAlias = tuple[Path, int, int]  # file, first byte and length


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A picture, read on demand.

    Attributes:
      name: the image id or the file's name.
      origin: the data set, or a field of the annotations; weights are given by origin.
      keypoints: (P, K, 3) of its people; None where it has no labels.
      boxes: (P, 4) x, y, width, height, pixels.
      place: file, first byte and length; None for one of `Scenes.files`.
    """

    name: str
    origin: str
    keypoints: Float | None = None
    boxes: Float | None = None
    place: Place | None = None

    @property
    def empty(self) -> bool:
        """Whether it is labelled as a picture without people."""
        return self.keypoints is not None and not (self.keypoints[..., 2] > 0).any()


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenes:
    """Scenes in a fixed order.

    Attributes:
      scenes: all of them.
      files: the folders and zips of the scenes without a `place`.
    """

    scenes: tuple[Scene, ...]
    files: Pictures

    def read(self, index: int) -> UInt8:
        """Reads a picture, (H, W, 3) uint8 RGB; from a prepared set as stored, from a file upright.

        Raises:
          BadPicture: it cannot be read; names it.
        """
        scene = self.scenes[index]
        if scene.place is None:
            try:
                return pictures.read(self.files.read(scene.name))
            except ValueError as error:
                raise BadPicture(f"{scene.name}: {error}") from error
        path, start, length = scene.place
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(length)
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION  # as its labels were made
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
        if decoded is None:
            raise BadPicture(f"{scene.name} cannot be decoded from {path}")
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))

    def without_bars(self, index: int) -> UInt8:
        """Reads a picture as `read`, and cuts off the bars that padding left (`bars`).

        Raises:
          BadPicture: it cannot be read; names it.
        """
        return bars.without(self.read(index))


def gather(*parts: Sequence[Scene], files: Pictures | None = None) -> Scenes:
    """Joins the scenes of several sources.

    Raises:
      ValueError: there are none.
    """
    scenes = tuple(scene for part in parts for scene in part)
    if not scenes:
        raise ValueError("there are no pictures: give a prepared data set, or a folder of pictures")
    return Scenes(scenes=scenes, files=files or Pictures(()))


def unlabelled(files: Pictures, origin: str = "pictures") -> tuple[Scene, ...]:
    """The pictures of folders and zips, in the order of their names.

    Raises:
      ValueError: there is no picture among the files.
    """
    return tuple(Scene(name=name, origin=origin) for name in files.photographs())


def prepared(
    name: str,
    data_dir: Path | str,
    split: str,
    *,
    origins: Mapping[str, str] | None = None,
) -> tuple[tuple[Scene, ...], Skeleton]:
    """The pictures of a prepared set.

    Args:
      name, data_dir: as in `tfpose.datasets.load`.
      split: a whole one, such as "train".
      origins: image id to origin; pictures that are not in it have the origin `name`.

    Returns:
      The scenes in the order of the shards, and the skeleton of their keypoints.

    Raises:
      FileNotFoundError: no such set was prepared there.
      ValueError: it has no such split, or a shard is damaged.
    """
    from ..data import prepared_sets  # TensorFlow: processes that draw canvases do without

    known = origins or {}
    found, skeleton = prepared_sets.stored(name, data_dir, split)
    return tuple(
        Scene(
            name=one.image_id,
            origin=known.get(one.image_id, name),
            keypoints=one.keypoints,
            boxes=one.boxes,
            place=(one.path, one.start, one.length),
        )
        for one in found
    ), skeleton


def origins(annotations: Path, field: str) -> dict[str, str]:
    """Reads a field of the images of a COCO annotation file, by image id.

    Args:
      annotations: .json, or a .zip with one.
      field: of the entries in "images", such as "dataset".

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no such file, or no image has the field.
    """
    from ..data.annotations import image_fields  # msgspec: processes that draw do without

    images = image_fields(annotations)
    found = {str(key): str(image[field]) for key, image in images.items() if field in image}
    if not found:
        raise ValueError(f"no image of {annotations} has a field {field!r}")
    return found


def weights(texts: Iterable[str]) -> dict[str, float]:
    """Parses weights by origin.

    Args:
      texts: "ORIGIN=NUMBER" each; the number is relative to an origin that is not named, 1.

    Raises:
      ValueError: a text has another form.
    """
    found = {}
    for text in texts:
        origin, _, number = text.partition("=")
        try:
            found[origin] = float(number)
        except ValueError:
            raise ValueError(f"weights are ORIGIN=NUMBER, found {text!r}") from None
    return found
