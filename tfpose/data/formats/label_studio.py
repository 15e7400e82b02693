"""Label Studio's JSON export: tasks with key points in percent, in boxes or alone.

Keypoints belong to a person by `parentID`, by a relation with the box, or by lying in it
(labelstud.io/guide/export, "Label Studio JSON format"). An uploaded picture's name has a prefix of
eight characters, which the user's own files lack; the name is taken that the pictures have.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from estimator import files

from ..picture_files import Pictures
from . import grouping
from .grouping import Box, Labelled, Point

WANTED = "give Label Studio's export as 'JSON'"
_PREFIX = re.compile(r"[0-9a-f]{8}-")


def detect(path: Path) -> bool:
    """Whether it is a list of tasks."""
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(65536)
    return head.lstrip().startswith(b"[") and b'"annotations"' in head and b'"result"' in head


def tree(path: Path, split: str, pictures: Pictures | None) -> dict[str, Any]:
    """The COCO tree of the tasks that were annotated.

    Raises:
      ValueError: a task cannot be read, or a picture was turned in the tool; names it.
    """
    tasks = files.read_json(path)
    listed = []
    for task in tasks:
        try:
            if (picture := _task(task, pictures)) is not None:
                listed.append(picture)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(
                f"{path}: task {str(task)[:120]} cannot be read (no {error}): export it as 'JSON'"
            ) from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return grouping.tree(listed, str(path))


def _task(task: dict[str, Any], pictures: Pictures | None) -> Labelled | None:
    """A task's picture with the labels of its first annotation that counts."""
    done = [one for one in task["annotations"] if not one.get("was_cancelled")]
    if not done:
        return None
    data = task["data"]
    source = next((str(v) for v in data.values() if isinstance(v, str) and "/" in v), None)
    found = Labelled(file_name=_name(source or str(task.get("file_upload")), pictures))
    results = done[0]["result"]
    partners = {one["from_id"]: one["to_id"] for one in results if one.get("type") == "relation"}
    boxes = {one["id"] for one in results if one.get("type") == "rectanglelabels"}
    for one in results:
        if one.get("type") in ("keypointlabels", "rectanglelabels"):
            _add(found, one, partners, boxes)
    return found


def _add(found: Labelled, one: dict[str, Any], partners: dict[str, str], boxes: set[str]) -> None:
    if one.get("image_rotation"):
        raise ValueError(
            f"{found.file_name} was turned by {one['image_rotation']} degrees in Label Studio: "
            "turn its pixels instead and label it again"
        )
    value = one["value"]
    found.width, found.height = one["original_width"], one["original_height"]
    x, y = value["x"] * found.width / 100, value["y"] * found.height / 100
    if one["type"] == "rectanglelabels":
        size = (value["width"] * found.width / 100, value["height"] * found.height / 100)
        label = value["rectanglelabels"][0]
        found.boxes.append(Box(edges=(x, y, *size), label=label, group=one["id"]))
        return
    known = (one.get("parentID"), partners.get(one["id"]))
    reverse = next((a for a, b in partners.items() if b == one["id"] and a in boxes), None)
    group = next((key for key in (*known, reverse) if key in boxes), None)
    found.points.append(Point(name=value["keypointlabels"][0], x=x, y=y, group=group))


def _name(source: str, pictures: Pictures | None) -> str:
    """The picture's name: of an address its last part, of local files their path."""
    address = urlparse(source)
    local = parse_qs(address.query).get("d")
    name = unquote(local[0] if local else Path(address.path).name).replace("\\", "/")
    bare = _PREFIX.sub("", Path(name).name, count=1)
    if pictures is not None and pictures.find(name) is None and pictures.find(bare) is not None:
        return bare
    return name
