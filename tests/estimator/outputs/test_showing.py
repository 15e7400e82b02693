import csv
import json
from pathlib import Path

import numpy as np
import pytest

from estimator import pictures, skeletons
from estimator.poses import Poses
from tests.estimator.test_poses import one_person

PICTURE = np.full((60, 80, 3), 90, np.uint8)


def test_plot_draws_on_a_copy() -> None:
    drawn = one_person().plot(PICTURE)
    assert drawn.shape == PICTURE.shape
    assert (drawn != PICTURE).any()
    assert (PICTURE == 90).all()


def test_people_are_saved_by_the_suffix(tmp_path: Path) -> None:
    poses = one_person()
    assert json.loads(poses.save(tmp_path / "a.json").read_text()) == poses.to_dict()
    with poses.save(tmp_path / "a.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["left_shoulder_x"], row["nose_x"]) == ("10.0", "")
    drawn = pictures.read(poses.save(tmp_path / "a.png", PICTURE))
    assert np.array_equal(drawn, poses.plot(PICTURE))
    again = poses.save(tmp_path / "b.png", tmp_path / "a.png")  # a path is a picture, too
    assert pictures.read(again).shape == PICTURE.shape


def test_nobody_is_saved_too(tmp_path: Path) -> None:
    text = Poses.empty(skeletons.get("coco17")).save(tmp_path / "a.csv").read_text()
    assert text.startswith("person,identity,score,nose_x,")
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "message"), [("a.jpg", "give the picture, too"), ("a.xyz", "by the suffix")]
)
def test_what_cannot_be_saved_says_what_to_do(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        one_person().save(tmp_path / name)
