"""Keypoints onto a skeleton by name: which one a file was labelled with, and in what order."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from estimator.skeleton import Skeleton

from .choice import plain, suggestion
from .labels import Annotations


def skeleton_of(found: Annotations, known: Iterable[Skeleton]) -> Skeleton:
    """The skeleton whose keypoints a file names: in the same order, else in another.

    Raises:
      ValueError: the file names none, or those of no known skeleton; has the fix.
    """
    candidates = list(known)
    names = [plain(name) for name in found.keypoints]
    for skeleton in candidates:
        if names == [plain(name) for name in skeleton.keypoints]:
            return skeleton
    for skeleton in candidates:
        if sorted(names) == sorted(plain(name) for name in skeleton.keypoints):
            return skeleton
    listed = ", ".join(dict.fromkeys(skeleton.name for skeleton in candidates))
    if not names and not any(len(person.keypoints) for _, person in found.everybody()):
        raise ValueError(
            f"{found.path} has no keypoints: no category names any, and no annotation has any. It "
            "may be a file for detection, of boxes alone; export it as COCO keypoints"
        )
    if not names:
        raise ValueError(
            f"{found.path} does not name its keypoints: give the skeleton that it was labelled "
            f"with as --skeleton ({listed}, or a .json), or their names as --keypoint_names"
        )
    raise ValueError(
        f"{found.path} has keypoints of its own ({', '.join(found.keypoints)}), which none of the "
        f"skeletons {listed} has. {_advice(found, candidates)}"
    )


def fit(found: Annotations, skeleton: Skeleton) -> Annotations:
    """The same annotations with the keypoints of a skeleton, in its order.

    Keypoints are taken by name, case and blanks aside; those that the skeleton lacks are left out.
    A file without names must have as many keypoints, in the skeleton's order.

    Raises:
      ValueError: a keypoint of the skeleton is missing, or the number differs; names both and the
        fix.
    """
    if not found.keypoints:
        _check_nameless(found, skeleton)
        return found
    place = {plain(name): index for index, name in enumerate(found.keypoints)}
    wanted = [plain(name) for name in skeleton.keypoints]
    missing = [name for name in wanted if name not in place]
    if missing and not (found.partial and len(missing) < len(wanted)):
        raise ValueError(
            f"{found.path} has {len(found.keypoints)} keypoints ({', '.join(found.keypoints)}), "
            f"but skeleton {skeleton.name!r} has {len(wanted)}, of which {', '.join(missing)} "
            f"cannot be found by name. {_advice(found, [skeleton])}"
        )
    order = [place.get(name, len(place)) for name in wanted]  # the last is one of zeros
    if order == list(range(len(found.keypoints))):
        return found
    changed = {f"keypoints: taken by name in the order of {skeleton.name!r}": found.count()}
    if found.partial:
        changed = {f"keypoints: labelled by nobody: {', '.join(missing)}": 1} if missing else {}
    if left := [name for name in found.keypoints if plain(name) not in wanted]:
        changed[f"keypoints: left out, as {skeleton.name!r} lacks them: {', '.join(left)}"] = 1
    return dataclasses.replace(
        found,
        keypoints=skeleton.keypoints,
        changed=dict(found.changed) | changed,
        people={
            image_id: [
                dataclasses.replace(
                    person, keypoints=np.pad(person.keypoints, ((0, 1), (0, 0)))[order]
                )
                for person in group
            ]
            for image_id, group in found.people.items()
        },
    )


def _check_nameless(found: Annotations, skeleton: Skeleton) -> None:
    """Refuses keypoints without names that cannot be the skeleton's."""
    counts = {len(person.keypoints) for _, person in found.everybody()}
    if counts - {len(skeleton.keypoints)}:
        raise ValueError(
            f"{found.path} has {max(counts)} keypoints a person and no names, skeleton "
            f"{skeleton.name!r} has {len(skeleton.keypoints)}: give another --skeleton"
        )
    if found.flip and found.flip != skeleton.flip_order:
        raise ValueError(
            f"{found.path} has no names, and its flip_idx {list(found.flip)} is not that of "
            f"skeleton {skeleton.name!r} ({list(skeleton.flip_order)}): its keypoints are in "
            "another order. Give their names as --keypoint_names"
        )


def _advice(found: Annotations, candidates: list[Skeleton]) -> str:
    for skeleton in candidates:
        if alike := suggestion(found.keypoints, skeleton.keypoints):
            return f"Is it {skeleton.name}? --skeleton={skeleton.name} --keypoint_names={alike}"
    return (
        "Give the skeleton that it was labelled with as --skeleton (docs/your_own_data.md shows a "
        "file), or map its names with --keypoint_names=THEIRS=OURS,..."
    )
