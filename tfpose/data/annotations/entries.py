"""The schemas of single entries, how one is decoded, and how its fault is told."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from . import values
from .people import Refused
from .values import Changes

_ADVICE = {
    "iscrowd": "give 0 or 1",
    "category_id": "give the id of one of the 'categories'",
    "image_id": "give the id of one of the 'images'",
    "file_name": "give the picture's path as text",
    "id": "give a number that no other image has",
    "area": "give square pixels, or leave it out",
    "bbox": "give x, y, width, height in pixels, or leave it out",
    "keypoints": "give x, y and a flag (0, 1 or 2) for each keypoint, in pixels",
    "height": "give pixels, or leave it out",
    "width": "give pixels, or leave it out",
}
_FIELD = re.compile(r" - at `\$\.?([^`\[]*).*`")


class Picture(msgspec.Struct):
    """The schema of an entry of "images"."""

    id: int | str
    file_name: str
    height: int | None = None
    width: int | None = None
    ignore_regions_x: list[list[float]] = []
    ignore_regions_y: list[list[float]] = []


class Entry(msgspec.Struct):
    """The schema of an entry of "annotations"; the segmentation is read where it is needed."""

    image_id: int | str
    category_id: int | str | msgspec.UnsetType = msgspec.UNSET
    id: Any = None
    keypoints: list[float] | None = None
    bbox: list[float] | None = None
    area: float | None = None
    iscrowd: int = 0
    labelled_by: Any = None
    segmentation: msgspec.Raw = msgspec.Raw(b"null")


_PICTURE, _ENTRY = msgspec.json.Decoder(Picture), msgspec.json.Decoder(Entry)


def picture(entry: Any, changes: Changes) -> Picture:
    """An entry of "images"; put right first where it does not fit as it is.

    Raises:
      msgspec.ValidationError: it does not fit then either.
    """
    found: Picture = _decode(entry, _PICTURE, Picture, values.image, changes)
    return found


def annotation(entry: Any, changes: Changes) -> Entry:
    """An entry of "annotations", likewise."""
    found: Entry = _decode(entry, _ENTRY, Entry, values.annotation, changes)
    return found


def _decode(
    entry: Any,
    decoder: Any,
    schema: Any,
    put_right: Callable[[Mapping[str, Any], Changes], dict[str, Any]],
    changes: Changes,
) -> Any:
    if isinstance(entry, msgspec.Raw):
        try:
            return decoder.decode(entry)
        except msgspec.ValidationError:
            pass
    tree = plain(entry)
    return msgspec.convert(put_right(tree, changes), schema)


def plain(entry: Any) -> dict[str, Any]:
    """An entry with all its fields, as Python reads it."""
    tree = json.loads(bytes(entry)) if isinstance(entry, msgspec.Raw) else entry
    return tree if isinstance(tree, dict) else {"": tree}


def fault(path: Path, what: str, entry: dict[str, Any], error: Exception) -> str:
    """An entry's fault as one sentence: the field, what was found, what is needed."""
    if isinstance(error, Refused):
        return f"{path}: {what}: {error}"
    text = str(error)
    place = _FIELD.search(text)
    if place is None:  # a field that is missing
        text = text.replace("Object missing required field", "it has no").replace("`", "'")
        return f"{path}: {what}: {text}; found {str(entry)[:120]}"
    field = place[1]
    advice = _ADVICE.get(field, text[: place.start()].replace("`", ""))
    return f"{path}: {what}: {field} is {entry.get(field)!r:.80}: {advice}"
