"""Faults that an annotation file as a whole shows: retyped values, and what is suspicious."""

from collections.abc import Iterator, Mapping

from estimator.skeleton import Skeleton

from ..data.annotations import suspicions
from ..data.pose_set import PoseSet
from .findings import Finding


def examine(skeleton: Skeleton, sets: Mapping[str, PoseSet]) -> Iterator[Finding]:
    """Finds what reading the files put right, left undecided, and finds suspicious."""
    for split, part in sets.items():
        if part.annotations is None:
            continue
        for what, count in part.annotations.changed.items():
            kind = "turned_picture" if what.startswith("EXIF") else "retyped_value"
            yield Finding(kind=kind, split=split, detail=f"{what} ({count} x)")
        for reason in part.annotations.undecided.values():
            yield Finding(kind="undecided_picture", split=split, detail=reason)
        for one in suspicions.find(part.annotations, skeleton):
            yield Finding(
                kind=one.kind,
                split=split,
                picture=one.picture,
                person=one.person,
                detail=one.detail,
            )
