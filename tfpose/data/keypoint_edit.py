"""Edits COCO keypoint files: keeps some keypoints, renames them, merges files into one.

The trees are those of cocodataset.org/#format-data. What is not keypoints, such as boxes and
segmentations, stays as it is.
"""

import copy
import itertools
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from estimator.skeleton import Skeleton

Tree = dict[str, Any]


def renamed(tree: Tree, names: Mapping[str, str]) -> Tree:
    """The tree with other names of keypoints.

    Args:
      tree: of a COCO file.
      names: old name to new.

    Raises:
      ValueError: an old name is not there, or a new one is there twice.
    """
    tree = copy.deepcopy(tree)
    category = category_of(tree)
    unknown = sorted(set(names) - set(category["keypoints"]))
    if unknown:
        raise ValueError(
            f"there is no keypoint {', '.join(unknown)} to rename; there are "
            f"{', '.join(category['keypoints'])}"
        )
    new = [names.get(name, name) for name in category["keypoints"]]
    if len(set(new)) < len(new):
        raise ValueError(f"two keypoints would have one name: {', '.join(new)}")
    category["keypoints"] = new
    return tree


def subset(tree: Tree, keypoints: Sequence[str]) -> Tree:
    """The tree with these keypoints alone, in this order.

    People of whom nothing is left stay, without keypoints: training leaves their region out of the
    loss, since they are people all the same.

    Raises:
      ValueError: a keypoint is not there, or is named twice.
    """
    tree = copy.deepcopy(tree)
    category = category_of(tree)
    there = list(category["keypoints"])
    unknown = [name for name in keypoints if name not in there]
    if unknown or len(set(keypoints)) < len(keypoints) or not keypoints:
        raise ValueError(
            f"keep each keypoint once, of {', '.join(there)}; found {', '.join(keypoints)}"
        )
    places = [there.index(name) for name in keypoints]
    category["keypoints"] = list(keypoints)
    if category.get("skeleton"):
        number = {old + 1: new + 1 for new, old in enumerate(places)}  # COCO counts from 1
        category["skeleton"] = [
            [number[end] for end in limb]
            for limb in category["skeleton"]
            if all(end in number for end in limb)
        ]
    for annotation in tree["annotations"]:
        values = annotation.get("keypoints") or []
        if annotation.get("category_id") != category["id"] or len(values) != 3 * len(there):
            continue
        kept = [value for place in places for value in values[3 * place : 3 * place + 3]]
        annotation["keypoints"] = kept
        annotation["num_keypoints"] = sum(flag > 0 for flag in kept[2::3])
    return tree


def merged(trees: Sequence[tuple[str, Tree]]) -> Tree:
    """One tree of several; pictures of one file name are one picture, and ids are new.

    Args:
      trees: (name for messages, tree) of each.

    Raises:
      ValueError: their keypoints differ, or one picture has two sizes.
    """
    first, wanted = trees[0][0], category_of(trees[0][1])
    category = {**wanted, "id": 1}
    images: dict[str, dict[str, Any]] = {}
    annotations: list[dict[str, Any]] = []
    for name, tree in trees:
        own = category_of(tree)
        if own["keypoints"] != wanted["keypoints"]:
            raise ValueError(
                f"{name} has the keypoints {', '.join(own['keypoints'])}, {first} has "
                f"{', '.join(wanted['keypoints'])}: keep and rename them until they are the same"
            )
        number = {image["id"]: _added(images, image, name) for image in tree["images"]}
        for annotation in tree["annotations"]:
            if annotation.get("category_id") == own["id"] and annotation["image_id"] in number:
                ids = {"id": len(annotations) + 1, "image_id": number[annotation["image_id"]]}
                annotations.append({**annotation, **ids, "category_id": 1})
    return {
        "images": list(images.values()),
        "annotations": annotations,
        "categories": [category],
    }


def _added(images: dict[str, dict[str, Any]], image: Mapping[str, Any], name: str) -> int:
    """Adds a picture where it is not there yet; its new id."""
    file = str(image["file_name"])
    if file not in images:
        images[file] = {**image, "id": len(images) + 1}
    there = images[file]
    for side in ("height", "width"):
        if side in image and side in there and image[side] != there[side]:
            raise ValueError(
                f"{name}: {file} is {image[side]} in {side}, and {there[side]} in another file: "
                "give pictures of two names"
            )
    return int(there["id"])


def category_of(tree: Tree) -> dict[str, Any]:
    """The one category with names of keypoints.

    Raises:
      ValueError: there is none, or there are several.
    """
    found = [category for category in tree.get("categories", []) if category.get("keypoints")]
    if len(found) != 1 or not {"images", "annotations"} <= tree.keys():
        raise ValueError(
            "wanted is COCO's keypoint format: images, annotations, and one category that names "
            f"keypoints; found {len(found)} such categories"
        )
    category: dict[str, Any] = found[0]
    return category


def skeleton(source: Skeleton, keypoints: Sequence[str], names: Mapping[str, str]) -> Tree:
    """A skeleton file's tree for some keypoints of a skeleton.

    Limbs join every keypoint to the nearest others, counted in limbs of the source, so that each is
    reached by exactly one chain.

    Args:
      source: has the keypoints, by their old names.
      keypoints: those that are kept, by their old names, in order.
      names: old name to new.

    Raises:
      ValueError: the source lacks a keypoint.
    """
    missing = [name for name in keypoints if name not in source.keypoints]
    if missing:
        raise ValueError(
            f"skeleton {source.name} has no {', '.join(missing)}; write the skeleton file by hand "
            "(docs/your_own_data.md)"
        )
    places = [source.keypoints.index(name) for name in keypoints]
    new = {place: names.get(name, name) for place, name in zip(places, keypoints, strict=True)}
    return {
        "name": "own",
        "keypoints": [new[place] for place in places],
        "limbs": [[new[a], new[b]] for a, b in _tree_of(source, places)],
        "flip_pairs": [[new[a], new[b]] for a, b in source.flip_pairs if a in new and b in new],
        "sigmas": [source.sigmas[place] for place in places],
    }


def _tree_of(source: Skeleton, places: Sequence[int]) -> list[tuple[int, int]]:
    """The shortest tree over these keypoints, by the number of limbs between them."""
    pairs = sorted(
        (
            (_between(source, a, b), order, a, b)
            for order, (a, b) in enumerate(itertools.combinations(places, 2))
        )
    )
    group = {place: place for place in places}
    limbs = []
    for _, _, a, b in pairs:
        if group[a] != group[b]:
            limbs.append((a, b))
            old, kept = group[b], group[a]
            group = {place: kept if one == old else one for place, one in group.items()}
    return limbs


def _between(source: Skeleton, start: int, end: int) -> int:
    """Limbs from one keypoint to another; as many as there are where none leads there."""
    waiting, seen = deque([(start, 0)]), {start}
    while waiting:
        place, steps = waiting.popleft()
        if place == end:
            return steps
        for other in _neighbours(source, place):
            if other not in seen:
                seen.add(other)
                waiting.append((other, steps + 1))
    return len(source.limbs)


def _neighbours(source: Skeleton, place: int) -> Iterable[int]:
    for index, limb in enumerate(source.limbs):
        if place in limb and index not in source.redundant_limbs:
            yield from (other for other in limb if other != place)
