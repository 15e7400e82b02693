"""Top-down labels: detectors find people, teachers read them, a bottom-up network may help."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import skeletons
from estimator.arrays import Float
from estimator.poses import Poses
from estimator.skeleton import Skeleton
from tfpose.data import annotations
from tfpose.data.picture_files import Pictures
from tfpose.teacher import label_people
from tfpose.teacher.detectors import Detectors, DetectorSpec
from tfpose.teacher.label_people import Labellers
from tfpose.teacher.person_network import PersonTeacher, TeacherSpec
from tfpose.teacher.picture_labels import Settings, Thresholds
from tfpose.teacher.top_down import Recipe, TopDown, joined

COCO = skeletons.get("coco17")
SPEC = TeacherSpec(height=64, width=48, mean=(0, 0, 0), deviation=(255, 255, 255), offset=1.5)
BOX = DetectorSpec(kind="corners", mean=(0, 0, 0), deviation=(1, 1, 1), stretched=True)
PEOPLE = ((40, 50), (120, 50))  # centres of the two discs, pixels
SETTINGS = Settings(thresholds=Thresholds(person=0.4, keypoint=0.1))


def by_colour(image: Float) -> Float:
    """Every map is the mean of the red of a cell: (B, 17, 16, 12)."""
    red = image[:, :1].reshape(len(image), 1, 16, 4, 12, 4).mean(axis=(3, 5))
    return np.repeat(red, 17, axis=1)


def found_boxes(*scores: float) -> Detectors:
    """A detector that sees a box of 40x60 pixels around each person of a 160x100 picture."""
    rows = [(x - 20, y - 30, x + 20, y + 30) for x, y in PEOPLE][: len(scores)]
    scale = np.array([320 / 160, 320 / 100] * 2, np.float32)
    corners = (np.array(rows, np.float32).reshape(-1, 4) * scale)[None]
    return Detectors([(BOX, 320, lambda _: [corners, np.array([[scores]], np.float32)])])


def labeller(*scores: float, recipe: Recipe | None = None) -> TopDown:
    teacher = PersonTeacher([(SPEC, by_colour)])
    return TopDown(found_boxes(*scores), teacher, recipe or Recipe())


@pytest.fixture
def picture() -> np.ndarray:
    drawn = np.zeros((100, 160, 3), np.uint8)
    for centre in PEOPLE:
        cv2.circle(drawn, centre, 6, (255, 0, 0), -1)
    return drawn


def somebody(x: float, y: float, *, score: float = 0.5) -> Poses:
    """A person of 40x60 pixels with that centre."""
    spread = np.stack([np.linspace(-20, 20, 17), np.linspace(-30, 30, 17)], axis=1)
    return Poses(
        skeleton=COCO,
        xy=np.add(spread, (x, y)).astype(np.float32)[None],
        score=np.full((1, 17), 0.5, np.float32),
        person_score=np.array([score], np.float32),
    )


def test_every_box_that_counts_is_read(picture: np.ndarray) -> None:
    poses, boxes = labeller(0.9, 0.1)(picture)
    assert len(boxes) == 2
    assert len(poses) == 1
    np.testing.assert_allclose(poses.xy[0].mean(axis=0), PEOPLE[0], atol=2)
    np.testing.assert_allclose(poses.person_score[0], 1.5 * 0.9 * poses.score[0].mean(), rtol=1e-5)


def test_small_boxes_are_not_read(picture: np.ndarray) -> None:
    poses, _ = labeller(0.9, recipe=Recipe(area=2401))(picture)
    assert len(poses) == 0


def test_a_person_whom_only_the_bottom_up_network_finds_is_read(picture: np.ndarray) -> None:
    around = somebody(*PEOPLE[1])
    poses, _ = labeller(0.9)(picture, around)
    assert len(poses) == 2
    np.testing.assert_allclose(poses.xy[1].mean(axis=0), PEOPLE[1], atol=2)


def test_own_keypoints_near_the_teachers_count_a_little(picture: np.ndarray) -> None:
    own = somebody(*PEOPLE[1])
    own = replace(own, xy=own.xy.copy())
    own.xy[0, 0] = PEOPLE[1][0] + 2, PEOPLE[1][1]
    apart = labeller()(picture, somebody(*PEOPLE[1]))[0].xy[0, 0]
    near = labeller()(picture, own)[0].xy[0, 0]
    np.testing.assert_allclose(near - apart, ((PEOPLE[1][0] + 2 - apart[0]) * 0.3, 0), atol=0.3)


def test_two_answers_for_one_person_become_one() -> None:
    found = joined(somebody(50, 50, score=0.9), somebody(54, 50, score=0.3), Recipe())
    assert len(found) == 1
    np.testing.assert_allclose(found.xy[0], somebody(51, 50).xy[0], atol=1e-4)
    np.testing.assert_allclose(found.person_score, 1.2, rtol=1e-6)


def test_answers_for_two_people_stay_two_best_first() -> None:
    found = joined(somebody(50, 50, score=0.3), somebody(150, 50, score=0.9), Recipe())
    np.testing.assert_allclose(found.person_score, (0.9, 0.3), rtol=1e-6)
    assert len(joined(somebody(0, 0), Poses.empty(COCO), Recipe())) == 1


@pytest.mark.parametrize("change", [{"box": 2}, {"area": -1}, {"trust": 0}])
def test_a_recipe_that_cannot_be_right_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Recipe(**change)


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made detector and teacher in place of files."""
    monkeypatch.setattr(label_people, "open_detectors", lambda _: found_boxes(0.9, 0.16))
    monkeypatch.setattr(label_people, "open_teacher", lambda _: PersonTeacher([(SPEC, by_colour)]))


