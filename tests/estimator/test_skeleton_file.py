import dataclasses
import json
from pathlib import Path

import pytest

from estimator import skeleton_file, skeletons
from tests.tfpose import toy_data


@pytest.mark.parametrize("name", skeletons.names())
def test_skeleton_survives_json(name: str) -> None:
    skeleton = skeletons.get(name)
    tree = json.loads(json.dumps(dataclasses.asdict(skeleton)))
    assert skeleton_file.from_tree(tree) == skeleton


def test_limbs_may_name_or_count_keypoints() -> None:
    skeleton = skeleton_file.from_tree(toy_data.SKELETON)
    assert skeleton.limbs == ((0, 1), (0, 2), (0, 3), (0, 4))
    assert skeleton.flip_pairs == ((1, 2), (3, 4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flip_pairs": [[1, 2], [2, 3]]}, "two flips do not lead back"),
        ({"limbs": [["head", "tail"]]}, "limbs names 'tail'"),
        ({"limbs": [[0, 1, 2]]}, "limbs must be pairs"),
        ({"sigmas": [0.1]}, "5 positive sigmas"),
        ({"colour": "red"}, r"unknown fields \['colour'\]"),
    ],
)
def test_invalid_skeleton_names_the_file(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(toy_data.SKELETON | change))
    with pytest.raises(ValueError, match=rf"mine.json holds no skeleton: .*{message}"):
        skeleton_file.read(path)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_what_is_no_skeleton_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"mine.json holds no skeleton"):
        skeleton_file.read(path)


def test_missing_skeleton_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no skeleton file .*mine.json"):
        skeleton_file.read(tmp_path / "mine.json")


def test_a_skeleton_goes_by_its_name_or_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(toy_data.SKELETON))
    assert skeletons.get(path) == skeletons.get(str(path)) == skeleton_file.read(path)
    assert skeletons.get("coco17").name == "coco17"
    with pytest.raises(FileNotFoundError, match=r"no skeleton file .*none.json"):
        skeletons.get(tmp_path / "none.json")
    with pytest.raises(
        ValueError, match=r"no skeleton 'mine'; there are .*coco17, .*or give a \.json"
    ):
        skeletons.get("mine")
