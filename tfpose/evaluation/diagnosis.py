"""Where a network errs: who is missed, which sides are mixed up, and how far off places are.

The kinds of error are those of Ruggero Ronchi & Perona 2017 (arXiv:1707.05388): a miss; an
inversion, where a keypoint lies at the other side's label; a displacement common to all keypoints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from estimator.arrays import Float, Int
from estimator.people import oks
from estimator.skeleton import Skeleton

from ..data.annotations import Person
from .evaluate import Report

FOUND = 0.5  # OKS from which an answer has found a person
NEAR = 0.15  # of the root of a person's area: a keypoint's label is meant, or the other side's
GROUPS = ((1, 5), (6, 10), (11, None))  # first and last number of labelled keypoints


@dataclass(frozen=True, kw_only=True)
class Group:
    """People with so many labelled keypoints.

    Attributes:
      first, last: number of labelled keypoints; None for no bound.
      people: how many.
      found: those to whom an answer has an OKS of 0.5 or more.
    """

    first: int
    last: int | None
    people: int
    found: int


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What kinds of error a report has; answers of every score count.

    Attributes:
      groups: of people, by their number of labelled keypoints.
      paired: keypoints of which the label of the other side is known, too, and that lie near one of
        the two.
      inverted: those that lie nearer to the other side's.
      displacement: medians of x and y of answer minus label, in pixels of the picture; over the
        keypoints near their label. None where there are none.
      keypoints: how many those are.
    """

    groups: tuple[Group, ...]
    paired: int
    inverted: int
    displacement: tuple[float, float] | None
    keypoints: int


def diagnose(report: Report) -> Diagnosis:
    """Matches each person to one answer, the most alike first, and each answer to one person.

    An answer with its sides exchanged is alike, too, so that inversions are seen.
    """
    skeleton = report.truth.skeleton
    answers: dict[Any, list[Float]] = {}
    for result in report.results:
        keypoints = np.reshape(result["keypoints"], (-1, 3)).astype(np.float32)
        answers.setdefault(result["image_id"], []).append(keypoints)
    labelled, found = [], []
    sides, moved = [np.zeros(0, np.bool_)], [np.zeros((0, 2), np.float32)]
    for image_id in report.image_ids:
        people = report.truth.people(image_id)
        alike, exchanged = _similarity(people, answers.get(image_id, []), skeleton)
        labelled += [int((person.keypoints[:, 2] > 0).sum()) for person in people]
        met = dict(oks.pairs(np.maximum(alike, exchanged), least=FOUND))
        found += [
            index in met and bool(alike[index, met[index]] >= FOUND) for index in range(len(people))
        ]
        for index, answer in met.items():
            keypoints = answers[image_id][answer]
            sides.append(_inverted(people[index], keypoints, skeleton))
            moved.append(_moved(people[index], keypoints))
    inverted, moves = np.concatenate(sides), np.concatenate(moved)
    x, y = np.median(moves, axis=0) if len(moves) else (0.0, 0.0)
    return Diagnosis(
        groups=tuple(_group(np.array(labelled), np.array(found), *ends) for ends in GROUPS),
        paired=len(inverted),
        inverted=int(inverted.sum()),
        displacement=(float(x), float(y)) if len(moves) else None,
        keypoints=len(moves),
    )


def _similarity(
    people: Sequence[Person], answers: Sequence[Float], skeleton: Skeleton
) -> tuple[Float, Float]:
    """OKS (N, M) of people and answers, and of the answers with their sides exchanged."""
    if not people or not answers:
        return (np.zeros((len(people), len(answers)), np.float32),) * 2
    labels, found = np.stack([person.keypoints for person in people]), np.stack(answers)
    visible = labels[:, np.newaxis, :, 2] > 0
    area = np.array([[person.area] for person in people])
    same, exchanged = (
        oks.oks(labels[..., :2], visible, places, area=area, sigmas=skeleton.sigmas)
        for places in (found[..., :2], found[:, list(skeleton.flip_order), :2])
    )
    return same, exchanged


def _distance(person: Person, places: Float) -> Float:
    """(K,) from each label to a place, over `NEAR` of the person's size; inf where no label is."""
    apart = np.linalg.norm(person.keypoints[:, :2] - places, axis=1)
    near = NEAR * np.sqrt(max(person.area, 1.0))
    return np.where(person.keypoints[:, 2] > 0, apart / near, np.inf).astype(np.float32)


def _inverted(
    person: Person, answer: Float, skeleton: Skeleton
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each of the keypoints with two sides lies at the other side's label."""
    other = list(skeleton.flip_order)
    own = _distance(person, answer[:, :2])
    across = _distance(person, answer[other, :2])[other]  # label of the other side to this place
    counts = (np.array(other) != np.arange(len(other))) & (answer[:, 2] > 0)
    counts &= np.isfinite(own) & np.isfinite(across) & (np.minimum(own, across) <= 1)
    return np.asarray((across < own)[counts], np.bool_)


def _moved(person: Person, answer: Float) -> Float:
    """(N, 2) answer minus label of the keypoints near their label."""
    near = (_distance(person, answer[:, :2]) <= 1) & (answer[:, 2] > 0)
    return (answer[near, :2] - person.keypoints[near, :2]).astype(np.float32)


def _group(labelled: Int, found: Int, first: int, last: int | None) -> Group:
    inside = (labelled >= first) & (labelled <= (last or labelled.max(initial=0)))
    return Group(
        first=first, last=last, people=int(inside.sum()), found=int((inside & found).sum())
    )