@pytest.mark.usefixtures("networks")
def test_sure_people_are_labelled_and_other_boxes_ignored(
    tmp_path: Path, picture: np.ndarray
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture[:, :, ::-1])
    (tmp_path / "b.png").write_bytes(b"no picture")
    labellers = Labellers(detectors=(Path("d.xml"),), teachers=(Path("t.xml"),))
    out = tmp_path / "labels.json"
    found = label_people.label(labellers, Pictures([tmp_path]), out, settings=SETTINGS)
    assert (found.pictures, found.people, found.ignored, len(found.unread)) == (1, 1, 1, 1)
    ((_, person), (_, crowd)) = annotations.read(out).everybody()
    assert (person.crowd, crowd.crowd) == (False, True)
    assert json.loads(out.read_text())["info"]["detectors"] == ["d.xml"]
    again = label_people.label(labellers, Pictures([tmp_path]), out, settings=SETTINGS)
    assert again.people == 1


@pytest.mark.usefixtures("networks")
def test_a_run_begun_with_other_networks_is_not_gone_on_with(
    tmp_path: Path, picture: np.ndarray
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    (tmp_path / "labels.json.partial").write_text('{"detectors": ["other.xml"]}\n')
    labellers = Labellers(detectors=(Path("d.xml"),), teachers=(Path("t.xml"),))
    with pytest.raises(ValueError, match="begun with other options"):
        label_people.label(
            labellers, Pictures([tmp_path]), tmp_path / "labels.json", settings=SETTINGS
        )


@pytest.mark.usefixtures("networks")
def test_what_a_pool_sends_to_a_process_labels_there(tmp_path: Path, picture: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture[:, :, ::-1])
    labellers = Labellers(detectors=(Path("d.xml"),), teachers=(Path("t.xml"),))
    sent = pickle.dumps(label_people._label)
    label_people._start(label_people._Work(labellers, Pictures([tmp_path]), SETTINGS))
    assert len(pickle.loads(sent)("a.png")["people"]) == 1


def test_networks_that_cannot_be_opened_are_told_before_processes_start(
    tmp_path: Path, picture: np.ndarray
) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), picture)
    labellers = Labellers(detectors=(tmp_path / "d.xml",), teachers=(tmp_path / "t.xml",))
    with pytest.raises(FileNotFoundError, match=r"there is no .*d\.json"):
        label_people.label(
            labellers,
            Pictures([tmp_path]),
            tmp_path / "labels.json",
            settings=SETTINGS,
            processes=2,
        )


@pytest.mark.usefixtures("networks")
def test_a_skeleton_without_the_teachers_keypoints_is_refused(
    tmp_path: Path, picture: np.ndarray
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    labellers = Labellers(detectors=(Path("d.xml"),), teachers=(Path("t.xml"),))
    paws = Skeleton(name="paws", keypoints=("paw",), limbs=(), flip_pairs=(), sigmas=(0.1,))
    settings = replace(SETTINGS, skeleton=paws)
    with pytest.raises(ValueError, match="shares no keypoint with 'paws'"):
        label_people.label(
            labellers, Pictures([tmp_path]), tmp_path / "labels.json", settings=settings
        )
