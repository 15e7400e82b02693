import json
from dataclasses import replace

import numpy as np
import pytest

from estimator import skeletons
from estimator.poses import Poses

COCO = skeletons.get("coco17")


def one_person() -> Poses:
    xy = np.full((1, 17, 2), np.nan, np.float32)
    score = np.zeros((1, 17), np.float32)
    xy[0, 5], xy[0, 6] = (10, 20), (30, 40)  # shoulders
    score[0, 5:7] = 0.5, 0.25
    return Poses(skeleton=COCO, xy=xy, score=score, person_score=np.ones(1, np.float32))


def test_empty_has_no_people_and_maps_to_another_skeleton() -> None:
    empty = Poses.empty(COCO)
    assert len(empty) == 0
    assert empty.boxes.shape == (0, 4)
    assert empty.to_skeleton(skeletons.get("openpose18")).xy.shape == (0, 18, 2)
    assert len(empty.transformed(np.eye(2, 3))) == 0


def test_box_surrounds_what_was_found() -> None:
    assert one_person().boxes.tolist() == [[10, 20, 20, 20]]


def test_neck_takes_the_middle_and_the_lower_score() -> None:
    poses = one_person().to_skeleton(skeletons.get("openpose18"))
    assert poses.xy[0, 1].tolist() == [20, 30]
    assert poses.score[0, 1] == 0.25
    assert not poses.found[0, 0]


def test_neck_is_absent_without_a_shoulder() -> None:
    poses = one_person()
    xy, score = poses.xy.copy(), poses.score.copy()
    xy[0, 5], score[0, 5] = np.nan, 0
    half = Poses(skeleton=COCO, xy=xy, score=score, person_score=poses.person_score)
    assert not half.to_skeleton(skeletons.get("openpose18")).found[0, 1]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("xy", np.zeros((1, 16, 2), np.float32), r"shape \(\*, 17, 2\), found \(1, 16, 2\)"),
        ("score", np.zeros((2, 17), np.float32), r"shape \(1, 17\)"),
        ("person_score", np.ones(1), "must be float32, found float64"),
        ("score", np.ones((1, 17), np.float32), "NaN exactly where score is 0"),
    ],
)
def test_wrong_arrays_are_refused(field: str, value: np.ndarray, message: str) -> None:
    good = one_person()
    arrays = {"xy": good.xy, "score": good.score, "person_score": good.person_score}
    with pytest.raises(ValueError, match=message):
        Poses(skeleton=COCO, **(arrays | {field: value}))


def crowd(identity: list[int]) -> Poses:
    one = one_person()
    return replace(
        one.select(np.zeros(len(identity), np.int64)), identity=np.array(identity, np.int64)
    )


def test_a_person_with_an_identity_cannot_be_selected_twice() -> None:
    with pytest.raises(ValueError, match="name each person once"):
        crowd([7, 3, 5]).select(np.array([1, 1]))


def test_people_are_selected_by_a_row_of_indices() -> None:
    with pytest.raises(ValueError, match=r"xy must have shape \(\*, 17, 2\)"):
        one_person().select(np.array([[0]]))


def test_identity_stays_with_its_person() -> None:
    chosen = crowd([7, 3, 5]).select(np.array([2, 0]))
    assert chosen.identity.tolist() == [5, 7]
    assert chosen.to_skeleton(skeletons.get("openpose18")).identity.tolist() == [5, 7]
    assert one_person().select(np.array([0])).identity is None


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (np.zeros(2, np.int64), "identity must name each person once"),
        (np.zeros(1, np.int64), r"identity must have shape \(2\)"),
        (np.arange(2.0), "identity must be int64"),
    ],
)
def test_wrong_identities_are_refused(identity: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(crowd([1, 2]), identity=identity)


def test_people_are_iterated_and_named_keypoints_are_read() -> None:
    poses = one_person()
    (person,) = poses
    assert person["left_shoulder"] == (10, 20, 0.5)
    assert person["nose"] is None
    assert person.box == (10, 20, 20, 20)
    assert list(Poses.empty(COCO)) == []
    with pytest.raises(KeyError, match="no keypoint 'tail'"):
        person["tail"]
    with pytest.raises(IndexError):
        poses[1]


def test_repr_is_a_line_that_counts() -> None:
    assert repr(one_person()) == "Poses(1 person, coco17, scores 1.00)"
    assert repr(Poses.empty(COCO)) == "Poses(0 people, coco17)"
    assert repr(one_person()[0]) == "Person(score 1.00, 2 of 17 keypoints)"
    assert repr(replace(one_person(), identity=np.array([7]))[0]).startswith("Person(#7, ")


def test_to_dict_is_json_without_what_was_not_found() -> None:
    found = json.loads(json.dumps(one_person().to_dict()))
    assert found["skeleton"] == "coco17"
    (person,) = found["people"]
    assert person["keypoints"] == {
        "left_shoulder": {"x": 10.0, "y": 20.0, "score": 0.5},
        "right_shoulder": {"x": 30.0, "y": 40.0, "score": 0.25},
    }
    assert Poses.empty(COCO).to_dict() == {"skeleton": "coco17", "people": []}
