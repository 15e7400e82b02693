"""A labelling run's files: the work so far, a line a picture, and at the end COCO annotations.

A row is the labels of one picture (`pseudo_label.of_picture`) and its `file_name`, `height` and
`width`; or, of a picture that could not be read, `file_name` and why, `unread`.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from estimator.skeleton import Skeleton

from .truth import PERSON


def resume(partial: Path, header: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of an earlier run, by file; begins a new file where there is none.

    A line that a kill cut short is dropped, and pictures that could not be read are left out, so
    that they are tried again.

    Args:
      partial: the file; its first line is the header.
      header: what must be the same for a run to go on, as JSON gives it back.

    Raises:
      ValueError: it was begun with another header; says what differs.
    """
    lines = partial.read_bytes().splitlines(keepends=True) if partial.is_file() else []
    whole = [line for line in lines if line.endswith(b"\n")]  # a kill may cut the last
    if not whole:
        partial.write_text(json.dumps(header) + "\n", encoding="utf-8")
        return {}
    found = json.loads(whole[0])
    if found != header:
        changed = sorted(key for key in {*found, *header} if found.get(key) != header.get(key))
        raise ValueError(
            f"{partial} was begun with another {', '.join(changed)}: "
            f"{ {key: found.get(key) for key in changed} }; delete it to begin anew"
        )
    if len(whole) < len(lines):
        with partial.open("r+b") as file:
            file.truncate(sum(map(len, whole)))
    rows = map(json.loads, whole[1:])
    return {row["file_name"]: row for row in rows if "unread" not in row}


def write(
    path: Path, rows: Iterable[Mapping[str, Any]], info: Mapping[str, Any], skeleton: Skeleton
) -> None:
    """Writes COCO annotations of the pictures that could be read; whole or not at all."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for row in rows:
        if "unread" in row:
            continue
        image_id = len(images) + 1
        images.append(
            {"id": image_id} | {key: row[key] for key in ("file_name", "height", "width")}
        )
        entries = list(row["people"])
        if "ignored" in row:
            entries.append(_crowd(row["ignored"], len(skeleton.keypoints)))
        for entry in entries:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **entry})
    tree = {
        "info": dict(info),
        "images": images,
        "annotations": annotations,
        "categories": [{"id": PERSON, "name": "person", "keypoints": list(skeleton.keypoints)}],
    }
    partial = path.with_name(path.name + ".writing")
    try:
        partial.write_text(json.dumps(tree), encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _crowd(encoding: Mapping[str, Any], count: int) -> dict[str, Any]:
    """What is to be ignored, as an annotation."""
    height, width = encoding["size"]
    return {
        "category_id": PERSON,
        "iscrowd": 1,
        "keypoints": [0] * (3 * count),
        "num_keypoints": 0,
        "segmentation": dict(encoding),
        "bbox": [0, 0, width, height],
        "area": sum(encoding["counts"][1::2]),
        "labelled_by": "ignore",
    }
