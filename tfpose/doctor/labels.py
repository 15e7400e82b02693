"""Faults that labels alone show, person by person."""

from collections.abc import Iterator, Mapping

import numpy as np

from estimator.arrays import Float
from estimator.skeleton import Skeleton

from ..data.pose_set import PoseSet
from ..data.records import Sample
from .findings import Finding

BOX_MARGIN = 0.1  # of the box's longer side; labels are not that exact
SAME_PERSON = 0.02  # mean distance of the keypoints, as a share of the person's size
SHARED = 3  # least number of shared keypoints for comparing two people


def examine(skeleton: Skeleton, sets: Mapping[str, PoseSet]) -> Iterator[Finding]:
    """Finds faults of single people and pictures."""
    for split, part in sets.items():
        yield from (
            Finding(kind="unusable_label", split=split, detail=line) for line in part.unusable
        )
        for sample in part.samples:
            for finding in _of_picture(skeleton, sample):
                yield Finding(**{**vars(finding), "split": split, "picture": sample.picture})


def _of_picture(skeleton: Skeleton, sample: Sample) -> Iterator[Finding]:
    if sample.ignored:
        yield Finding(kind="region_to_ignore", detail=f"{len(sample.ignored)} regions")
    if not len(sample.keypoints) and not sample.ignored:
        yield Finding(kind="picture_without_people")
    for person in range(len(sample.keypoints)):
        for finding in _of_person(skeleton, sample, person):
            yield Finding(**{**vars(finding), "person": person})
    yield from _twins(sample)


def _of_person(skeleton: Skeleton, sample: Sample, person: int) -> Iterator[Finding]:
    keypoints, box = sample.keypoints[person], sample.boxes[person]
    flags = sorted(set(keypoints[:, 2].tolist()) - {0.0, 1.0, 2.0})
    if flags:
        yield Finding(kind="bad_visibility", detail=f"{flags}")
    numbers = np.concatenate([keypoints.ravel(), box, sample.areas[person : person + 1]])
    if not np.isfinite(numbers).all():
        yield Finding(kind="bad_number", detail="keypoints, box or area")
        return
    if (box[2:] <= 0).any():
        yield Finding(kind="empty_box", detail=f"{box[2]:g} x {box[3]:g} pixels")
    elif (margin := BOX_MARGIN * float(box[2:].max())) > 0:
        edges = np.concatenate([box[:2] - margin, box[:2] + box[2:] + margin])
        yield from _outside("outside_box", skeleton, keypoints, edges)
    if sample.height and sample.width:
        edges = np.array([-0.5, -0.5, sample.width - 0.5, sample.height - 0.5])
        yield from _outside("outside_picture", skeleton, keypoints, edges)
    yield from _stacked(skeleton, keypoints)


def _outside(kind: str, skeleton: Skeleton, keypoints: Float, edges: Float) -> Iterator[Finding]:
    """Keypoints beyond edges (left, top, right, bottom)."""
    beyond = np.maximum(edges[:2] - keypoints[:, :2], keypoints[:, :2] - edges[2:]).max(axis=1)
    beyond[keypoints[:, 2] <= 0] = -np.inf
    if (beyond > 0).any():
        names = [skeleton.keypoints[index] for index in np.flatnonzero(beyond > 0)]
        worst = float(beyond.max())
        detail = f"{', '.join(names)}, by up to {worst:.1f} pixels"
        yield Finding(kind=kind, detail=detail, weight=worst)


def _stacked(skeleton: Skeleton, keypoints: Float) -> Iterator[Finding]:
    labelled = np.flatnonzero(keypoints[:, 2] > 0)
    _, first, count = np.unique(
        keypoints[labelled, :2], axis=0, return_index=True, return_counts=True
    )
    if (count > 1).any():
        spot = keypoints[labelled[first[count.argmax()]], :2]
        names = [
            skeleton.keypoints[index] for index in labelled if (keypoints[index, :2] == spot).all()
        ]
        yield Finding(kind="stacked_keypoints", detail=", ".join(names), weight=float(count.max()))


def _twins(sample: Sample) -> Iterator[Finding]:
    """Pairs of people whose shared keypoints lie on the same spots."""
    for one in range(len(sample.keypoints)):
        for other in range(one):
            both = (sample.keypoints[[one, other], :, 2] > 0).all(axis=0)
            if both.sum() < SHARED:
                continue
            apart = sample.keypoints[one, both, :2] - sample.keypoints[other, both, :2]
            size = np.sqrt(max(float(sample.areas[[one, other]].max()), 1.0))
            distance = float(np.linalg.norm(apart, axis=1).mean()) / size
            if distance < SAME_PERSON:
                detail = f"as person {other}, {distance:.1%} of their size apart"
                yield Finding(
                    kind="same_person_twice", person=one, detail=detail, weight=1 - distance
                )
