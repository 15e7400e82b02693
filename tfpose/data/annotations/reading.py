"""Reads COCO's keypoint format (cocodataset.org, "Data format"): schema first, then meaning.

Every entry is decoded by itself against its schema (msgspec). One that does not fit is taken apart
and put right where its values have one meaning (`values`), and refused otherwise. So a sound file
costs one pass, and what was odd about another is known by entry.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from .. import formats
from ..ignore_regions import Region
from ..picture_files import Pictures
from . import values
from .choice import Choice, categories, keypoint_names
from .entries import Entry, Picture, annotation, fault, picture, plain
from .labels import Annotations, Image, ImageId, Person
from .people import Refused, person
from .trees import Tree, load
from .values import Changes, identity

MOST_REFUSED = 1000  # entries after which reading is given up
UNREADABLE = (UnicodeDecodeError, json.JSONDecodeError, msgspec.DecodeError, RecursionError)


def read(
    path: Path, *, choice: Choice | None = None, pictures: Pictures | None = None
) -> Annotations:
    """Reads a .json, the one .json inside a .zip, or another format (`tfpose.data.formats`).

    Args:
      path: of the file, or of the folder for formats of many files.
      choice: of format, categories and keypoint names.
      pictures: where the pictures lie, for formats that leave sizes or names to them.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not JSON or not COCO's keypoint format, or a value has no one meaning; names
        the file, the entry, the field, what was found and what to do.
    """
    choice = choice or Choice()
    foreign = formats.tree(path, choice.format, choice.split, pictures)
    tree = load(path) if foreign is None else Tree(**foreign)
    try:
        return _read(tree, path, choice)
    except UNREADABLE as error:
        raise ValueError(f"{path} is not JSON ({error}): fetch or export it again") from error


def _read(tree: Tree, path: Path, choice: Choice) -> Annotations:
    changes = Changes()
    listed = [
        {**category, "id": _category_id(category, path, changes)} for category in tree.categories
    ]
    chosen = categories(listed, choice, path)
    names = choice.names(keypoint_names(chosen[0]), path)
    images, told = _images(tree.images, path, changes)
    reader = _People(
        path=path,
        names=names,
        ids={category["id"] for category in chosen},
        others={category["id"] for category in listed},
        images=images,
        told=told,
        changes=changes,
    )
    people = reader.read(tree.annotations)
    found = Annotations(
        path=path,
        images=images,
        people=people,
        keypoints=names,
        unusable=tuple(reader.unusable),
        changed=dict(changes),
        elsewhere=reader.elsewhere,
        partial=bool(chosen[0].get("partial")),
        flip=tuple(chosen[0].get("flip_idx") or ()),
    )
    _refuse_shares(found)
    return found


def image_fields(path: Path) -> dict[ImageId, dict[str, Any]]:
    """The entries of "images" with all their fields, as the file has them, by id.

    Raises:
      FileNotFoundError, ValueError: as `read`.
    """
    entries = load(path).images
    try:
        images, _ = _images(entries, path, Changes())
        return dict(zip(images, map(plain, entries), strict=True))
    except UNREADABLE as error:
        raise ValueError(f"{path} is not JSON ({error}): fetch or export it again") from error


def _category_id(category: dict[str, Any], path: Path, changes: Changes) -> int | str:
    kinds: set[str] = set()
    found = identity(category.get("id"), kinds)
    changes.of("category id", kinds)
    if not isinstance(found, (int, str)) or isinstance(found, bool):
        raise ValueError(
            f"{path}: category {category.get('name')!r} has the id {found!r}: give it a number"
        )
    return found


def _images(
    entries: Sequence[Any], path: Path, changes: Changes
) -> tuple[dict[ImageId, Image], Callable[[int | str], ImageId]]:
    """The images by id, and the function that reads an annotation's `image_id`."""
    found: list[Picture] = []
    for number, entry in enumerate(entries):
        try:
            found.append(picture(entry, changes))
        except msgspec.ValidationError as error:
            raise ValueError(
                fault(path, f"image at place {number}", plain(entry), error)
            ) from error
    told = _identities([one.id for one in found])
    images: dict[ImageId, Image] = {}
    for one in found:
        image_id = told(one.id)
        if type(image_id) is not type(one.id):
            changes.of("image id", {f"read as {type(image_id).__name__}"})
        if image_id in images:
            raise ValueError(f"{path}: two images have the id {image_id}: ids must be unique")
        images[image_id] = _image(one, image_id, path)
    return images, told


