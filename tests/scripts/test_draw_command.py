"""Predictions that were written before are drawn again, without a network."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import skeletons
from estimator.outputs import results
from estimator.poses import Poses

from .conftest import Tfpose

COCO = skeletons.get("coco17")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("000000000139.jpg", "b.png"):
        cv2.imwrite(str(folder / name), np.zeros((60, 60, 3), np.uint8))
    return folder


def person() -> Poses:
    xy = np.random.default_rng(0).uniform(5, 55, (1, 17, 2)).astype(np.float32)
    score = np.full((1, 17), 0.9, np.float32)
    return Poses(skeleton=COCO, xy=xy, score=score, person_score=score[:, 0])


def drawn(path: Path) -> int:
    """Bright pixels of a picture that was black."""
    return int((cv2.imread(str(path)).max(axis=2) > 60).sum())


def test_readable_predictions_are_drawn(tfpose: Tfpose, pictures: Path, tmp_path: Path) -> None:
    row = results.readable(person(), file="b.png", height=60, width=60, model="m")
    results.write_json(tmp_path / "poses.json", [row])
    words = (f"--predictions={tmp_path}/poses.json", f"--images={pictures}")
    ended = tfpose("draw", *words, f"--out={tmp_path}/drawn")
    assert ended.returncode == 0, ended.stderr
    assert "1 pictures drawn" in ended.stdout
    assert drawn(tmp_path / "drawn" / "b.jpg") > 50
    ended = tfpose("draw", *words, f"--out={tmp_path}/none", "--min_score=0.95")
    assert drawn(tmp_path / "none" / "b.jpg") == 0


@pytest.mark.parametrize("named", [False, True])
def test_coco_results_find_their_pictures(
    tfpose: Tfpose, pictures: Path, tmp_path: Path, named: bool
) -> None:
    image_id = 7 if named else 139
    rows = results.coco_results(person(), image_id)
    results.write_json(tmp_path / "results.json", rows)
    words = [f"--predictions={tmp_path}/results.json", f"--images={pictures}"]
    if named:
        tree = {
            "images": [{"id": 7, "file_name": "000000000139.jpg"}],
            "annotations": [],
            "categories": [{"id": 1, "name": "person", "keypoints": list(COCO.keypoints)}],
        }
        (tmp_path / "truth.json").write_text(json.dumps(tree), encoding="utf-8")
        words.append(f"--annotations={tmp_path}/truth.json")
    ended = tfpose("draw", *words, f"--out={tmp_path}/drawn", "--colour_by=person")
    assert ended.returncode == 0, ended.stderr
    assert drawn(tmp_path / "drawn" / "000000000139.jpg") > 50


def test_predictions_of_other_pictures_are_refused(
    tfpose: Tfpose, pictures: Path, tmp_path: Path
) -> None:
    results.write_json(tmp_path / "results.json", results.coco_results(person(), 5))
    ended = tfpose(
        "draw",
        f"--predictions={tmp_path}/results.json",
        f"--images={pictures}",
        f"--out={tmp_path}/drawn",
    )
    assert ended.returncode == 1
    assert "not one of its 1 pictures" in ended.stderr
