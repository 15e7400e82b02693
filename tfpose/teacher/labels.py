"""A teacher's labels for unlabelled pictures: COCO annotations with regions to ignore.

A person with a high score becomes an annotation. A person or a keypoint with a lower score becomes
a region that the student's loss ignores: whether somebody is there is not known. All regions of a
picture are one `iscrowd` annotation with a run-length encoding, like COCO's crowds.

A run over many pictures may be killed at any moment and is resumed: every picture is one line of
FILE.partial, and FILE appears whole when all are done.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from absl import logging
from pycocotools import mask as coco_mask
from tqdm import tqdm

from estimator import pictures, skeletons
from estimator.arrays import UInt8
from estimator.inputs.averaging import Averaging
from estimator.people.boxes import AREA_OF_BOX, around
from estimator.poses import Poses
from estimator.skeleton import Skeleton, mapping

from ..data.annotations import BOX_SHIFT, KEYPOINT_SHIFT
from ..data.picture_files import BadPicture, Pictures
from ..evaluation.annotations import PERSON
from ..evaluation.network import Network
from ..evaluation.prediction import Request, predict
from . import label_file

VISIBLE = 2  # COCO's visibility


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Scores that make labels. All are the estimator's, 0..1.

    Attributes:
      person: least score of a labelled person.
      keypoint: least score of a labelled keypoint. One with a lower score has visibility 0, "not
        labelled", and the region around it is ignored.
      keypoints: least number of labelled keypoints of a labelled person.
      seen: least score of a person who is not labelled, but whose region is ignored; below it the
        region counts as empty. 0 ignores everybody whom the decoder found.
      margin: of ignored regions around the keypoints, as a share of the person's size (the root of
        the area of their box).
    """

    person: float = 0.4
    keypoint: float = 0.3
    keypoints: int = 5
    seen: float = 0.1
    margin: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.seen <= self.person <= 1 or not 0 <= self.keypoint <= 1:
            raise ValueError(
                "thresholds must be in 0..1 and seen at most person, found "
                f"seen {self.seen}, person {self.person}, keypoint {self.keypoint}"
            )
        if self.keypoints < 1 or self.margin < 0:
            raise ValueError(
                "keypoints must be at least 1 and margin at least 0, found "
                f"{self.keypoints} and {self.margin}"
            )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a teacher labels.

    Attributes:
      thresholds: scores that make labels.
      averaging: flips and scales to average; by default the mirrored picture too.
      skeleton: of the labels.
      batch: pictures per batch; None leaves it to the network.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    averaging: Averaging = field(default_factory=lambda: Averaging(flip=True))
    skeleton: Skeleton = field(default_factory=lambda: skeletons.get("coco17"))
    batch: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Counts of a labelling run.

    Attributes:
      pictures: in the file, those without people included.
      people: annotations.
      ignored: pictures with a region to ignore.
      unread: one line per picture that could not be read and is not in the file.
      resumed: pictures that an earlier run had labelled.
    """

    pictures: int
    people: int
    ignored: int
    unread: tuple[str, ...]
    resumed: int


def label(
    network: Network,
    images: Pictures,
    path: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    progress: bool = False,
) -> Outcome:
    """Labels every picture of folders and zips.

    Args:
      network: the teacher; bottom-up, since there are no boxes.
      images: the pictures. Files with other suffixes are skipped.
      path: of the .json to write; PATH.partial beside it holds the rows so far.
      settings: None takes the defaults.
      progress: shows a bar.

    Raises:
      ValueError: the network needs boxes or has none of the skeleton's keypoints, there are no
        pictures, or the partial file was begun with other settings.
    """
    settings, path = settings or Settings(), Path(path)
    _check(network, settings.skeleton)
    names = sorted(name for name in images.names() if _is_picture(name))
    if not names:
        raise ValueError(f"no pictures in {', '.join(map(str, images.containers))}")
    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    header = _header(network, settings)
    rows = label_file.resume(partial, header)
    resumed = len(rows)
    todo = [name for name in names if name not in rows]
    with partial.open("a", encoding="utf-8") as file:
        for row in _rows(network, images, todo, settings, progress):
            file.write(json.dumps(row) + "\n")
            file.flush()
            rows[row["file_name"]] = row
    done = [rows[name] for name in names]
    info = {"description": "labelled by a network, not by people", **header}
    label_file.write(path, done, info, settings.skeleton)
    partial.unlink()
    return Outcome(
        pictures=sum("unread" not in row for row in done),
        people=sum(len(row.get("people", ())) for row in done),
        ignored=sum("ignored" in row for row in done),
        unread=tuple(row["unread"] for row in done if "unread" in row),
        resumed=resumed,
    )


def _check(network: Network, skeleton: Skeleton) -> None:
    if network.spec.image.fit != "letterbox":
        raise ValueError(f"a teacher must be bottom-up; {network.name} needs boxes of people")
    if not mapping(network.spec.skeleton, skeleton).any():
        raise ValueError(
            f"{network.name} has skeleton {network.spec.skeleton.name!r}, which shares no keypoint "
            f"with {skeleton.name!r}"
        )


def _is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in pictures.SUFFIXES


class _Readable:
    """The pictures that can be read, as requests.

    Attributes:
      unread: a row for each picture that could not be read so far.
    """

    def __init__(self, images: Pictures, names: Iterable[str]) -> None:
        self._images, self._names = images, names
        self.unread: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[Request]:
        for name in self._names:
            try:
                picture = pictures.read(self._images.read(name))
            except (BadPicture, ValueError) as error:
                logging.warning("skipped %s: %s", name, error)
                self.unread.append({"file_name": name, "unread": f"{name}: {error}"})
            else:
                yield Request(key=(name, *picture.shape[:2]), picture=picture)


def _rows(
    network: Network, images: Pictures, names: list[str], settings: Settings, progress: bool
) -> Iterator[dict[str, Any]]:
    """Yields a row per picture: in completion order, those that could not be read last."""
    bar = tqdm(names, unit="picture", disable=not progress, smoothing=0.05)
    readable = _Readable(images, bar)
    answers = predict(network, readable, averaging=settings.averaging, batch=settings.batch)
    for (name, height, width), poses in answers:
        size = {"file_name": name, "height": height, "width": width}
        yield size | of_picture(poses, height, width, settings)
    yield from readable.unread


def of_picture(poses: Poses, height: int, width: int, settings: Settings) -> dict[str, Any]:
    """The labels of one picture.

    Args:
      poses: the people that the teacher found, in pixels of the picture.
      height, width: of the picture.
      settings: thresholds and skeleton.

    Returns:
      `people`, a list of COCO annotations without ids, and, where there are regions to ignore,
      `ignored`, their run-length encoding.
    """
    limits = settings.thresholds
    sure = _sure(poses.to_skeleton(settings.skeleton), height, width, limits)
    labelled = (poses.person_score >= limits.person) & (sure.found.sum(axis=1) >= limits.keypoints)
    mask = np.zeros((height, width), np.uint8)
    people = []
    for index in range(len(poses)):
        if labelled[index]:
            people.append(_annotation(sure.select(np.array([index])), height, width))
            _ignore_doubtful(mask, poses, index, limits)
        elif poses.person_score[index] >= limits.seen:
            _ignore_person(mask, poses, index, limits)
    return {"people": people} | ({"ignored": run_lengths(mask)} if mask.any() else {})


def _sure(poses: Poses, height: int, width: int, limits: Thresholds) -> Poses:
    """The same people; keypoints with a low score or outside the picture are missing."""
    inside = ((poses.xy >= 0) & (poses.xy <= (width - 1, height - 1))).all(axis=2)
    keep = inside & (poses.score >= limits.keypoint)
    return dataclasses.replace(
        poses,
        xy=np.where(keep[..., np.newaxis], poses.xy, np.float32(np.nan)),
        score=np.where(keep, poses.score, np.float32(0)),
    )


def _annotation(person: Poses, height: int, width: int) -> dict[str, Any]:
    """The COCO annotation of one person with at least one keypoint."""
    (found,) = around(person)
    left, top = (max(0.0, found.box[axis] - BOX_SHIFT) for axis in (0, 1))
    right = min(float(width), found.box[0] - BOX_SHIFT + found.box[2])
    bottom = min(float(height), found.box[1] - BOX_SHIFT + found.box[3])
    box = [left, top, right - left, bottom - top]
    keypoints: list[float] = []
    for (x, y), there in zip(person.xy[0] - KEYPOINT_SHIFT, person.found[0], strict=True):
        keypoints += [round(float(x), 2), round(float(y), 2), VISIBLE] if there else [0, 0, 0]
    return {
        "category_id": PERSON,
        "iscrowd": 0,
        "keypoints": keypoints,
        "num_keypoints": int(person.found.sum()),
        "bbox": [round(value, 2) for value in box],
        "area": round(AREA_OF_BOX * box[2] * box[3], 2),
        "score": round(float(person.person_score[0]), 4),
        "labelled_by": "teacher",
    }


def _reach(poses: Poses, index: int, limits: Thresholds) -> int:
    """Margin of an ignored region around the keypoints, pixels; at least 1."""
    width, height = poses.boxes[index, 2:] + 1
    return max(1, round(limits.margin * float(np.sqrt(width * height))))


def _ignore_doubtful(mask: UInt8, poses: Poses, index: int, limits: Thresholds) -> None:
    doubtful = poses.found[index] & (poses.score[index] < limits.keypoint)
    for x, y in poses.xy[index][doubtful]:
        cv2.circle(mask, (round(float(x)), round(float(y))), _reach(poses, index, limits), 1, -1)


def _ignore_person(mask: UInt8, poses: Poses, index: int, limits: Thresholds) -> None:
    """Draws the hull of the keypoints with a margin."""
    points = np.round(poses.xy[index][poses.found[index]]).astype(np.int32)
    if len(points):
        hull = cv2.convexHull(points)
        thickness = 2 * _reach(poses, index, limits) + 1
        cv2.fillPoly(mask, [hull], 1)
        cv2.polylines(mask, [hull], True, 1, thickness)


def run_lengths(mask: UInt8) -> dict[str, Any]:
    """COCO's run-length encoding of a mask, (H, W), compressed, as JSON holds it."""
    encoding = coco_mask.encode(np.asfortranarray(mask > 0, np.uint8))
    return {"size": list(encoding["size"]), "counts": encoding["counts"].decode()}


def _header(network: Network, settings: Settings) -> dict[str, Any]:
    """The options that must be the same for a run to be resumed, as JSON gives them back."""
    header = {
        "teacher": Path(network.name).name,
        "height": network.spec.image.height,
        "width": network.spec.image.width,
        "thresholds": dataclasses.asdict(settings.thresholds),
        "averaging": dataclasses.asdict(settings.averaging),
        "skeleton": settings.skeleton.name,
    }
    plain: dict[str, Any] = json.loads(json.dumps(header))
    return plain
