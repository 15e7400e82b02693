"""What can be read and is probably wrong, one small file of each kind."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from estimator import skeleton_file
from tests.tfpose import toy_data
from tfpose.data import annotations
from tfpose.data.annotations import suspicions

SKELETON = skeleton_file.from_tree(toy_data.SKELETON)
Tree = dict[str, Any]


def sound() -> Tree:
    """Seven pictures of one person each, of differing sizes."""
    tree = toy_data.tree(7)
    for index, entry in enumerate(tree["annotations"]):
        entry["bbox"] = [15, 5, 30 + index, 50]
        entry["area"] = 800 + index
    return tree


def each(**fields: Callable[[Tree], Any]) -> Callable[[Tree], None]:
    def change(tree: Tree) -> None:
        for entry in tree["annotations"]:
            entry.update({name: make(entry) for name, make in fields.items()})

    return change


def twice(tree: Tree) -> None:
    tree["images"][1]["file_name"] = tree["images"][0]["file_name"]


def exchanged(tree: Tree) -> None:
    """Two people in a picture, each with the other's keypoints."""
    far = (np.reshape(toy_data.PERSON, (5, 3)) * [0.2, 0.2, 1]).ravel().tolist()
    tree["annotations"][0]["keypoints"] = far
    tree["annotations"][1] |= {"image_id": 1, "bbox": [0, 0, 12, 12], "area": 60}


def one_outside(tree: Tree) -> None:
    tree["annotations"][0]["bbox"] = [40, 5, 40, 40]


def shares(tree: Tree) -> None:
    one = np.reshape(toy_data.PERSON, (5, 3)) * [0.01, 0.01, 1]
    tree["annotations"][0] |= {"keypoints": one.ravel().tolist(), "bbox": [0, 0, 1, 1], "area": 1}


KINDS = {
    "unflagged_keypoint": each(keypoints=lambda entry: [*entry["keypoints"][:12], 40, 50, 0]),
    "boxes_as_corners": each(
        bbox=lambda entry: [30, 20, 60, 58], area=lambda entry: 1200 + entry["id"]
    ),
    "box_outside_picture": one_outside,
    "area_unlike_box": each(area=lambda entry: 1.0),
    "file_under_two_ids": twice,
    "keypoints_of_another": exchanged,
    "normalised_keypoints": shares,
}


def found(folder: Path, change: Callable[[Tree], Any]) -> annotations.Annotations:
    tree = sound()
    change(tree)
    path = folder / "toy.json"
    path.write_text(json.dumps(tree))
    return annotations.read(path)


def test_sound_file_is_not_suspicious(tmp_path: Path) -> None:
    assert list(suspicions.find(found(tmp_path, lambda tree: None), SKELETON)) == []


def test_every_kind_is_tried() -> None:
    assert set(KINDS) | {"unreached_keypoint"} == set(suspicions.KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_named(tmp_path: Path, kind: str) -> None:
    read = found(tmp_path, KINDS[kind])
    assert kind in {one.kind for one in suspicions.find(read, SKELETON)}
    assert any(
        f" x {kind}: {suspicions.KINDS[kind]}" in line for line in suspicions.lines(read, SKELETON)
    )


def test_keypoint_that_no_limb_reaches_is_named(tmp_path: Path) -> None:
    read = found(tmp_path, lambda tree: None)
    skeleton = dataclasses.replace(SKELETON, limbs=SKELETON.limbs[:3])
    (one,) = suspicions.find(read, dataclasses.replace(skeleton, limbs=((0, 1), (0, 2))))
    assert (one.kind, one.detail) == ("unreached_keypoint", "left_foot, labelled 7 times")


def test_one_area_for_all_is_a_placeholder(tmp_path: Path) -> None:
    read = found(tmp_path, each(area=lambda entry: 700))
    (one,) = suspicions.find(read, SKELETON)
    assert one.detail == "7 of 7 people have the area 700"