def _image(one: Picture, image_id: ImageId, path: Path) -> Image:
    for side in ("height", "width"):
        if (getattr(one, side) or 0) < 0:
            raise ValueError(
                f"{path}: image {image_id}: {side} {getattr(one, side)}: give pixels, or leave it "
                "out"
            )
    edges = zip(one.ignore_regions_x, one.ignore_regions_y, strict=False)
    regions: list[Region] = [
        [np.stack([x, y], axis=1).ravel().tolist()] for x, y in edges if len(x) == len(y)
    ]
    known = one.height and one.width
    return Image(
        id=image_id,
        file_name=one.file_name,
        height=one.height if known else None,
        width=one.width if known else None,
        regions=tuple(regions),
    )


def _identities(given: Sequence[int | str]) -> Callable[[int | str], ImageId]:
    """How ids are read: as numbers where all are, and stay apart; else as text."""
    numbers = {_as_number(one) for one in given}
    if None not in numbers and len(numbers) == len(set(given)):
        return lambda value: value if (read := _as_number(value)) is None else read
    return str


def _as_number(value: int | str) -> int | None:
    if isinstance(value, int):
        return value
    head, _, tail = value.strip().partition(".")
    return int(head) if re.fullmatch(r"-?\d+", head) and not tail.strip("0") else None


class _People:
    """Reads the annotations of the chosen categories.

    Attributes:
      unusable: one line per annotation of no listed image or category.
      elsewhere: number of annotations of categories that were not chosen.
    """

    def __init__(
        self,
        *,
        path: Path,
        names: Sequence[str],
        ids: set[int | str],
        others: set[int | str],
        images: dict[ImageId, Image],
        told: Callable[[int | str], ImageId],
        changes: Changes,
    ) -> None:
        self._path, self._names, self._images, self._told = path, names, images, told
        self._given, self._ids, self._others = ids, set(map(str, ids)), set(map(str, others))
        self._changes = changes
        self._count = len(names)
        self.unusable: list[str] = []
        self.elsewhere = 0

    def read(self, entries: Sequence[Any]) -> dict[ImageId, list[Person]]:
        """The people by image id.

        Raises:
          ValueError: entries cannot be read; names the first and says how many more there are.
        """
        people: dict[ImageId, list[Person]] = defaultdict(list)
        refused: list[str] = []
        self._count = self._count or _count(entries)
        for number, entry in enumerate(entries):
            try:
                found = self._one(entry)
                if found is not None:
                    people[found[0]].append(found[1])
            except (Refused, msgspec.ValidationError) as error:
                whole = plain(entry)
                what = f"annotation {whole.get('id', f'at place {number}')}"
                refused.append(fault(self._path, what, whole, error))
                if len(refused) == MOST_REFUSED:
                    break
        if refused:
            more = f" ({len(refused) - 1} more annotations like it)" if len(refused) > 1 else ""
            raise ValueError(refused[0] + more)
        return dict(people)

    def _one(self, entry: Any) -> tuple[ImageId, Person] | None:
        """The person of an entry; None where it belongs to nothing that is read."""
        found = annotation(entry, self._changes)
        category = found.category_id
        if category is not msgspec.UNSET and str(category) not in self._ids:
            if str(category) in self._others:
                self.elsewhere += 1
            else:
                self.unusable.append(
                    f"annotation {found.id} has the category_id {category!r}, which "
                    f"{self._path.name} does not list"
                )
            return None
        if isinstance(category, str) and category not in self._given:
            self._changes.of("category_id", {"text read as a number"})
        image_id = self._told(found.image_id)
        if image_id not in self._images:
            self.unusable.append(
                f"annotation {found.id} is of image {image_id}, which {self._path.name} does not "
                "list"
            )
            return None
        if type(image_id) is not type(found.image_id):
            self._changes.of("image_id", {f"read as {type(image_id).__name__}"})
        return image_id, person(
            found, lambda: _segmentation(entry, found), self._names, self._count, self._changes
        )


def _count(entries: Sequence[Any]) -> int:
    """The number of keypoints where the file does not name them: that of the first person."""
    for entry in entries:
        given = values.annotation(plain(entry), Changes()).get("keypoints")
        if isinstance(given, list) and given:
            return len(given) // 3
    return 0


def _segmentation(entry: Any, found: Entry) -> Any:
    if isinstance(entry, dict):
        return entry.get("segmentation")
    return json.loads(bytes(found.segmentation))


def _refuse_shares(found: Annotations) -> None:
    """Refuses keypoints that are shares of the picture instead of pixels.

    Raises:
      ValueError: all labelled keypoints of the file lie within 0..1.
    """
    count = 0
    for _, one in found.everybody():
        xy = one.keypoints[one.keypoints[:, 2] > 0, :2]
        if len(xy) and (xy.min() < 0 or xy.max() > 1):
            return
        count += len(xy)
    if count >= 3:
        raise ValueError(
            f"{found.path}: every keypoint lies within 0..1: they are shares of the picture, and "
            "pixels are needed. Multiply x by the width and y by the height"
        )
