"""The people that an evaluation compares with: COCO annotations, checked and complete.

pycocotools needs fields that other tools leave out (areas, counts of keypoints, `iscrowd`); they
are filled in here, and all that is odd is refused before hours of evaluation.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from estimator import skeletons
from estimator.poses import Poses
from estimator.skeleton import Skeleton

from ..data import coco_json, whole_body
from ..data.records import area_of, box_of

PERSON = 1  # COCO's category


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """Pictures and their people.

    Attributes:
      path: where they were read.
      skeleton: K keypoints.
      images: COCO's entries by id, in the file's order.
      annotations: COCO's entries by image id, complete.
    """

    path: Path
    skeleton: Skeleton
    images: dict[int, dict[str, Any]]
    annotations: dict[int, list[dict[str, Any]]]

    def tree(self) -> dict[str, Any]:
        """In COCO's format."""
        return {
            "images": list(self.images.values()),
            "annotations": [entry for group in self.annotations.values() for entry in group],
            "categories": [
                {"id": PERSON, "name": "person", "keypoints": list(self.skeleton.keypoints)}
            ],
        }

    def people(self, image_id: int) -> list[dict[str, Any]]:
        """Those who count: no crowds, and at least one keypoint."""
        return [
            entry
            for entry in self.annotations.get(image_id, ())
            if not entry["iscrowd"] and entry["num_keypoints"]
        ]

    def poses(self, image_id: int) -> Poses:
        """Those people in our convention, every labelled keypoint with score 1."""
        flat = [entry["keypoints"] for entry in self.people(image_id)]
        keypoints = np.reshape(flat, (len(flat), len(self.skeleton.keypoints), 3))
        labelled = keypoints[..., 2:] > 0
        xy = np.where(labelled, keypoints[..., :2] + coco_json.KEYPOINT_SHIFT, np.nan)
        return Poses(
            skeleton=self.skeleton,
            xy=xy.astype(np.float32),
            score=labelled[..., 0].astype(np.float32),
            person_score=np.ones(len(flat), np.float32),
        )


def read(path: str | Path, *, known: Iterable[Skeleton] = ()) -> Truth:
    """Reads annotations.

    Args:
      path: a .json, or a .zip of one.
      known: skeletons beside those that ship; the file's keypoints tell which it is. Where the
        first has a whole body's keypoints, COCO-WholeBody's parts are read, too.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not COCO's keypoint format, an id is no whole number, or its keypoints are
        of no known skeleton.
    """
    known = tuple(known)
    coco = whole_body.read(Path(path), known[0]) if known else coco_json.read(Path(path))
    for image_id in coco.images:
        if not isinstance(image_id, int):
            raise ValueError(f"{path}: image ids must be whole numbers, found {image_id!r}")
    skeleton = _skeleton(coco, [*known, *map(skeletons.get, ("coco17", *skeletons.names()))])
    annotations: dict[int, list[dict[str, Any]]] = {}
    number = 0
    for image_id, entries in coco.annotations.items():
        annotations[image_id] = []
        for entry in entries:
            number += 1
            annotations[image_id].append(_complete(entry, number, skeleton, coco.path))
    return Truth(path=coco.path, skeleton=skeleton, images=coco.images, annotations=annotations)


def subset(image_ids: Sequence[int], count: int, seed: int = 0) -> tuple[int, ...]:
    """Draws pictures; of COCO's 5,000 of 2017 and with seed 0, those of make_val_subset.

    Lightweight OpenPose's `scripts/make_val_subset.py` shuffles the places 0..4999 of the file with
    Python's `random`, seed 0, and takes the first 250. The same is done here over as many places
    as there are pictures.

    Args:
      image_ids: in the file's order.
      count: how many.
      seed: of the draw.

    Raises:
      ValueError: there are not as many.
    """
    if not 1 <= count <= len(image_ids):
        raise ValueError(f"a subset must have 1 to {len(image_ids)} pictures, found {count}")
    places = list(range(len(image_ids)))
    random.Random(seed).shuffle(places)
    return tuple(image_ids[place] for place in places[:count])


def _skeleton(coco: coco_json.CocoFile, known: list[Skeleton]) -> Skeleton:
    if not coco.keypoints:
        return known[0]
    for skeleton in known:
        try:
            coco_json.check_skeleton(coco, skeleton)
        except ValueError:
            continue
        return skeleton
    raise ValueError(
        f"{coco.path} has the keypoints {', '.join(coco.keypoints)}, of none of the skeletons "
        f"{', '.join(dict.fromkeys(skeleton.name for skeleton in known))}: evaluate a model that "
        "was made for them"
    )


def _complete(entry: dict[str, Any], number: int, skeleton: Skeleton, path: Path) -> dict[str, Any]:
    """An annotation with every field that pycocotools reads."""
    count = len(skeleton.keypoints)
    flat = entry.get("keypoints") or [0] * (3 * count)
    if len(flat) != 3 * count:
        raise ValueError(
            f"{path}: annotation {entry.get('id')} has {len(flat)} numbers as keypoints, the "
            f"{count} of skeleton {skeleton.name!r} need {3 * count}"
        )
    keypoints = np.array(flat, np.float32).reshape(1, count, 3)
    box = entry.get("bbox")
    if not box:
        box = (box_of(keypoints)[0] - [coco_json.BOX_SHIFT, coco_json.BOX_SHIFT, 0, 0]).tolist()
    area = entry.get("area") or float(area_of(np.array([box], np.float32))[0])
    return {
        **entry,
        "id": number,
        "category_id": PERSON,
        "keypoints": flat,
        "num_keypoints": int((keypoints[..., 2] > 0).sum()),
        "bbox": box,
        "area": area,
        "iscrowd": int(bool(entry.get("iscrowd"))),
    }
