"""labelme: one JSON a picture, with shapes; keypoints are points with the names of keypoints.

Points of one `group_id` are a person, as is the rectangle of that group; without groups they belong
to the rectangle that holds them (github.com/wkentaro/labelme). A shape's flag "occluded" or
"hidden" makes a keypoint hidden.
"""

from pathlib import Path
from typing import Any

from estimator import files

from ..picture_files import Pictures
from . import grouping
from .grouping import Box, Labelled, Point

WANTED = "give the folder with labelme's JSON files, one a picture"
HIDDEN = ("occluded", "hidden", "invisible")


def detect(path: Path) -> bool:
    """Whether it is one of labelme's files, or a folder that begins with one."""
    first = next(iter(sorted(path.glob("*.json"))), None) if path.is_dir() else path
    if first is None or first.suffix != ".json" or not first.is_file():
        return False
    with first.open("rb") as file:
        head = file.read(4096)
    return b'"shapes"' in head and b'"images"' not in head


def tree(path: Path, split: str, pictures: Pictures | None) -> dict[str, Any]:
    """The COCO tree of a folder, or of one file.

    Raises:
      ValueError: a file cannot be read, or a keypoint belongs to nobody; names it.
    """
    paths = sorted(path.glob("*.json")) if path.is_dir() else [path]
    return grouping.tree(map(_read, paths), str(path))


def _read(path: Path) -> Labelled:
    data = files.read_json(path)
    if not isinstance(data, dict) or not isinstance(data.get("shapes"), list):
        raise ValueError(f"{path} has no list 'shapes': it is none of labelme's files")
    name = str(data.get("imagePath") or path.with_suffix(".jpg").name).replace("\\", "/")
    found = Labelled(
        file_name=name.lstrip("./"), height=data.get("imageHeight"), width=data.get("imageWidth")
    )
    for shape in data["shapes"]:
        try:
            _add(found, shape)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"{path}: the shape {str(shape)[:120]} cannot be read") from error
    return found


def _add(found: Labelled, shape: dict[str, Any]) -> None:
    kind, group = shape.get("shape_type", "polygon"), shape.get("group_id")
    points = [(float(x), float(y)) for x, y in shape["points"]]
    if kind == "point":
        flags = shape.get("flags") or {}
        hidden = any(flags.get(name) for name in HIDDEN)
        (x, y) = points[0]
        found.points.append(
            Point(name=str(shape["label"]), x=x, y=y, flag=1 if hidden else 2, group=group)
        )
    elif kind == "rectangle":
        (x, y), (x2, y2) = points[0], points[-1] if len(points) == 2 else points[2]
        edges = (min(x, x2), min(y, y2), abs(x2 - x), abs(y2 - y))
        found.boxes.append(Box(edges=edges, label=str(shape["label"]), group=group))
