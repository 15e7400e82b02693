"""Reading annotations in COCO's keypoint format (cocodataset.org, "Data format").

Pixel origin. COCO's keypoints are whole numbers from 0 to width - 1: indices of pixels, so they
are already ours (the centre of pixel i is i; detectron2 reads them so too, `datasets/coco.py`:
it adds 0.5 in a convention where the centre is i + 0.5). Boxes and segmentations are edges from 0
to the width, so half a pixel more than ours.
"""

import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from estimator.arrays import Float
from estimator.skeleton import Skeleton

from .ignore_regions import Region, rectangle
from .picture_files import Pictures
from .pose_set import PoseSet
from .records import Sample, area_of, box_of

KEYPOINT_SHIFT = 0.0  # added to a foreign keypoint
BOX_SHIFT = -0.5  # added to a foreign box's x and y


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoFile:
    """A COCO file whose structure is sound.

    Attributes:
      path: where it came from, for messages.
      images: by id.
      annotations: those of the categories with keypoints, by image id.
      orphans: annotations of images that the file does not list, one line each.
      keypoints: the names of a person's keypoints, as the file spells them; empty if it names none.
      limbs: pairs of indices, from 0, that the file's `skeleton` joins.
    """

    path: Path
    images: dict[Any, dict[str, Any]]
    annotations: dict[Any, list[dict[str, Any]]]
    orphans: tuple[str, ...]
    keypoints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]


def read(path: Path) -> CocoFile:
    """Reads a .json, or the one .json inside a .zip.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not JSON, or not COCO's keypoint format; names the file and the fix.
    """
    tree = _load(path)
    if not isinstance(tree, dict) or any(
        not isinstance(tree.get(part), list) for part in ("images", "annotations", "categories")
    ):
        raise ValueError(f"{path} is not COCO's keypoint format: {_resemblance(tree)}")
    category = _category(path, tree["categories"])
    images: dict[Any, dict[str, Any]] = {}
    for image in tree["images"]:
        if not isinstance(image, dict) or not {"id", "file_name"} <= set(image):
            raise ValueError(f"{path}: an image has no 'id' or no 'file_name': {image!r:.200}")
        if image["id"] in images:
            raise ValueError(f"{path}: two images have the id {image['id']}: ids must be unique")
        images[image["id"]] = image
    annotations, orphans = defaultdict(list), []
    for annotation in tree["annotations"]:
        if not isinstance(annotation, dict) or "image_id" not in annotation:
            raise ValueError(f"{path}: an annotation has no 'image_id': {annotation!r:.200}")
        if annotation.get("category_id", category["id"]) != category["id"]:
            continue
        if annotation["image_id"] in images:
            annotations[annotation["image_id"]].append(annotation)
        else:
            orphans.append(
                f"annotation {annotation.get('id')} is of image {annotation['image_id']}, "
                f"which {path.name} does not list"
            )
    return CocoFile(
        path=path,
        images=images,
        annotations=dict(annotations),
        orphans=tuple(orphans),
        keypoints=tuple(category.get("keypoints", ())),
        limbs=tuple((a - 1, b - 1) for a, b in category.get("skeleton", ())),
    )


def check_skeleton(coco: CocoFile, skeleton: Skeleton) -> None:
    """Refuses a skeleton that the file was not labelled with.

    Raises:
      ValueError: number, names or order of the keypoints differ; names both files' and the fix.
    """
    found = tuple(map(_plain, coco.keypoints))
    if not found or found == tuple(map(_plain, skeleton.keypoints)):
        return
    if len(found) != len(skeleton.keypoints):
        difference = (
            f"{len(found)} keypoints ({', '.join(coco.keypoints)}), but skeleton "
            f"{skeleton.name!r} has {len(skeleton.keypoints)} ({', '.join(skeleton.keypoints)})"
        )
    else:
        index = next(i for i, name in enumerate(skeleton.keypoints) if _plain(name) != found[i])
        difference = (
            f"{coco.keypoints[index]!r} as keypoint {index}, where skeleton {skeleton.name!r} has "
            f"{skeleton.keypoints[index]!r}"
        )
    raise ValueError(
        f"{coco.path} has {difference}. Give the skeleton that it was labelled with: a file with "
        "the same keypoints in the same order (docs/your_own_data.md shows one)"
    )


