"""The LMDB that CMU's Realtime Multi-Person Pose Estimation trains on (Cao et al. 2017,
arXiv:1611.08050), for COCO: written by its `training/genLMDB.py`, read without Caffe.

A value is a Caffe `Datum` (`caffe.proto`: channels 1, height 2, width 3, data 4) of six planes:
blue, green, red, meta, mask_miss (0 where the loss must not count), mask_all. The meta plane's
rows hold ASCII, bytes and little-endian float32:

    0  data set's name                     5-7  joints of the main person: x, y, visibility
    1  height, width                       n rows: the others' centres
    2  validation, others n, person, then  1 row: the others' scales
       float picture, written, total       3 n rows: the others' joints
    3  centre                              Visibility: 0 occluded, 1 visible, 2 not labelled.
    4  scale: box height / 368             Joints are COCO's, their first pixel is 1 (MATLAB).

A picture has one record for each of its main people, each with all people: one is read. Pixels
were decoded when the LMDB was made, so they are kept as PNG.
"""

import dataclasses
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import lmdb
import numpy as np

from estimator import protobuf, skeletons
from estimator.arrays import Float, UInt8
from estimator.skeleton import Skeleton

from ..data.picture_files import BadPicture, Pictures, Place
from ..data.pose_builder import PoseBuilder
from ..data.pose_set import PoseSet
from ..data.records import Sample, area_of, box_of

ORIGIN = 1.0  # MATLAB's first pixel
BOX_HEIGHT = 368.0  # scale 1
CHANNELS = 6
META, MASK_MISS = 3, 4
JOINTS = 17
NARROWEST = 4 * JOINTS  # bytes of a row of joints; narrower pictures cut it off


