"""A labelling run's files: rows, one line per picture, and at the end COCO annotations.

A row is the labels of one picture (`picture_labels.of_picture`) with its `file_name`, `height` and
`width`; for a picture that could not be read it is `file_name` and the reason, `unread`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from estimator import files
from estimator.skeleton import Skeleton

from ..data import ignore_regions
from ..data.resuming import differences
from ..evaluation.annotations import PERSON


def resume(partial: Path, header: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Reads the rows of an earlier run, by file name; begins a new file where there is none.

    A line that a kill cut short is dropped. Rows of unread pictures are dropped too, so that they
    are tried again.

    Args:
      partial: the file; its first line is the header.
      header: the options that must be the same for a run to be resumed.

    Raises:
      ValueError: it was begun with other options; says which.
    """
    lines = partial.read_bytes().splitlines(keepends=True) if partial.is_file() else []
    whole = [line for line in lines if line.endswith(b"\n")]  # a kill may cut the last
    if not whole:
        files.write(partial, json.dumps(header) + "\n")
        return {}
    changed = differences(json.loads(whole[0]), header)
    if changed:
        raise ValueError(
            f"{partial} was begun with other options:\n  "
            + "\n  ".join(changed)
            + "\nGo on with those, or delete it to begin anew"
        )
    if len(whole) < len(lines):
        with partial.open("r+b") as file:
            file.truncate(sum(map(len, whole)))
    rows = map(json.loads, whole[1:])
    return {row["file_name"]: row for row in rows if "unread" not in row}


def write(
    path: Path, rows: Iterable[Mapping[str, Any]], info: Mapping[str, Any], skeleton: Skeleton
) -> None:
    """Writes COCO annotations of the rows of pictures that were read, whole or not at all."""
    files.write(path, encode(rows, info, skeleton))


def encode(rows: Iterable[Mapping[str, Any]], info: Mapping[str, Any], skeleton: Skeleton) -> str:
    """COCO annotations of the rows of pictures that were read, as JSON."""
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
    return json.dumps(tree)


def _crowd(encoding: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The annotation of the regions to ignore."""
    height, width = encoding["size"]
    mask = ignore_regions.draw([dict(encoding)], height, width)
    return {
        "category_id": PERSON,
        "iscrowd": 1,
        "keypoints": [0] * (3 * count),
        "num_keypoints": 0,
        "segmentation": dict(encoding),
        "bbox": [0, 0, width, height],
        "area": int((mask > 0).sum()),
        "labelled_by": "ignore",
    }