def samples(coco: CocoFile, skeleton: Skeleton) -> Iterable[Sample]:
    """The pictures of a file, in its order, with their people.

    Crowds and people without a labelled keypoint become regions to ignore. A person without a box
    has the one around the keypoints, without an area the usual share of the box.

    Raises:
      ValueError: the skeleton does not fit, or an annotation's numbers are malformed.
    """
    check_skeleton(coco, skeleton)
    for image_id, image in coco.images.items():
        people, ignored = [], _drawn_regions(image)
        for annotation in coco.annotations.get(image_id, ()):
            keypoints = _keypoints(coco, annotation, len(skeleton.keypoints))
            if annotation.get("iscrowd") or not (keypoints[:, 2] != 0).any():
                ignored.extend(_region(annotation))
            else:
                people.append((keypoints, *_box_and_area(coco, annotation, keypoints)))
        count = len(people)
        yield Sample(
            picture=str(image["file_name"]),
            image_id=str(image_id),
            height=image.get("height"),
            width=image.get("width"),
            keypoints=np.array([person[0] for person in people], np.float32).reshape(
                count, len(skeleton.keypoints), 3
            ),
            boxes=np.array([person[1] for person in people], np.float32).reshape(count, 4),
            areas=np.array([person[2] for person in people], np.float32),
            ignored=tuple(ignored),
        )


def pose_set(path: Path | CocoFile, pictures: Iterable[Path], skeleton: Skeleton) -> PoseSet:
    """The split that one annotation file, or one that was read, and its pictures make.

    Raises:
      FileNotFoundError, ValueError: as `read`, `samples` and `Pictures`.
    """
    coco = path if isinstance(path, CocoFile) else read(path)
    return PoseSet(
        samples=tuple(samples(coco, skeleton)),
        pictures=Pictures(pictures),
        unusable=coco.orphans,
    )


def _load(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"no annotation file {path}")
    try:
        if not zipfile.is_zipfile(path):
            return json.loads(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".json")]
            if len(members) != 1:
                raise ValueError(f"{path} must hold one .json, found {members}: unpack it")
            return json.loads(archive.read(members[0]))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is not JSON ({error}): if it was cut short, fetch or export it again"
        ) from error


def _resemblance(tree: Any) -> str:
    """What a file that is not COCO's looks like, and what to do with it."""
    first = tree[0] if isinstance(tree, list) and tree else None
    if isinstance(first, dict) and {"joints", "center"} <= set(first):
        return "it looks like HRNet's MPII format; use --dataset=mpii"
    if isinstance(first, dict) and "score" in first:
        return "it looks like detections or results; give the annotation file"
    found = sorted(tree)[:8] if isinstance(tree, dict) else type(tree).__name__
    return (
        f"it needs the lists 'images', 'annotations' and 'categories', found {found}; export it "
        "from your labelling tool as 'COCO keypoints'"
    )


def _category(path: Path, categories: list[dict[str, Any]]) -> dict[str, Any]:
    """The one category with keypoints; the only category if none says so."""
    posed = [category for category in categories if category.get("keypoints")]
    if not posed and len(categories) == 1:
        posed = categories
    if len(posed) != 1 or "id" not in posed[0]:
        raise ValueError(
            f"{path} must have one category with 'id' and 'keypoints', found "
            f"{[category.get('name') for category in posed]}: keep one kind of creature a file"
        )
    return posed[0]


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _keypoints(coco: CocoFile, annotation: dict[str, Any], count: int) -> Float:
    """(K, 3) in our convention; what is not labelled is 0."""
    numbers = annotation.get("keypoints") or [0] * (3 * count)
    try:
        flat = np.asarray(numbers, np.float32).ravel()
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{coco.path}: annotation {annotation.get('id')} has keypoints that are no numbers: "
            f"{numbers!r:.200}"
        ) from error
    if flat.size != 3 * count:
        raise ValueError(
            f"{coco.path}: annotation {annotation.get('id')} has {flat.size} numbers as keypoints, "
            f"the skeleton's {count} keypoints need {3 * count} (x, y, visibility each)"
        )
    keypoints = flat.reshape(count, 3)
    keypoints[:, :2] += KEYPOINT_SHIFT
    keypoints[keypoints[:, 2] == 0] = 0
    return keypoints


def _box_and_area(
    coco: CocoFile, annotation: dict[str, Any], keypoints: Float
) -> tuple[Float, float]:
    box = annotation.get("bbox")
    if box is None or len(box) == 0:
        here = box_of(keypoints[np.newaxis])[0]
    elif len(box) == 4:
        here = np.asarray(box, np.float32) + np.array([BOX_SHIFT, BOX_SHIFT, 0, 0], np.float32)
    else:
        raise ValueError(
            f"{coco.path}: annotation {annotation.get('id')} has the bbox {box}; it needs x, y, "
            "width, height"
        )
    area = annotation.get("area")
    return here, float(area if area else area_of(here[np.newaxis])[0])


def _drawn_regions(image: dict[str, Any]) -> list[Region]:
    """PoseTrack18's regions without labels: polygons, x and y apart, beside the picture's size."""
    edges = zip(image.get("ignore_regions_x", ()), image.get("ignore_regions_y", ()), strict=True)
    return [[np.stack([x, y], axis=1).ravel().tolist()] for x, y in edges]


def _region(annotation: dict[str, Any]) -> list[Region]:
    if annotation.get("segmentation"):
        return [annotation["segmentation"]]
    box = annotation.get("bbox")
    return [rectangle(*box)] if box is not None and len(box) == 4 else []
