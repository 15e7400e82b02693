"""A teacher's labels for pictures that nobody labelled: COCO annotations with regions to ignore.

A person whom the teacher is sure of becomes an annotation; one who is seen, but not well, becomes a
region where a student's loss must not count, and so does a keypoint of a labelled person that is
seen but not well: teaching "nothing is here" there would be teaching a guess. All regions of a
picture are one `iscrowd` annotation with an uncompressed run-length encoding, as COCO's crowds are.

A run over many pictures may be killed at any moment and goes on where it was: every picture is one
line of FILE.partial, and FILE appears whole when all are done.
"""

import dataclasses
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from absl import logging
from tqdm import tqdm

from estimator import pictures, skeletons
from estimator.arrays import UInt8
from estimator.averaging import Averaging
from estimator.person_boxes import AREA_OF_BOX, around
from estimator.poses import Poses
from estimator.skeleton import Skeleton, mapping

from . import label_file
from .coco_json import BOX_SHIFT, KEYPOINT_SHIFT
from .networks import Network
from .picture_files import BadPicture, Pictures
from .prediction import Request, predict
from .truth import PERSON

VISIBLE = 2  # COCO's visibility


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """When the teacher is believed. All scores are the estimator's, 0..1.

    Attributes:
      person: a person's score from which they are labelled.
      keypoint: a keypoint's score from which it is labelled. A lower one is 0, "not labelled", and
        the place around it is ignored.
      keypoints: a labelled person has at least so many labelled keypoints.
      seen: a person's score from which what is not labelled is ignored; below it the teacher is
        taken to be wrong, and the place counts as empty. 0 ignores whatever the decoder found.
      margin: how far ignored regions reach beyond the keypoints, as a share of the person's size
        (the root of the area of their box).
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
      thresholds: when it is believed.
      averaging: what it looks at; by default the mirrored picture too.
      skeleton: of the labels.
      batch: pictures at a time; None leaves it to the network.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    averaging: Averaging = field(default_factory=lambda: Averaging(flip=True))
    skeleton: Skeleton = field(default_factory=lambda: skeletons.get("coco17"))
    batch: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the pictures.

    Attributes:
      pictures: labelled, those without people too.
      people: annotations.
      ignored: pictures with a region to ignore.
      unread: one line for each picture that could not be read; they are not in the file.
      resumed: pictures that an earlier run had done.
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
      network: the teacher; bottom-up, since nobody says where people are.
      images: what to label. Files that are no pictures by their suffix are left alone.
      path: of the .json to write; PATH.partial beside it is the work so far.
      settings: the defaults if not given.
      progress: show a bar.

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
        for row in _labelled(network, images, todo, settings, progress):
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
        raise ValueError(f"a teacher must find people by itself; {network.name} needs boxes")
    if not mapping(network.spec.skeleton, skeleton).any():
        raise ValueError(
            f"{network.name} has skeleton {network.spec.skeleton.name!r}, which shares no keypoint "
            f"with {skeleton.name!r}"
        )


def _is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in pictures.SUFFIXES


def _labelled(
    network: Network, images: Pictures, names: list[str], settings: Settings, progress: bool
) -> Iterator[dict[str, Any]]:
    """A row for every picture, in any order."""
    unread: list[dict[str, Any]] = []

    def requests() -> Iterator[Request]:
        for name in tqdm(names, unit="picture", disable=not progress, smoothing=0.05):
            try:
                picture = pictures.read(images.read(name))
            except (BadPicture, ValueError) as error:
                logging.warning("left out %s: %s", name, error)
                unread.append({"file_name": name, "unread": f"{name}: {error}"})
                continue
            yield Request(key=(name, *picture.shape[:2]), picture=picture)

    for (name, height, width), poses in predict(
        network, requests(), averaging=settings.averaging, batch=settings.batch
    ):
        yield from unread
        unread.clear()
        yield {
            "file_name": name,
            "height": height,
            "width": width,
            **of_picture(poses, height, width, settings),
        }
    yield from unread


def of_picture(poses: Poses, height: int, width: int, settings: Settings) -> dict[str, Any]:
    """The labels of one picture.

    Args:
      poses: whom the teacher found, in pixels of the picture.
      height, width: of the picture.
      settings: when it is believed.

    Returns:
      `people`, a list of COCO annotations without ids, and, where something is to be ignored,
      `ignored`, the run-length encoding of it.
    """
    limits = settings.thresholds
    sure = _sure(poses.to_skeleton(settings.skeleton), height, width, limits)
    good = (poses.person_score >= limits.person) & (sure.found.sum(axis=1) >= limits.keypoints)
    mask = np.zeros((height, width), np.uint8)
    people = []
    for index in range(len(poses)):
        if good[index]:
            people.append(_annotation(sure.select(np.array([index])), height, width))
            _ignore_doubtful(mask, poses, index, limits)
        elif poses.person_score[index] >= limits.seen:
            _ignore_person(mask, poses, index, limits)
    return {"people": people} | ({"ignored": run_lengths(mask)} if mask.any() else {})


def _sure(poses: Poses, height: int, width: int, limits: Thresholds) -> Poses:
    """The same people with the keypoints alone that are believed and lie in the picture."""
    inside = ((poses.xy >= 0) & (poses.xy <= (width - 1, height - 1))).all(axis=2)
    keep = inside & (poses.score >= limits.keypoint)
    return dataclasses.replace(
        poses,
        xy=np.where(keep[..., np.newaxis], poses.xy, np.float32(np.nan)),
        score=np.where(keep, poses.score, np.float32(0)),
    )


def _annotation(person: Poses, height: int, width: int) -> dict[str, Any]:
    """One person with at least one keypoint."""
    (look,) = around(person)
    left, top = (max(0.0, look.box[axis] - BOX_SHIFT) for axis in (0, 1))
    right = min(float(width), look.box[0] - BOX_SHIFT + look.box[2])
    bottom = min(float(height), look.box[1] - BOX_SHIFT + look.box[3])
    box = [left, top, right - left, bottom - top]
    keypoints: list[float] = []
    for (x, y), found in zip(person.xy[0] - KEYPOINT_SHIFT, person.found[0], strict=True):
        keypoints += [round(float(x), 2), round(float(y), 2), VISIBLE] if found else [0, 0, 0]
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
    """Pixels by which a region goes beyond the keypoints; at least 1."""
    width, height = poses.boxes[index, 2:] + 1
    return max(1, round(limits.margin * float(np.sqrt(width * height))))


def _ignore_doubtful(mask: UInt8, poses: Poses, index: int, limits: Thresholds) -> None:
    doubtful = poses.found[index] & (poses.score[index] < limits.keypoint)
    for x, y in poses.xy[index][doubtful]:
        cv2.circle(mask, (round(float(x)), round(float(y))), _reach(poses, index, limits), 1, -1)


def _ignore_person(mask: UInt8, poses: Poses, index: int, limits: Thresholds) -> None:
    """The hull of the keypoints, made wider."""
    points = np.round(poses.xy[index][poses.found[index]]).astype(np.int32)
    if len(points):
        hull = cv2.convexHull(points)
        thickness = 2 * _reach(poses, index, limits) + 1
        cv2.fillPoly(mask, [hull], 1)
        cv2.polylines(mask, [hull], True, 1, thickness)


def run_lengths(mask: UInt8) -> dict[str, Any]:
    """COCO's uncompressed run-length encoding: lengths of 0s and 1s in turn, column by column."""
    flat = np.concatenate([[0], (mask > 0).ravel(order="F").astype(np.int8), [0]])
    changes = np.flatnonzero(np.diff(flat))
    ends = np.concatenate([[0], changes, [mask.size]])
    counts = np.diff(ends).tolist()
    if changes.size and changes[-1] == mask.size:  # it ends with a 1
        counts.pop()
    return {"size": list(mask.shape), "counts": counts}


def _header(network: Network, settings: Settings) -> dict[str, Any]:
    """What must be the same for a run to go on, as JSON gives it back."""
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
