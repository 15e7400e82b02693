import json
from pathlib import Path

import numpy as np
import pytest

from estimator import skeletons
from estimator.outputs.results import coco_results
from tfpose.data.annotations import Choice, reading
from tfpose.evaluation import annotations
from tfpose.evaluation.metrics import parts

WHOLE = skeletons.get("coco_wholebody133")


def person(shift: float = 0.0) -> dict[str, object]:
    """A COCO-WholeBody entry whose keypoint i lies at (i + shift, 2 i), without a right hand."""
    flat = [number for i in range(133) for number in (i + shift, 2 * i, 2)]
    return {
        "id": 1,
        "image_id": 7,
        "category_id": 1,
        "bbox": [0, 0, 140, 280],
        "area": 20_000.0,
        "iscrowd": 0,
        "keypoints": flat[:51],
        "foot_kpts": flat[51:69],
        "face_kpts": flat[69:273],
        "lefthand_kpts": flat[273:336],
        "righthand_kpts": flat[336:],
        "foot_valid": True,
        "face_valid": True,
        "lefthand_valid": True,
        "righthand_valid": False,
        "num_keypoints": 17,
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    coco = skeletons.get("coco17")
    category = {"id": 1, "name": "person", "keypoints": list(coco.keypoints), "skeleton": []}
    tree = {
        "images": [{"id": 7, "file_name": "7.jpg", "height": 300, "width": 200}],
        "annotations": [person()],
        "categories": [category],
    }
    path = tmp_path / "whole.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


WHOLE_BODY = Choice(format="coco_wholebody")


def test_parts_are_joined_in_the_skeletons_order(file: Path) -> None:
    found = reading.read(file, choice=WHOLE_BODY)
    assert found.keypoints == WHOLE.keypoints
    (someone,) = found.people[7]
    assert someone.keypoints.shape == (133, 3)
    assert someone.keypoints[:112, 0].tolist() == list(range(112))
    assert not someone.keypoints[112:].any()  # not valid
    (body,) = reading.read(file).people[7]  # not asked for: COCO's 17
    assert body.keypoints.shape == (17, 3)


def test_a_part_of_another_length_is_named(file: Path) -> None:
    tree = json.loads(file.read_text())
    tree["annotations"][0]["foot_kpts"] = [0] * 15
    file.write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(ValueError, match="15 numbers in foot_kpts, COCO-WholeBody has 18"):
        reading.read(file, choice=WHOLE_BODY)


def test_a_file_without_parts_is_refused(file: Path) -> None:
    tree = json.loads(file.read_text())
    for name in [name for name in tree["annotations"][0] if name.endswith("_kpts")]:
        del tree["annotations"][0][name]
    file.write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(ValueError, match=r"no coco_wholebody annotation: .*face_kpts"):
        reading.read(file, choice=WHOLE_BODY)


def test_every_part_has_figures_of_its_own(file: Path) -> None:
    truth = annotations.read(file, choice=WHOLE_BODY)
    assert truth.skeleton == WHOLE
    poses = truth.poses(7)
    xy = np.nan_to_num(poses.xy)
    score = np.ones_like(poses.score)
    xy[0, 23:91] += 500  # the face is elsewhere
    wrong = type(poses)(skeleton=WHOLE, xy=xy, score=score, person_score=poses.person_score)
    found = parts.evaluate(
        truth.tree(), coco_results(wrong, 7, WHOLE), image_ids=(7,), skeleton=WHOLE
    )
    figures = {name: scores.ap for name, scores in found.items()}
    assert figures == {
        "body": 1,
        "foot": 1,
        "face": 0,
        "left_hand": 1,
        "right_hand": -1,  # nobody has one
    }


def test_other_skeletons_have_no_parts(file: Path) -> None:
    truth = annotations.read(file)
    assert parts.evaluate(truth.tree(), [], image_ids=(7,), skeleton=truth.skeleton) == {}
