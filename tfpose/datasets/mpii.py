"""MPII Human Pose (Andriluka et al. 2014, CVPR): HRNet's json files, or the original .mat.

Coordinates are MATLAB's, the first pixel is 1. A person's place is a centre and a scale in units
of 200 pixels; the box here is what HRNet and the seeds cut out before padding by 1.25: a square
of 200 x scale, its centre 15 x scale lower (HRNet, `lib/dataset/mpii.py`).
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from absl import logging

from estimator import files, skeletons
from estimator.arrays import Float
from estimator.skeleton import Skeleton

from ..data.ignore_regions import Region, rectangle
from ..data.picture_files import Pictures, unpacked_or_zip
from ..data.pose_builder import PoseBuilder
from ..data.pose_set import PoseSet
from ..data.records import Sample, area_of

ORIGIN = 1.0  # MATLAB's first pixel
SCALE = 200.0  # pixels
LOWER = 15.0  # pixels a unit of scale
JOINTS = 16
SPLITS = {"train": "train.json", "val": "valid.json"}
MAT = "mpii_human_pose_v1_u12_1.mat"


class Builder(PoseBuilder):
    """MPII Human Pose; 16 joints.

    With HRNet's json files it has `train` and `val` and knows the labelled people only; with the
    .mat it has `train`, and people without joints are regions to ignore.
    """

    MANUAL_DOWNLOAD_INSTRUCTIONS = f"""
    images/ or images.zip, and annot/train.json and annot/valid.json of HRNet, or else {MAT}, from
    http://human-pose.mpi-inf.mpg.de (the json files from HRNet's page). The json files go first.
    """

    @property
    def skeleton(self) -> Skeleton:
        return skeletons.get("mpii16")

    def sets(self, source: Path) -> dict[str, PoseSet]:
        files = {split: source / "annot" / name for split, name in SPLITS.items()}
        here = {split: path for split, path in files.items() if path.is_file()}
        if not here and not (source / MAT).is_file():
            raise self.refuse(source)
        pictures = Pictures([unpacked_or_zip(source / "images")])
        logging.info("mpii from %s", ", ".join(map(str, here.values())) or source / MAT)
        if not here:
            return {"train": PoseSet(samples=mat_samples(source / MAT), pictures=pictures)}
        return {
            split: PoseSet(samples=json_samples(path), pictures=pictures)
            for split, path in here.items()
        }


def json_samples(path: Path) -> list[Sample]:
    """The pictures of one of HRNet's json files, a list of people.

    Raises:
      ValueError: it is no such list; names the file.
    """
    by_picture: dict[str, list[tuple[Float, Float]]] = defaultdict(list)
    try:
        for person in files.read_json(path):
            joints = np.asarray(person["joints"], np.float32).reshape(JOINTS, 2)
            labelled = np.asarray(person["joints_vis"], np.float32).reshape(JOINTS) > 0
            keypoints = _keypoints(joints, np.where(labelled, 2, 0))
            by_picture[person["image"]].append((keypoints, _box(person["center"], person["scale"])))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is none of HRNet's MPII files, a list of people with image, center, scale, "
            f"joints and joints_vis of {JOINTS} joints: {error!r}"
        ) from error
    return [_sample(name, people, ()) for name, people in by_picture.items()]


def mat_samples(path: Path) -> list[Sample]:
    """The training pictures of the original .mat that have anybody in them.

    Raises:
      ValueError: it is not that file.
    """
    try:
        release = scipy.io.loadmat(path, struct_as_record=False, squeeze_me=True)["RELEASE"]
        entries = zip(_list(release.annolist), _list(release.img_train), strict=True)
        training = [entry for entry, train in entries if train]
        samples = [_mat_sample(entry) for entry in training]
    except (KeyError, AttributeError, ValueError, TypeError, NotImplementedError) as error:
        raise ValueError(
            f"{path} is not MPII's annotation file ({error!r}): fetch {MAT} again"
        ) from error
    return [sample for sample in samples if len(sample.keypoints) or sample.ignored]


def _mat_sample(entry: Any) -> Sample:
    people, ignored = [], []
    for person in _list(entry.annorect):
        points = _list(getattr(getattr(person, "annopoints", None), "point", None))
        if points:
            joints, visibility = np.zeros((JOINTS, 2), np.float32), np.zeros(JOINTS, np.float32)
            for point in points:
                joints[int(point.id)] = point.x, point.y
                visibility[int(point.id)] = _visibility(getattr(point, "is_visible", None))
            people.append((_keypoints(joints, visibility), _place(person)))
        else:
            left, top, width, height = (float(edge) for edge in _place(person))
            ignored.append(rectangle(left + 0.5, top + 0.5, width, height))
    return _sample(str(entry.image.name), people, tuple(ignored))


def _visibility(flag: Any) -> int:
    """1 where the file says occluded; head and neck, which say nothing, are visible."""
    return 1 if str(np.asarray(flag).ravel()[:1]) in ("[0]", "['0']") else 2


def _place(person: Any) -> Float:
    """(4,) box from scale and centre; from the head's corner pixels where those are missing."""
    centre: Any = getattr(person, "objpos", None)
    if hasattr(centre, "x") and np.size(getattr(person, "scale", ())):
        return _box((centre.x, centre.y), person.scale)
    left, top = float(person.x1) - ORIGIN - 0.5, float(person.y1) - ORIGIN - 0.5
    return np.array([left, top, person.x2 - person.x1 + 1, person.y2 - person.y1 + 1], np.float32)


def _box(centre: Any, scale: Any) -> Float:
    side, low = SCALE * float(scale), LOWER * float(scale)
    x, y = float(centre[0]) - ORIGIN, float(centre[1]) - ORIGIN + low
    return np.array([x - side / 2, y - side / 2, side, side], np.float32)


def _keypoints(joints: Float, visibility: Any) -> Float:
    keypoints = np.concatenate([joints - ORIGIN, visibility[:, np.newaxis]], axis=1)
    keypoints[visibility == 0] = 0
    return keypoints.astype(np.float32)


def _sample(name: str, people: list[tuple[Float, Float]], ignored: tuple[Region, ...]) -> Sample:
    boxes = np.array([box for _, box in people], np.float32).reshape(-1, 4)
    return Sample(
        picture=name,
        image_id=Path(name).stem,
        height=None,
        width=None,
        keypoints=np.array([k for k, _ in people], np.float32).reshape(-1, JOINTS, 3),
        boxes=boxes,
        areas=area_of(boxes),
        ignored=ignored,
    )


def _list(value: Any) -> list[Any]:
    """What MATLAB saved as a struct array: none, one or many."""
    return [] if value is None else list(np.atleast_1d(np.asarray(value, object)))
