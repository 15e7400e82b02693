import json
from pathlib import Path

import numpy as np
import pytest

from estimator import pictures, skeletons
from estimator.outputs import reading, results
from estimator.poses import Poses
from tests.estimator.conftest import COLOURS

OPENPOSE = skeletons.get("openpose18")


def person_of_two() -> Poses:
    """Nose at (10.25, 20) and left wrist at (0, 0.5); nothing else was found."""
    xy = np.full((1, 18, 2), np.nan, np.float32)
    score = np.zeros((1, 18), np.float32)
    for name, place, value in (("nose", (10.25, 20), 0.75), ("left_wrist", (0, 0.5), 0.5)):
        index = OPENPOSE.keypoints.index(name)
        xy[0, index], score[0, index] = place, value
    person_score = np.array([0.625], np.float32)
    return Poses(skeleton=OPENPOSE, xy=xy, score=score, person_score=person_score)


def test_readable_names_what_was_found() -> None:
    row = results.readable(person_of_two(), file="a.jpg", height=30, width=40, model="m")
    assert row == {
        "file": "a.jpg",
        "width": 40,
        "height": 30,
        "model": "m",
        "skeleton": "openpose18",
        "people": [
            {
                "score": 0.625,
                "keypoints": {
                    "nose": {"x": 10.25, "y": 20.0, "score": 0.75},
                    "left_wrist": {"x": 0.0, "y": 0.5, "score": 0.5},
                },
            }
        ],
    }


def test_nobody_is_an_empty_list() -> None:
    empty = Poses.empty(OPENPOSE)
    assert results.readable(empty, file="a", height=1, width=1, model="m")["people"] == []
    assert results.coco_results(empty, 1) == []


def test_coco_counts_pixels_as_we_do_in_its_own_order() -> None:
    (row,) = results.coco_results(person_of_two(), 139)
    assert row["image_id"] == 139
    assert row["category_id"] == 1
    assert row["score"] == 0.625
    table = np.reshape(row["keypoints"], (17, 3))
    assert table[0].tolist() == [10.25, 20.0, 0.75]  # nose
    assert table[9].tolist() == [0.0, 0.5, 0.5]  # left wrist
    assert not np.delete(table, [0, 9], axis=0).any()


def test_person_without_a_coco_keypoint_is_left_out_of_coco() -> None:
    xy = np.full((1, 18, 2), np.nan, np.float32)
    score = np.zeros((1, 18), np.float32)
    xy[0, 1], score[0, 1] = (1, 2), 1  # the neck alone
    poses = Poses(skeleton=OPENPOSE, xy=xy, score=score, person_score=np.ones(1, np.float32))
    assert results.coco_results(poses, 1) == []


def test_skeleton_without_coco_keypoints_has_no_coco_results() -> None:
    with pytest.raises(ValueError, match="'colours' has no keypoint of coco17"):
        results.coco_results(Poses.empty(COLOURS), 1)


@pytest.mark.parametrize("rows", [[], [{"a": "é"}], [{"a": 1}, {"b": [1, 2]}]])
def test_json_leads_back(rows: list[dict[str, object]], tmp_path: Path) -> None:
    results.write_json(tmp_path / "x.json", rows)
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == rows
    assert len(list(tmp_path.iterdir())) == 1


def test_picture_leads_back(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
    results.write_picture(tmp_path / "x.png", picture)
    assert np.array_equal(pictures.read(tmp_path / "x.png"), picture)


def test_picture_that_jpeg_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x\.jpg"):
        results.write_picture(tmp_path / "x.jpg", np.zeros((1, 70_000, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x\.what"):
        results.write_picture(tmp_path / "x.what", np.zeros((1, 1, 3), np.uint8))


def whole_body(count: int = 1) -> Poses:
    skeleton = skeletons.get("coco_wholebody133")
    xy = np.tile(np.arange(133, dtype=np.float32)[:, None], (count, 1, 2))
    score = np.full((count, 133), 0.5, np.float32)
    return Poses(skeleton=skeleton, xy=xy, score=score, person_score=np.ones(count, np.float32))


def test_openpose_json_of_a_whole_body_has_feet_face_and_hands() -> None:
    (person,) = results.openpose(whole_body())["people"]
    lengths = {part: len(row) // 3 for part, row in person.items() if part.endswith("_2d")}
    assert lengths == {
        "pose_keypoints_2d": 25,
        "face_keypoints_2d": 70,
        "hand_left_keypoints_2d": 21,
        "hand_right_keypoints_2d": 21,
    }
    assert person["pose_keypoints_2d"][19 * 3 :][:3] == [17, 17, 0.5]  # left big toe
    assert person["face_keypoints_2d"][:3] == [23, 23, 0.5]
    assert person["face_keypoints_2d"][-6:] == [0] * 6  # pupils
    assert person["hand_left_keypoints_2d"][:3] == [91, 91, 0.5]
    assert person["hand_right_keypoints_2d"][-3:] == [132, 132, 0.5]


def test_openpose_json_of_a_body_with_feet_is_body25() -> None:
    halpe = skeletons.get("halpe26")
    poses = whole_body().to_skeleton(halpe)
    (person,) = results.openpose(poses)["people"]
    assert len(person["pose_keypoints_2d"]) == 25 * 3
    assert person["face_keypoints_2d"] == person["hand_left_keypoints_2d"] == []
    assert results.openpose(whole_body(0))["people"] == []


def test_what_was_written_is_read_again() -> None:
    poses = person_of_two()
    row = results.readable(poses, file="a.jpg", height=50, width=60, model="m")
    again = reading.of_readable(row)
    assert again.skeleton == poses.skeleton
    assert np.array_equal(again.xy, poses.xy, equal_nan=True)
    assert np.allclose(again.score, poses.score)
    coco = reading.of_coco(results.coco_results(poses, 7), skeletons.get("coco17"))
    assert coco.xy[0, 0].tolist() == [10.25, 20.0]
    assert len(reading.of_coco([], skeletons.get("coco17"))) == 0


def test_a_row_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="no keypoint 'tail' in coco17"):
        reading.of_readable(
            {
                "skeleton": "coco17",
                "people": [{"score": 1, "keypoints": {"tail": {"x": 1, "y": 2, "score": 1}}}],
            }
        )
    with pytest.raises(ValueError, match="51 numbers"):
        reading.of_coco([{"keypoints": [1, 2, 3], "score": 1}], skeletons.get("coco17"))