class Builder(PoseBuilder):
    """CMU's COCO LMDB; COCO's 17 keypoints."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    data.mdb, from https://github.com/ZheC/Realtime_Multi-Person_Pose_Estimation
    (training/get_lmdb.sh, 189 GB)
    """

    @property
    def skeleton(self) -> Skeleton:
        return skeletons.get("coco17")

    def sets(self, source: Path) -> dict[str, PoseSet]:
        if not (source / "data.mdb").is_file():
            raise self.refuse(source)
        pictures = LmdbPictures(source)
        splits: dict[str, list[Sample]] = {"train": [], "val": []}
        seen, unusable = set(), []
        for key, value in pictures.records():
            try:
                sample, validation = _sample(key, parse_datum(key, value))
            except BadPicture as problem:
                unusable.append(str(problem))
                continue
            if sample.image_id not in seen:
                seen.add(sample.image_id)
                splits["val" if validation else "train"].append(sample)
        return {
            split: LmdbSet(samples=samples, pictures=pictures, unusable=unusable)
            for split, samples in splits.items()
            if samples or split == "train"
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class LmdbSet(PoseSet):
    """A split whose pictures and masks lie in the LMDB; a sample's picture is its key."""

    pictures: "LmdbPictures"

    def mask(self, sample: Sample, height: int, width: int) -> UInt8:
        counted = self.pictures.datum(sample.picture).plane(MASK_MISS)
        return np.where(counted > 127, 0, 255).astype(np.uint8)

    def part(self, samples: Any) -> "LmdbSet":
        return dataclasses.replace(self, samples=samples)


class LmdbPictures(Pictures):
    """The pictures in a LMDB, by key."""

    def __init__(self, folder: Path) -> None:
        """Opens it.

        Raises:
          ValueError: it is no LMDB, or was cut short.
        """
        super().__init__(())
        self.containers = (folder,)
        self._open()

    def __len__(self) -> int:
        return int(self._environment.stat()["entries"])

    def find(self, name: str) -> Place | None:
        with self._environment.begin(buffers=True) as transaction:
            value = transaction.get(name.encode())
        return None if value is None else Place(self.containers[0], name, str(len(value)))

    def names(self) -> Iterator[str]:
        return (key for key, _ in self.records())

    def read(self, name: str) -> bytes:
        datum = self.datum(name)
        picture = np.stack([datum.plane(channel) for channel in range(3)], axis=2)
        return bytes(cv2.imencode(".png", picture)[1])

    def datum(self, name: str) -> "Datum":
        """The record of a key.

        Raises:
          BadPicture: it is missing or malformed.
        """
        with self._environment.begin() as transaction:
            value = transaction.get(name.encode())
        if value is None:
            raise BadPicture(f"{name} is missing in {self.containers[0]}")
        return parse_datum(name, memoryview(value))

    def records(self) -> Iterator[tuple[str, memoryview]]:
        """All records by key; only the parts that are looked at are read from disk."""
        with self._environment.begin(buffers=True) as transaction:
            for key, value in transaction.cursor():
                yield bytes(key).decode(errors="replace"), value

    def _open(self) -> None:
        folder = self.containers[0]
        file = folder / "data.mdb"
        advice = "it is no LMDB, or was cut short; fetch it again"
        try:
            self._environment = lmdb.open(str(folder), readonly=True, lock=False, readahead=False)
        except lmdb.Error as error:
            raise ValueError(f"{file} cannot be opened ({error}): {advice}") from error
        needed = (self._environment.info()["last_pgno"] + 1) * self._environment.stat()["psize"]
        if file.stat().st_size < needed:  # to read beyond the end of a mapped file kills Python
            self._environment.close()
            raise ValueError(f"{file} has {file.stat().st_size} of {needed} bytes: {advice}")

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in vars(self).items() if key != "_environment"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()


@dataclass(frozen=True, kw_only=True, eq=False)
class Datum:
    """A Caffe Datum: planes of bytes, one after the other."""

    channels: int
    height: int
    width: int
    data: memoryview

    def plane(self, channel: int) -> UInt8:
        """(height, width) of one channel."""
        size = self.height * self.width
        flat = np.frombuffer(self.data[channel * size : (channel + 1) * size], np.uint8)
        return flat.reshape(self.height, self.width)


def parse_datum(key: str, message: memoryview) -> Datum:
    """Reads the fields of a serialised Datum (protobuf.dev, "Encoding").

    Raises:
      BadPicture: it is no Datum, or not one of six planes.
    """
    try:
        fields: dict[int, Any] = dict(protobuf.fields(message))
        datum = Datum(channels=fields[1], height=fields[2], width=fields[3], data=fields[4])
        if datum.channels != CHANNELS or len(datum.data) != CHANNELS * datum.height * datum.width:
            raise ValueError(f"{datum.channels} planes in {len(datum.data)} bytes")
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise BadPicture(
            f"{key} is no Caffe Datum of the {CHANNELS} planes of CMU's COCO LMDB: {error!r}"
        ) from error
    return datum


def _sample(key: str, datum: Datum) -> tuple[Sample, bool]:
    """A record's labels, and whether it is for validation."""
    if datum.width < NARROWEST:
        raise BadPicture(f"{key} is {datum.width} pixels wide: its joints do not fit in a row")
    rows = datum.plane(META)
    others = int(rows[2, 1])
    needed = 9 + 4 * others if others else 8
    if datum.height < needed:
        raise BadPicture(f"{key} is {datum.height} pixels high: its meta rows need {needed}")
    name = rows[0].tobytes().split(b"\0", 1)[0].decode("ascii", errors="replace")
    validation = bool(rows[2, 0])
    (picture,) = struct.unpack_from("<f", rows[2].tobytes(), 3)
    centres = np.array([_floats(rows[3], 2), *(_floats(rows[8 + i], 2) for i in range(others))])
    first = 9 + others  # row of the others' joints
    scales = np.concatenate([_floats(rows[4], 1), _floats(rows[first - 1 : first].ravel(), others)])
    starts = [5, *(first + 3 * index for index in range(others))]
    keypoints = np.stack([_keypoints(rows[start : start + 3]) for start in starts])  # (P, 17, 3)
    labelled = (keypoints[..., 2] > 0).any(axis=1)
    boxes = _boxes(keypoints, (centres - ORIGIN).astype(np.float32), scales)[labelled]
    sample = Sample(
        picture=key,
        image_id=f"{name}_{int(picture)}",
        height=None,
        width=None,
        keypoints=keypoints[labelled],
        boxes=boxes,
        areas=area_of(boxes),
    )
    return sample, validation


def _floats(row: UInt8, count: int) -> Float:
    return np.frombuffer(row[: 4 * count].tobytes(), "<f4").astype(np.float32)


def _keypoints(rows: UInt8) -> Float:
    """(17, 3) in our convention from rows of x, y and visibility."""
    x, y, flag = (_floats(row, JOINTS) for row in rows)
    visibility = np.select([flag == 0, flag == 1], [1, 2], default=0)
    keypoints = np.stack([x - ORIGIN, y - ORIGIN, visibility], axis=1)
    keypoints[visibility == 0] = 0
    return keypoints.astype(np.float32)


def _boxes(keypoints: Float, centres: Float, scales: Float) -> Float:
    """(P, 4): centre and height as given; as wide as the joints need, for no width is given."""
    height = scales * BOX_HEIGHT
    hull = box_of(keypoints)
    reach = np.maximum(centres[:, 0] - hull[:, 0], hull[:, 0] + hull[:, 2] - centres[:, 0])
    boxes = np.stack([centres[:, 0] - reach, centres[:, 1] - height / 2, 2 * reach, height], 1)
    return boxes.astype(np.float32)
