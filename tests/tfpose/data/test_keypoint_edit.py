import pytest

from estimator import skeletons
from estimator.skeleton_file import from_tree
from tests.tfpose import toy_data
from tfpose.data import keypoint_edit

TREE = toy_data.tree(2)


def test_a_subset_keeps_flags_and_order_and_counts_anew() -> None:
    found = keypoint_edit.subset(TREE, ["right_foot", "head"])
    assert found["categories"][0]["keypoints"] == ["right_foot", "head"]
    person = found["annotations"][0]
    assert person["keypoints"] == [0, 0, 0, 30, 10, 2]
    assert person["num_keypoints"] == 1
    assert person["bbox"] == toy_data.BOX
    assert len(TREE["categories"][0]["keypoints"]) == 5  # the tree given stays as it was


def test_limbs_of_the_file_are_numbered_anew() -> None:
    category = {**TREE["categories"][0], "skeleton": [[1, 2], [1, 4]]}
    found = keypoint_edit.subset({**TREE, "categories": [category]}, ["left_foot", "head"])
    assert found["categories"][0]["skeleton"] == [[2, 1]]


def test_keypoints_are_renamed() -> None:
    found = keypoint_edit.renamed(TREE, {"head": "nose"})
    assert found["categories"][0]["keypoints"][0] == "nose"
    with pytest.raises(ValueError, match="no keypoint tail to rename"):
        keypoint_edit.renamed(TREE, {"tail": "x"})
    with pytest.raises(ValueError, match="one name"):
        keypoint_edit.renamed(TREE, {"head": "left_hand"})


def test_merging_joins_people_of_one_picture_and_numbers_anew() -> None:
    other = toy_data.tree(1)
    other["images"].append({"id": 7, "file_name": "new.jpg"})
    other["annotations"].append(toy_data.annotation(5, 7))
    found = keypoint_edit.merged([("a", TREE), ("b", other)])
    assert [image["file_name"] for image in found["images"]] == ["001.jpg", "002.jpg", "new.jpg"]
    assert [one["image_id"] for one in found["annotations"]] == [1, 2, 1, 3]
    assert [one["id"] for one in found["annotations"]] == [1, 2, 3, 4]


def test_what_does_not_fit_is_not_merged() -> None:
    fewer = keypoint_edit.subset(TREE, ["head"])
    with pytest.raises(ValueError, match="b has the keypoints head, a has head, left_hand"):
        keypoint_edit.merged([("a", TREE), ("b", fewer)])
    larger = {**TREE, "images": [{**image, "width": 99} for image in TREE["images"]]}
    with pytest.raises(ValueError, match=r"001\.jpg is 99 in width, and 64"):
        keypoint_edit.merged([("a", TREE), ("b", larger)])
    with pytest.raises(ValueError, match="found 0 such categories"):
        keypoint_edit.merged([("a", {"images": [], "annotations": []})])


def test_a_skeleton_of_some_keypoints_is_one_chain_to_each() -> None:
    kept = ["nose", "left_wrist", "right_wrist", "left_ankle", "right_ankle"]
    tree = keypoint_edit.skeleton(
        skeletons.get("openpose18"), kept, {"left_wrist": "left_hand", "right_wrist": "right_hand"}
    )
    found = from_tree(tree)
    assert len(found.limbs) == len(found.keypoints) - 1
    reached = {0}
    for _ in found.limbs:
        reached |= {end for limb in found.limbs if set(limb) & reached for end in limb}
    assert reached == set(range(5))
    assert found.keypoints[1] == "left_hand"
    assert set(found.flip_pairs) == {(2, 1), (4, 3)}
    assert found.sigmas[0] == 0.026
    with pytest.raises(ValueError, match="has no tail"):
        keypoint_edit.skeleton(skeletons.get("openpose18"), ["tail"], {})
