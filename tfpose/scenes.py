"""Scenes: pictures that can be read by number, in any order: a prepared set's, or a folder's.

A prepared set's shards are TFRecords, which are read from the front: one pass notes where in its
file every picture's bytes lie, and keeps the labels. After it a scene needs no TensorFlow, and is
small to send to another process.

TFRecord: eight bytes of length, four of its CRC, the data, four of its CRC
(tensorflow.org/tutorials/load_data/tfrecord).
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np

from estimator import pictures
from estimator.arrays import Float, UInt8
from estimator.skeleton import Skeleton

from . import plain_bars
from .picture_files import BadPicture, Pictures

Place: TypeAlias = tuple[Path, int, int]  # file, first byte and length


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A picture that is read when it is needed.

    Attributes:
      name: for messages; the image id or the file's name.
      origin: what it is weighed by: the data set, or what an annotation file says.
      keypoints: (P, K, 3) of its people; None where nobody labelled it.
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
        """Labelled, and nobody is in it."""
        return self.keypoints is not None and not (self.keypoints[..., 2] > 0).any()


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenes:
    """Scenes in a fixed order.

    Attributes:
      scenes: all of them.
      files: has those that lie in folders and zips.
    """

    scenes: tuple[Scene, ...]
    files: Pictures

    def read(self, index: int) -> UInt8:
        """The picture, (H, W, 3) uint8 RGB; a labelled one as stored, another one upright.

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
        """The picture as `read` gives it, without the bars that padding left (`plain_bars`).

        Raises:
          BadPicture: it cannot be read; names it.
        """
        return plain_bars.without(self.read(index))


def gather(*parts: Sequence[Scene], files: Pictures | None = None) -> Scenes:
    """Scenes of several sources as one.

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
      origins: image id to origin; who is not in it, and all without it, are of origin `name`.

    Returns:
      The scenes in the order of the shards, and the skeleton of their keypoints.

    Raises:
      FileNotFoundError: no such set was prepared there.
      ValueError: it has no such split, or a shard is damaged.
    """
    import tensorflow_datasets as tfds

    from . import datasets, skeleton_file

    info = tfds.builder_from_directory(datasets.folder_of(name, data_dir)).info
    if split not in info.splits:
        raise ValueError(f"{name} has no split {split!r}, only {', '.join(info.splits)}")
    skeleton = skeleton_file.from_tree(info.metadata["skeleton"])
    known = skeleton if info.metadata.get("labelled", True) else None
    scenes = [
        _stored(example, path, start, origins or {}, name, known)
        for path in map(Path, info.splits[split].filepaths)
        for start, example in _examples(path)
    ]
    return tuple(scenes), skeleton


def _stored(
    example: bytes,
    path: Path,
    start: int,
    origins: Mapping[str, str],
    default: str,
    skeleton: Skeleton | None,
) -> Scene:
    from tensorflow.train import Example

    features = Example.FromString(example).features.feature
    image = features["image"].bytes_list.value[0]
    image_id = features["image_id"].bytes_list.value[0].decode()
    scene = Scene(
        name=image_id,
        origin=origins.get(image_id, default),
        place=(path, start + example.index(image), len(image)),
    )
    if skeleton is None:
        return scene
    keypoints = np.array(features["keypoints"].float_list.value, np.float32)
    boxes = np.array(features["boxes"].float_list.value, np.float32)
    return replace(
        scene,
        keypoints=keypoints.reshape(-1, len(skeleton.keypoints), 3),
        boxes=boxes.reshape(-1, 4),
    )


def _examples(path: Path) -> Iterator[tuple[int, bytes]]:
    """Where each example of a TFRecord begins, and its bytes."""
    with path.open("rb") as file:
        while header := file.read(12):
            start = file.tell()
            length = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else -1
            data = file.read(max(length, 0) + 4)
            if len(data) != length + 4:
                raise ValueError(f"{path} is cut off: prepare the data set anew")
            yield start, data[:-4]


def origins(annotations: Path, field: str) -> dict[str, str]:
    """What each image of a COCO annotation file says in a field of its own, by image id.

    Args:
      annotations: .json, or a .zip with one.
      field: of the entries in "images", such as "dataset".

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no such file, or no image has the field.
    """
    found = {
        str(image["id"]): str(image[field]) for image in _images(annotations) if field in image
    }
    if not found:
        raise ValueError(f"no image of {annotations} has a field {field!r}")
    return found


def weights(texts: Iterable[str]) -> dict[str, float]:
    """How often pictures are taken, by their origin.

    Args:
      texts: "origin=number".

    Raises:
      ValueError: one is not written so.
    """
    found = {}
    for text in texts:
        origin, _, number = text.partition("=")
        try:
            found[origin] = float(number)
        except ValueError:
            raise ValueError(f"weights are ORIGIN=NUMBER, found {text!r}") from None
    return found


def _images(path: Path) -> list[dict[str, Any]]:
    from . import coco_json

    try:
        return list(coco_json.read(path).images.values())
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is no sound zip: {error}") from error
