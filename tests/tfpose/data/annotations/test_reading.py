"""One small file of each kind that was met in public: the same decision in every program."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from estimator import skeleton_file
from tests.tfpose import toy_data
from tfpose.data import annotations
from tfpose.data.annotations import Choice, fitting
from tfpose.data.pose_set import check
from tfpose.evaluation import annotations as truth

SKELETON = skeleton_file.from_tree(toy_data.SKELETON)
Tree = dict[str, Any]
PEOPLE = 3


def people(tree: Tree) -> list[dict[str, Any]]:
    return tree["annotations"]


def each(field: str, change: Callable[[Any], Any]) -> Callable[[Tree], None]:
    """Changes a field of every annotation."""

    def changed(tree: Tree) -> None:
        for entry in people(tree):
            entry[field] = change(entry.get(field))

    return changed


def image(**fields: Any) -> Callable[[Tree], None]:
    def changed(tree: Tree) -> None:
        for entry in tree["images"]:
            entry.update(fields)

    return changed


def category(**fields: Any) -> Callable[[Tree], None]:
    return lambda tree: tree["categories"][0].update(fields)


def text_ids(tree: Tree) -> None:
    for entry in tree["images"]:
        entry["id"] = str(entry["id"])


def float_ids(tree: Tree) -> None:
    for entry in tree["images"]:
        entry["id"] = float(entry["id"])
    each("image_id", float)(tree)


def triples(flat: list[float]) -> list[list[float]]:
    return np.reshape(flat, (-1, 3)).tolist()


def null_where_unlabelled(flat: list[float]) -> list[float | None]:
    return [*flat[:-3], None, None, 0]


def orphan(tree: Tree) -> None:
    tree["annotations"] += [toy_data.annotation(300, 1) for _ in range(30)]
    people(tree).append(toy_data.annotation(999, 77))


SAME = {  # all of these mean what the plain file means
    "plain": lambda tree: None,
    "skeleton null": category(skeleton=None),
    "skeleton of names": category(skeleton=[["head", "left_hand"]]),
    "category_id text": each("category_id", str),
    "category_id float": each("category_id", float),
    "image id text": text_ids,
    "image_id text": each("image_id", str),
    "both text": lambda tree: (text_ids(tree), each("image_id", str)(tree)),
    "image ids float": float_ids,
    "flat polygon": each("segmentation", lambda _: [15, 5, 45, 5, 45, 55, 15, 55]),
    "keypoints nested": each("keypoints", triples),
    "keypoints text": each("keypoints", lambda flat: [*map(str, flat)]),
    "keypoints float": each("keypoints", lambda flat: [*map(float, flat)]),
    "null not labelled": each("keypoints", null_where_unlabelled),
    "sizes text": image(height="60", width="64"),
    "sizes float": image(height=60.0, width=64.0),
    "sizes 0": image(height=0, width=0),
    "sizes null": image(height=None, width=None),
    "bbox text": each("bbox", lambda box: [*map(str, box)]),
    "area text": each("area", str),
    "iscrowd text": each("iscrowd", str),
    "iscrowd false": each("iscrowd", bool),
    "iscrowd null": each("iscrowd", lambda _: None),
    "num_keypoints wrong": each("num_keypoints", lambda _: "none"),
    "titled names": category(
        keypoints=["Head", "Left Hand", "Right-Hand", "left foot", "RIGHT_FOOT"]
    ),
}
REFUSED = {
    "no annotations": (lambda tree: people(tree).clear(), "no person with a labelled keypoint"),
    "all crowds": (each("iscrowd", lambda _: 1), "3 annotations: 3 crowds"),
    "nobody labelled": (each("keypoints", lambda flat: [0] * 15), "3 without a labelled keypoint"),
    "shares": (
        each("keypoints", lambda k: (np.reshape(k, (5, 3)) * [0.01, 0.01, 1]).ravel().tolist()),
        "within 0..1: they are shares",
    ),
    "negative area": (each("area", lambda _: -5), "annotation 101: area -5: give the area"),
    "nan area": (each("area", lambda _: float("nan")), "annotation 101: area nan"),
    "infinite area": (each("area", lambda _: float("inf")), "annotation 101: area inf"),
    "nan labelled": (each("keypoints", lambda k: [float("nan"), *k[1:]]), "the labelled 'head'"),
    "null labelled": (each("keypoints", lambda k: [None, *k[1:]]), "101: keypoints is .*None"),
    "iscrowd word": (each("iscrowd", lambda _: "false"), "iscrowd is 'false': give 0 or 1"),
    "iscrowd 2": (each("iscrowd", lambda _: 2), "iscrowd 2: it must be 0 or 1"),
    "category null": (each("category_id", lambda _: None), "category_id is None: give the id"),
    "file_name number": (image(file_name=790), "file_name is 790: give the picture's path"),
    "flags 1 to 3": (each("keypoints", lambda k: [*k[:2], 3, *k[3:]]), "the flags 3: a flag is 0"),
    "box nan": (each("bbox", lambda b: [*b[:3], float("nan")]), "bbox .*nan.*: give finite"),
    "box negative": (each("bbox", lambda b: [*b[:3], -4]), "negative width or height"),
    "sizes negative": (image(height=-4), "height -4: give pixels"),
    "keypoints a number": (each("keypoints", lambda _: 3), "keypoints is 3: give x, y and a flag"),
    "image_id null": (each("image_id", lambda _: None), "image_id is None: give the id"),
    "annotation a list": (lambda tree: people(tree).append([]), "at place 3"),
}


def written(folder: Path, change: Callable[[Tree], Any]) -> Path:
    tree = toy_data.tree(PEOPLE)
    change(tree)
    path = folder / "toy.json"
    path.write_text(json.dumps(tree))
    return path


def prepared(path: Path) -> int:
    """The number of people that prepare would write."""
    part = annotations.pose_set(path, [], SKELETON)
    part.annotations.check_people()
    return sum(len(sample.keypoints) for sample in part.samples)


@pytest.mark.parametrize("kind", SAME)
def test_what_has_one_meaning_is_read_as_it(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, SAME[kind])
    found = truth.read(path, skeleton=SKELETON)
    entries = [
        entry | {"image_id": int(entry["image_id"])} for entry in found.tree()["annotations"]
    ]
    plain = truth.read(written(tmp_path, SAME["plain"]), skeleton=SKELETON)
    assert entries == plain.tree()["annotations"]
    SAME[kind](tree := toy_data.tree(PEOPLE))
    path.write_text(json.dumps(tree))
    assert prepared(path) == PEOPLE
    retyped = kind not in {"plain", "skeleton null", "skeleton of names", "titled names"}
    quiet = {"sizes 0", "sizes null", "iscrowd null", "num_keypoints wrong", "keypoints float"}
    quiet |= {"flat polygon"}  # not needed where the area is given
    assert bool(found.labels.notes()) == (retyped and kind not in quiet)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_not_is_refused_by_all_and_says_what_to_do(tmp_path: Path, kind: str) -> None:
    change, message = REFUSED[kind]
    path = written(tmp_path, change)
    with pytest.raises(ValueError, match=message) as of_evaluate:
        truth.read(path, skeleton=SKELETON)
    with pytest.raises(ValueError, match=message) as of_prepare:
        prepared(path)
    assert str(of_evaluate.value) == str(of_prepare.value)
    assert str(path) in str(of_evaluate.value)


def test_a_few_annotations_of_nothing_are_counted_and_many_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, orphan)
    part = annotations.pose_set(path, [], SKELETON)
    assert len(part.unusable) == 1
    tree = toy_data.tree(1)
    people(tree).append(toy_data.annotation(9, 1, category_id=8))
    path.write_text(json.dumps(tree))
    with pytest.raises(ValueError, match=r"annotation 9 has the category_id 8, which toy\.json"):
        check("train", annotations.pose_set(path, [], SKELETON))


def test_missing_area_is_that_of_the_polygon(tmp_path: Path) -> None:
    def change(tree: Tree) -> None:
        for entry in people(tree):
            entry["segmentation"] = [[0, 0, 10, 0, 10, 20, 0, 20]]
            entry["area"] = None

    (one, *_) = (person for _, person in annotations.read(written(tmp_path, change)).everybody())
    assert one.area == 200


def test_file_without_names_needs_a_skeleton_or_names(tmp_path: Path) -> None:
    path = written(tmp_path, lambda tree: tree["categories"][0].pop("keypoints"))
    with pytest.raises(ValueError, match="does not name its keypoints: give the skeleton"):
        truth.read(path, known=[SKELETON])
    assert truth.read(path, skeleton=SKELETON).labels.count() == PEOPLE
    named = Choice(keypoints=tuple(toy_data.KEYPOINTS))
    assert truth.read(path, known=[SKELETON], choice=named).skeleton == SKELETON


def test_another_category_is_chosen_by_name_and_several_are_merged(tmp_path: Path) -> None:
    def two(tree: Tree) -> None:
        tree["categories"].append({"id": 2, "name": "child", "keypoints": toy_data.KEYPOINTS})
        people(tree)[0]["category_id"] = 2

    path = written(tmp_path, two)
    with pytest.raises(ValueError, match=r"found person, child: choose with --category=NAME"):
        annotations.read(path)
    for names, count in ((("child",), 1), (("Person",), 2), (("person", "child"), 3)):
        assert annotations.read(path, choice=Choice(categories=names)).count() == count
    with pytest.raises(ValueError, match="no category 'dog', only person, child"):
        annotations.read(path, choice=Choice(categories=("dog",)))


def test_other_names_are_mapped_and_the_mapping_is_suggested(tmp_path: Path) -> None:
    names = ["Head", "LHand", "hand_right", "L.foot", "RFoot"]
    path = written(tmp_path, category(keypoints=names))
    with pytest.raises(ValueError, match="--skeleton=toy5 --keypoint_names=") as refused:
        truth.read(path, known=[SKELETON])
    suggested = str(refused.value).partition("--keypoint_names=")[2]
    assert suggested == ("LHand=left_hand,hand_right=right_hand,L.foot=left_foot,RFoot=right_foot")
    choice = Choice(keypoints=tuple(suggested.split(",")))
    assert truth.read(path, known=[SKELETON], choice=choice).skeleton == SKELETON
    with pytest.raises(ValueError, match="--keypoint_names renames tail"):
        annotations.read(path, choice=Choice(keypoints=("tail=head",)))
    with pytest.raises(ValueError, match="either all THEIRS=OURS or all names"):
        Choice(keypoints=("a=b", "c"))


def test_fit_refuses_what_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, category(keypoints=["head", "left_hand", "x", "left_foot", "y"]))
    with pytest.raises(ValueError, match="right_hand, right_foot cannot be found by name"):
        fitting.fit(annotations.read(path), SKELETON)


@pytest.mark.parametrize("place", ["", '{"images": ', '{"images": [], "annotations": ['])
@pytest.mark.parametrize("piece", ["[", '{"a":'])
def test_what_nests_without_end_is_refused_by_its_name(
    place: str, piece: str, tmp_path: Path
) -> None:
    path = tmp_path / "deep.json"
    closing = {"[": "]", '{"a":': "}"}[piece] * 100_000
    for text in (piece * 100_000, piece * 100_000 + "1" + closing):
        end = '], "categories": []}' if place.endswith("[") else ""
        path.write_text(place + text + end)
        with pytest.raises(ValueError, match=r"deep\.json"):
            annotations.read(path)


def test_an_entry_that_nests_without_end_is_refused_by_the_name_of_its_file(
    tmp_path: Path,
) -> None:
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    tree = {"categories": [{"id": 1, "name": "person"}], "images": [], "annotations": []}
    for key in ("images", "annotations"):
        path = tmp_path / "deep.json"
        path.write_text(json.dumps(tree).replace(f'"{key}": []', f'"{key}": [{deep}]'))
        with pytest.raises(ValueError, match=r"deep\.json"):
            annotations.read(path)
