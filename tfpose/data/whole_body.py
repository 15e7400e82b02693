"""COCO-WholeBody's annotations: a person's parts in lists of their own, joined to 133 keypoints.

The format is that of jin-s13/COCO-WholeBody, data_format.md: COCO's entries with `foot_kpts`,
`face_kpts`, `lefthand_kpts` and `righthand_kpts` beside `keypoints`, and for each of them a flag
`foot_valid` and so on, which is false where the part was not labelled.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from estimator.skeleton import Skeleton
from estimator.skeletons import coco_wholebody133

from . import coco_json
from .coco_json import CocoFile

# A part's list in the file, and its keypoints in the skeleton.
LISTS = {
    "keypoints": "body",
    "foot_kpts": "foot",
    "face_kpts": "face",
    "lefthand_kpts": "left_hand",
    "righthand_kpts": "right_hand",
}


def read(path: Path, skeleton: Skeleton) -> CocoFile:
    """Reads a file as `coco_json.read`; for a whole body's skeleton, with all of its parts."""
    coco = coco_json.read(path)
    if skeleton.keypoints == coco_wholebody133.SKELETON.keypoints and has_parts(coco):
        return joined(coco)
    return coco


def has_parts(coco: CocoFile) -> bool:
    """Whether people in the file have parts beside the body."""
    return any("face_kpts" in entry for group in coco.annotations.values() for entry in group)


def joined(coco: CocoFile) -> CocoFile:
    """The file with `keypoints` of the whole body in every annotation.

    Raises:
      ValueError: a part has another number of keypoints.
    """
    return replace(
        coco,
        annotations={
            image_id: [_joined(entry, coco) for entry in group]
            for image_id, group in coco.annotations.items()
        },
        keypoints=coco_wholebody133.SKELETON.keypoints,
        limbs=coco_wholebody133.SKELETON.limbs,
    )


def _joined(entry: dict[str, Any], coco: CocoFile) -> dict[str, Any]:
    flat: list[float] = []
    for name, part in LISTS.items():
        first, end = coco_wholebody133.PARTS[part]
        count = 3 * (end - first)
        valid = name == "keypoints" or entry.get(name.replace("_kpts", "_valid"), True)
        numbers = (entry.get(name) if valid else None) or [0] * count
        if len(numbers) != count:
            raise ValueError(
                f"{coco.path}: annotation {entry.get('id')} has {len(numbers)} numbers in {name}, "
                f"COCO-WholeBody has {count}"
            )
        flat += numbers
    return {**entry, "keypoints": flat}
