"""Boxes of animals keep their score only where a teacher sees a person."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator.arrays import Float, UInt8
from tests.in_process import Tfpose, tfpose
from tfpose.teacher import detectors, doubting, person_network
from tfpose.teacher.person_network import PersonTeacher, TeacherSpec

__all__ = ["tfpose"]

SPEC = TeacherSpec(height=64, width=48, mean=(0, 0, 0), deviation=(255, 255, 255), offset=1.5)
BOXES = np.array(
    [[20, 20, 60, 80, 0.9], [100, 20, 140, 80, 0.8], [100, 10, 140, 80, 0.1]], np.float32
)


def by_colour(image: Float) -> Float:
    """Every map is the mean of the red of a cell: (B, 17, 16, 12)."""
    red = image[:, :1].reshape(len(image), 1, 16, 4, 12, 4).mean(axis=(3, 5))
    return np.repeat(red, 17, axis=1)


TEACHER = PersonTeacher([(SPEC, by_colour)])


@pytest.fixture
def picture() -> UInt8:
    """A person, who is red, in the first box; a dog, who is black, in the others."""
    drawn = np.zeros((100, 160, 3), np.uint8)
    cv2.circle(drawn, (40, 50), 6, (255, 0, 0), -1)
    return drawn


def test_a_box_without_a_person_keeps_a_fifth_of_its_score(picture: UInt8) -> None:
    """Weak boxes are not looked at."""
    found = doubting.doubted(picture, BOXES, TEACHER)
    np.testing.assert_array_equal(found[:, :4], BOXES[:, :4])
    np.testing.assert_allclose(found[:, 4], (0.9, 0.16, 0.1), rtol=1e-6)


def test_no_boxes_stay_none(picture: UInt8) -> None:
    assert doubting.doubted(picture, BOXES[:0], TEACHER).shape == (0, 5)


def test_a_keypoint_or_two_are_no_person(picture: UInt8) -> None:
    def two(image: Float) -> Float:
        maps = by_colour(image)
        maps[:, 2:] = 0
        return maps

    found = doubting.doubted(picture, BOXES[:1], PersonTeacher([(SPEC, two)]))
    assert found[0, 4] == pytest.approx(0.18)


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made detector and teacher in place of files."""
    monkeypatch.setattr(detectors, "open_detectors", lambda _: lambda _: BOXES)
    monkeypatch.setattr(person_network, "open_teacher", lambda _: TEACHER)


@pytest.mark.usefixtures("networks")
def test_find_boxes_empties_pictures_of_nobody_and_doubts_animals(
    tmp_path: Path, picture: UInt8, tfpose: Tfpose
) -> None:
    """Begun with the photographs alone, it goes on with the others."""
    for name in ("photos/a.png", "scenes/b.png", "animals/c.png"):
        (tmp_path / name).parent.mkdir()
        cv2.imwrite(str(tmp_path / name), picture[..., ::-1])
    network = tmp_path / "network.onnx"
    network.touch()
    out = tmp_path / "boxes.jsonl"
    flags = (f"--detectors={network}", f"--images={tmp_path}/photos", f"--out={out}")
    tfpose("find-boxes", *flags)
    more = (f"--nobody={tmp_path}/scenes", f"--animals={tmp_path}/animals")
    ended = tfpose("find-boxes", *flags, *more, f"--teachers={network}")
    assert "1 pictures were done before" in ended.stdout
    found = map(json.loads, out.read_text().splitlines())
    scores = {one["file"]: [box[4] for box in one["boxes"]] for one in found}
    assert scores == {"a.png": [0.9, 0.8, 0.1], "b.png": [], "c.png": [0.9, 0.16, 0.1]}
    assert "give both or neither" in tfpose("find-boxes", *flags, *more).stderr
