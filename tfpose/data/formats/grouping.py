"""Single keypoints to people: by group, or by the box that they lie in; and people to a tree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Point:
    """A labelled keypoint.

    Attributes:
      name: of the keypoint.
      x, y: pixels.
      flag: COCO's, 1 or 2.
      group: what it was grouped by; None if by nothing.
    """

    name: str
    x: float
    y: float
    flag: int = 2
    group: object = None


@dataclass(frozen=True, kw_only=True)
class Box:
    """A person's box in pixels: left, top, width, height; `group` as in `Point`."""

    edges: tuple[float, float, float, float]
    label: str = "person"
    group: object = None

    def holds(self, point: Point) -> bool:
        """Whether a keypoint lies in it."""
        left, top, width, height = self.edges
        return left <= point.x <= left + width and top <= point.y <= top + height


@dataclass(kw_only=True)
class Labelled:
    """One picture and what was labelled on it.

    Attributes:
      file_name: of the picture.
      height, width: pixels; None if unknown.
      points, boxes: in the order of the file.
    """

    file_name: str
    height: Any = None
    width: Any = None
    points: list[Point] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)


def people(picture: Labelled, where: str) -> list[tuple[list[Point], Box | None]]:
    """The people of a picture: each a list of keypoints, and the box if there is one.

    Keypoints of one group are one person. Without groups they belong to the one box that holds
    them; without boxes all are one person.

    Raises:
      ValueError: an ungrouped keypoint lies in no box or in several, or a person has one twice.
    """
    grouped: dict[object, list[Point]] = {}
    boxes = {box.group: box for box in picture.boxes if box.group is not None}
    free = [box for box in picture.boxes if box.group is None]
    for box in free:
        boxes[id(box)] = box
    for point in picture.points:
        key = point.group
        if key is None and picture.boxes:
            holding = [group for group, box in boxes.items() if box.holds(point)]
            if len(holding) != 1 and len(boxes) > 1:
                raise ValueError(
                    f"{where}: the keypoint {point.name} of {picture.file_name} lies in "
                    f"{len(holding)} boxes: group it with its person in the labelling tool"
                )
            key = holding[0] if holding else next(iter(boxes))
        grouped.setdefault(key, []).append(point)
    for key, points in grouped.items():
        found = [point.name for point in points]
        if twice := sorted({name for name in found if found.count(name) > 1}):
            raise ValueError(
                f"{where}: a person of {picture.file_name} (group {key}) has {', '.join(twice)} "
                "twice: give every person a group of its own"
            )
    keys = list(dict.fromkeys([*grouped, *boxes]))
    return [(grouped.get(key, []), boxes.get(key)) for key in keys]


def tree(
    pictures: Iterable[Labelled], where: str, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """The COCO tree of labelled pictures.

    Args:
      pictures: with their labels.
      where: they come from, for messages.
      names: of the keypoints, in order; None takes those that occur, since these formats list only
        what was labelled: then a skeleton may have more.
    """
    listed = list(pictures)
    partial = names is None
    if names is None:
        names = sorted({point.name for picture in listed for point in picture.points})
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, picture in enumerate(listed, start=1):
        size = {"height": picture.height, "width": picture.width}
        images.append({"id": image_id, "file_name": picture.file_name, **size})
        for points, box in people(picture, where):
            known = {point.name: point for point in points}
            flat: list[float] = []
            for name in names:
                point = known.get(name)
                flat += [0, 0, 0] if point is None else [point.x, point.y, point.flag]
            entry: dict[str, Any] = {"id": len(annotations) + 1, "image_id": image_id}
            entry |= {"category_id": 1, "iscrowd": 0, "keypoints": flat}
            if box is not None:
                entry["bbox"] = list(box.edges)
            annotations.append(entry)
    category = {"id": 1, "name": "person", "keypoints": list(names), "partial": partial}
    return {"images": images, "annotations": annotations, "categories": [category]}
