"""Values that mean one thing in another type: put right and counted, or left for the schema.

Other tools write numbers as text (CSV), whole numbers as floats (pandas), nulls where nothing is
labelled (fiftyone) and keypoints as triples. Each such value has one meaning, so it is taken; a
value with more than one (`iscrowd` "false", flag 3) is not touched here, and the schema refuses it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_WHOLE = re.compile(r"\s*-?\d+(\.0*)?\s*")
TEXT = "text read as a number"
FLOAT = "a float read as a whole number"


class Changes(Counter[str]):
    """Counts what was put right, by field and kind; of an entry, every kind counts once."""

    def of(self, field: str, kinds: "set[str]") -> None:
        """Adds an entry's changes of one field."""
        for kind in kinds:
            self[f"{field}: {kind}"] += 1


def number(value: Any, kinds: set[str]) -> Any:
    """A number that is text, as a number; everything else as it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        kinds.add(TEXT)
        return float(value)
    return value


def whole(value: Any, kinds: set[str]) -> Any:
    """A whole number that is text or a float, as an int."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        kinds.add(TEXT)
        return int(value.partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        kinds.add(FLOAT)
        return int(value)
    return value


def switch(value: Any, kinds: set[str]) -> Any:
    """A truth value, or a whole number of another type, as an int."""
    if isinstance(value, bool):
        kinds.add("true or false read as 1 or 0")
        return int(value)
    return whole(value, kinds)


def identity(value: Any, kinds: set[str]) -> Any:
    """An id that is a float with a whole value, as an int; text stays text."""
    if isinstance(value, float) and value.is_integer():
        kinds.add(FLOAT)
        return int(value)
    return value


def triples(value: Any, kinds: set[str]) -> Any:
    """Keypoints as one flat list of numbers; nulls become 0 where the flag is 0 or null."""
    if not isinstance(value, list):
        return value
    if value and all(isinstance(part, list) and len(part) == 3 for part in value):
        kinds.add("[[x, y, v], ...] read as [x, y, v, ...]")
        value = [one for part in value for one in part]
    flat = [number(one, kinds) for one in value]
    if None in flat and len(flat) % 3 == 0:
        for start in range(0, len(flat), 3):
            triple = flat[start : start + 3]
            if None in triple and triple[2] in (0, None):
                kinds.add("null read as not labelled")
                flat[start : start + 3] = [0, 0, 0]
    return flat


def image(entry: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """An entry of "images" with the types of the schema, where it can be had."""
    fixed = dict(entry)
    for field, change in (("id", identity), ("height", whole), ("width", whole)):
        if field in fixed:
            kinds: set[str] = set()
            fixed[field] = change(fixed[field], kinds)
            changes.of(f"image {field}", kinds)
    for field in ("ignore_regions_x", "ignore_regions_y"):
        if fixed.get(field) is None:
            fixed.pop(field, None)
    return fixed


def annotation(entry: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """An entry of "annotations" with the types of the schema, where it can be had."""
    fixed = {name: value for name, value in entry.items() if name != "segmentation"}
    if fixed.get("iscrowd", 0) is None:
        del fixed["iscrowd"]
    for field, change in (
        ("image_id", identity),
        ("category_id", identity),
        ("area", number),
        ("iscrowd", switch),
        ("keypoints", triples),
        ("bbox", _numbers),
    ):
        if field in fixed:
            kinds: set[str] = set()
            fixed[field] = change(fixed[field], kinds)
            changes.of(field, kinds)
    return fixed


def _numbers(value: Any, kinds: set[str]) -> Any:
    return [number(one, kinds) for one in value] if isinstance(value, list) else value
