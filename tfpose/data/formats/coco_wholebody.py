"""COCO-WholeBody's annotations: a person's parts in lists of their own, joined to 133 keypoints.

The format is that of jin-s13/COCO-WholeBody, data_format.md: COCO's entries with `foot_kpts`,
`face_kpts`, `lefthand_kpts` and `righthand_kpts` beside `keypoints`, and for each of them a flag
`foot_valid` and so on, which is false where the part was not labelled. The file is COCO's, too: it
is read as 17 keypoints unless this format is asked for.
"""

import mmap
from pathlib import Path
from typing import Any

from estimator import files
from estimator.skeletons.coco_wholebody133 import PARTS, SKELETON

from ..picture_files import Pictures

ON_REQUEST = True  # is not guessed
WANTED = "give COCO-WholeBody's .json, whose people have 'face_kpts' beside 'keypoints'"
# A part's list in the file, and its keypoints in the skeleton.
LISTS = {
    "keypoints": "body",
    "foot_kpts": "foot",
    "face_kpts": "face",
    "lefthand_kpts": "left_hand",
    "righthand_kpts": "right_hand",
}


def detect(path: Path) -> bool:
    """Whether people in the file have parts beside the body."""
    if path.suffix != ".json" or not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b'"face_kpts"') >= 0


def tree(path: Path, split: str, pictures: Pictures | None) -> dict[str, Any]:
    """The file with `keypoints` of the whole body in every annotation.

    Raises:
      ValueError: a part has another number of keypoints.
    """
    del split, pictures  # one file, which names its pictures
    found: dict[str, Any] = files.read_json(path)
    names = {"keypoints": list(SKELETON.keypoints)}
    try:
        return {
            "images": found["images"],
            "annotations": [_joined(entry, path) for entry in found["annotations"]],
            "categories": [{**category, **names} for category in found["categories"]],
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not COCO-WholeBody's format: {error!r}") from error


def _joined(entry: dict[str, Any], path: Path) -> dict[str, Any]:
    flat: list[float] = []
    for name, part in LISTS.items():
        first, end = PARTS[part]
        count = 3 * (end - first)
        valid = name == "keypoints" or entry.get(name.replace("_kpts", "_valid"), True)
        numbers = (entry.get(name) if valid else None) or [0] * count
        if len(numbers) != count:
            raise ValueError(
                f"{path}: annotation {entry.get('id')} has {len(numbers)} numbers in {name}, "
                f"COCO-WholeBody has {count}"
            )
        flat += numbers
    return {**entry, "keypoints": flat}
