"""What can be read but is probably wrong: labels that would be lost, boxes and areas that mislead.

The doctor lists all of it; prepare and evaluate say in a line how often each kind occurs.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from estimator.arrays import Float
from estimator.skeleton import Skeleton

from .labels import Annotations, Box, Image, Person

KINDS = {
    "unflagged_keypoint": "coordinates with the flag 0 count as not labelled: give the flag 1 or 2",
    "normalised_keypoints": "a person within one pixel: shares of the picture instead of pixels?",
    "file_under_two_ids": "one picture listed twice: each copy lacks the other's people",
    "unreached_keypoint": "labelled, but joined by no limb: a bottom-up network never outputs it",
    "keypoints_of_another": "a box that holds another person's keypoints instead of its own",
    "boxes_as_corners": "boxes reach outside the picture, and would fit it as x1, y1, x2, y2",
    "box_outside_picture": "a box that reaches outside the picture",
    "area_unlike_box": "an area that does not fit its box: OKS, and with it AP, depends on it",
}
SLACK = 2.0  # pixels by which a box may leave its picture
SMALL, LARGE = 0.02, 1.05  # least and largest share of the box that an area may have
SAME_AREA = 5  # people of differing boxes and one area, from which it is a placeholder
HELD = 0.9  # share of a person's keypoints in another's box that makes them another's
SHOWN = 120  # characters of a detail in one line


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """One thing that is probably wrong.

    Attributes:
      kind: a key of KINDS.
      picture: which; empty for the whole set.
      person: row among the picture's people who count, or None.
      detail: what was found.
    """

    kind: str
    picture: str = ""
    person: int | None = None
    detail: str = ""


def find(found: Annotations, skeleton: Skeleton) -> Iterator[Suspicion]:
    """Names everything that is suspicious.

    Args:
      found: annotations with the skeleton's keypoints.
      skeleton: of the labels.
    """
    yield from _unreached(found, skeleton)
    yield from _listed_twice(found)
    boxes: list[tuple[Image, int, Person]] = []
    for image_id, group in found.people.items():
        image = found.images[image_id]
        people = [person for person in group if person.counts]
        for row, person in enumerate(people):
            yield from _of_person(image, row, person)
            boxes.append((image, row, person))
        unflagged = sum(person.unflagged for person in group)
        if unflagged:
            detail = f"{unflagged} keypoints"
            yield Suspicion(kind="unflagged_keypoint", picture=image.file_name, detail=detail)
        yield from _of_another(image, people)
    yield from _outside(boxes)
    yield from _placeholders(boxes)


def lines(found: Annotations, skeleton: Skeleton) -> list[str]:
    """One line for each kind that was found, with their number and the first of them."""
    kinds: dict[str, list[Suspicion]] = defaultdict(list)
    for one in find(found, skeleton):
        kinds[one.kind].append(one)
    told = []
    for kind, listed in kinds.items():
        first = ": ".join(part for part in (listed[0].picture, listed[0].detail[:SHOWN]) if part)
        told.append(f"{found.path}: {len(listed)} x {kind}: {KINDS[kind]} ({first})")
    return told


def _unreached(found: Annotations, skeleton: Skeleton) -> Iterator[Suspicion]:
    reached = {index for limb in skeleton.limbs for index in limb}
    alone = [index for index in range(len(skeleton.keypoints)) if index not in reached]
    if not alone or not skeleton.limbs:
        return
    labelled = np.zeros(len(skeleton.keypoints), np.int64)
    for _, person in found.everybody():
        labelled += person.keypoints[:, 2] > 0
    for index in alone:
        if labelled[index]:
            detail = f"{skeleton.keypoints[index]}, labelled {labelled[index]} times"
            yield Suspicion(kind="unreached_keypoint", detail=detail)


def _listed_twice(found: Annotations) -> Iterator[Suspicion]:
    ids: dict[str, list[object]] = defaultdict(list)
    for image_id, image in found.images.items():
        ids[image.file_name].append(image_id)
    for name, listed in ids.items():
        if len(listed) > 1:
            detail = f"image ids {', '.join(map(str, listed))}"
            yield Suspicion(kind="file_under_two_ids", picture=name, detail=detail)


def _of_person(image: Image, row: int, person: Person) -> Iterator[Suspicion]:
    xy = person.keypoints[person.keypoints[:, 2] > 0, :2]
    if len(xy) >= 3 and ((xy >= 0) & (xy <= 1)).all():
        yield Suspicion(kind="normalised_keypoints", picture=image.file_name, person=row)
    space = person.box[2] * person.box[3]
    if space > 1 and not SMALL * space <= person.area <= LARGE * space + 1:
        detail = f"{person.area:g} square pixels in a box of {space:g}"
        yield Suspicion(kind="area_unlike_box", picture=image.file_name, person=row, detail=detail)


def _of_another(image: Image, people: Sequence[Person]) -> Iterator[Suspicion]:
    if len(people) < 2:
        return
    boxes = np.array([person.box for person in people], np.float32)
    for row, person in enumerate(people):
        xy = person.keypoints[person.keypoints[:, 2] > 0, :2]
        held = _held(xy, boxes)
        if len(xy) >= 3 and held[row] < 1 - HELD and held.max() >= HELD:
            detail = f"{held[row]:.0%} of its keypoints in its box, {held.max():.0%} in another's"
            yield Suspicion(
                kind="keypoints_of_another", picture=image.file_name, person=row, detail=detail
            )


def _held(xy: Float, boxes: Float) -> Float:
    """(B,) share of the points (N, 2) that lie in each box (B, 4)."""
    low, high = boxes[:, None, :2] - 1, boxes[:, None, :2] + boxes[:, None, 2:]
    inside = ((xy >= low) & (xy <= high)).all(axis=2)  # (B, N)
    return np.asarray(inside.mean(axis=1), np.float32)


def _outside(boxes: Sequence[tuple[Image, int, Person]]) -> Iterator[Suspicion]:
    """Boxes that leave their picture: as corners where they all would fit so, else one by one."""
    sized = [entry for entry in boxes if entry[0].height and entry[0].width]
    beyond = [entry for entry in sized if _leaves(entry[2].box, entry[0])]
    if not beyond:
        return
    if len(beyond) > len(sized) / 2 and all(_corners(entry[2].box, entry[0]) for entry in sized):
        detail = f"{len(beyond)} of {len(sized)} boxes"
        yield Suspicion(kind="boxes_as_corners", detail=detail)
        return
    for image, row, person in beyond:
        box = ", ".join(f"{value:g}" for value in person.box)
        detail = f"{box} in {image.width} x {image.height}"
        yield Suspicion(
            kind="box_outside_picture", picture=image.file_name, person=row, detail=detail
        )


def _leaves(box: Box, image: Image) -> bool:
    left, top, width, height = box
    return (
        min(left, top) < -SLACK
        or left + width > (image.width or 0) + SLACK
        or top + height > (image.height or 0) + SLACK
    )


def _corners(box: Box, image: Image) -> bool:
    """Whether a box, read as left, top, right, bottom, is one within the picture."""
    left, top, right, bottom = box
    return (
        left <= right <= (image.width or 0) + SLACK and top <= bottom <= (image.height or 0) + SLACK
    )


def _placeholders(boxes: Sequence[tuple[Image, int, Person]]) -> Iterator[Suspicion]:
    """One area for many people whose boxes differ."""
    spaces: dict[float, set[float]] = defaultdict(set)
    count: dict[float, int] = defaultdict(int)
    for _, _, person in boxes:
        spaces[person.area].add(round(person.box[2] * person.box[3]))
        count[person.area] += 1
    for area, number in count.items():
        if number >= max(SAME_AREA, len(boxes) / 2) and len(spaces[area]) >= SAME_AREA:
            detail = f"{number} of {len(boxes)} people have the area {area:g}"
            yield Suspicion(kind="area_unlike_box", detail=detail)
