"""A teacher's labels: who is labelled, what is ignored, and runs that are killed."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from estimator.inputs.averaging import Averaging
from estimator.poses import Poses
from tests.tfpose import painted_people as painted
from tfpose.data import annotations, ignore_regions
from tfpose.data.picture_files import Pictures
from tfpose.evaluation.network import Network
from tfpose.teacher import labels as teacher_labels
from tfpose.teacher.picture_labels import Settings, Thresholds, of_picture, run_lengths

PLAIN = Settings(averaging=Averaging())


def person(score: float, keypoint: float = 0.9, *, weak: int | None = None) -> Poses:
    """The first painted person; one keypoint may be weak."""
    scores = np.full((1, 17), keypoint, np.float32)
    if weak is not None:
        scores[0, weak] = 0.1
    return Poses(
        skeleton=painted.COCO,
        xy=painted.keypoints()[:1].astype(np.float32),
        score=scores,
        person_score=np.array([score], np.float32),
    )


def labels(poses: Poses, **limits: float) -> tuple[list[dict], np.ndarray]:
    """Annotations, and the mask of what is ignored."""
    settings = replace(PLAIN, thresholds=Thresholds(**limits))
    found = of_picture(poses, painted.HEIGHT, painted.WIDTH, settings)
    ignored = [found["ignored"]] if "ignored" in found else []
    return found["people"], ignore_regions.draw(ignored, painted.HEIGHT, painted.WIDTH)


def test_nobody_has_no_labels_and_nothing_to_ignore() -> None:
    people, mask = labels(Poses.empty(painted.COCO))
    assert (people, mask.max()) == ([], 0)


def test_a_sure_person_is_labelled() -> None:
    (entry,), mask = labels(person(0.9))
    np.testing.assert_array_equal(
        np.reshape(entry["keypoints"], (17, 3))[:, :2], painted.keypoints()[0]
    )
    assert (entry["num_keypoints"], entry["iscrowd"], mask.max()) == (17, 0, 0)
    left, top, width, height = entry["bbox"]
    assert (painted.keypoints()[0] >= (left, top)).all()
    assert (painted.keypoints()[0] <= (left + width, top + height)).all()
    assert entry["area"] == pytest.approx(0.53 * width * height, rel=0.01)


def test_a_person_seen_but_not_well_is_ignored() -> None:
    people, mask = labels(person(0.3))
    assert people == []
    for x, y in painted.keypoints()[0].astype(int):
        assert mask[y, x] == 255
    for x, y in painted.keypoints()[1].astype(int):  # the other stands apart
        assert mask[y, x] == 0


def test_a_person_hardly_seen_is_denied() -> None:
    people, mask = labels(person(0.04))
    assert (people, mask.max()) == ([], 0)
    assert labels(person(0.04), seen=0)[1].max() == 255


def test_few_sure_keypoints_are_not_enough() -> None:
    people, mask = labels(person(0.9, keypoint=0.1))
    assert people == []
    assert mask.max() == 255


def test_a_weak_keypoint_of_a_sure_person_is_not_labelled_but_ignored() -> None:
    (entry,), mask = labels(person(0.9, weak=9))
    assert entry["keypoints"][27:30] == [0, 0, 0]
    assert entry["num_keypoints"] == 16
    (x, y), reach = painted.keypoints()[0, 9].astype(int), 3
    assert mask[y - reach : y + reach, x - reach : x + reach].min() == 255
    without = np.delete(painted.keypoints()[0], 9, axis=0)
    assert entry["bbox"][2] == pytest.approx(1.27 * (np.ptp(without[:, 0]) + 1), abs=0.02)
    other_x, other_y = painted.keypoints()[0, 0].astype(int)
    assert mask[other_y, other_x] == 0


def test_a_keypoint_outside_the_picture_is_not_labelled() -> None:
    poses = person(0.9)
    poses.xy[0, 0] = (-3, 5)
    (entry,), _ = labels(poses)
    assert entry["keypoints"][:3] == [0, 0, 0]
    assert min(entry["bbox"]) >= 0


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ([[0, 0], [0, 0]], [4]),
        ([[1, 0], [0, 0]], [0, 1, 3]),
        ([[0, 0], [0, 1]], [3, 1]),
        ([[0, 1], [1, 1]], [1, 3]),
        ([[1, 1], [1, 1]], [0, 4]),
    ],
)
def test_run_lengths_go_down_the_columns(rows: list[list[int]], counts: list[int]) -> None:
    mask = np.array(rows, np.uint8)
    encoding = run_lengths(mask)
    written_before = {"size": [2, 2], "counts": counts}  # of files begun by earlier versions
    for region in (json.loads(json.dumps(encoding)), written_before):
        np.testing.assert_array_equal(ignore_regions.draw([region], 2, 2), 255 * mask)


def teacher(**changes: object) -> Network:
    return painted.network(painted.BOTTOM_UP, **changes)


def test_labels_are_coco_annotations_that_a_student_can_read(tmp_path: Path) -> None:
    _, images = painted.write(tmp_path)
    path = tmp_path / "labels.json"
    found = teacher_labels.label(teacher(), Pictures([images]), path)
    assert (found.pictures, found.people, found.unread, found.resumed) == (3, 6, (), 0)
    samples = list(annotations.samples(annotations.read(path), 17))
    assert [sample.picture for sample in samples] == ["all/0.png", "all/1.png", "all/2.png"]
    for sample in samples:
        order = np.argsort(sample.boxes[:, 0])
        xy = sample.keypoints[order, :, :2]
        seen = sample.keypoints[order, :, 2] > 0
        assert np.abs(xy - painted.keypoints())[seen].max() < 1.5
        assert seen.mean() > 0.9
    assert [file.name for file in tmp_path.iterdir() if "partial" in file.name] == []


class KilledError(Exception):
    """In place of a signal."""


class Mortal:
    """A runner that is killed at its n-th picture."""

    def __init__(self, lives: int) -> None:
        self.lives, self.runs = lives, 0

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        if self.runs == self.lives:
            raise KilledError
        self.runs += 1
        return painted.Painted(spec=painted.BOTTOM_UP)(image)


def test_a_killed_run_goes_on_and_ends_with_the_same_file(tmp_path: Path) -> None:
    _, images = painted.write(tmp_path)
    whole, path = tmp_path / "whole.json", tmp_path / "labels.json"
    teacher_labels.label(teacher(), Pictures([images]), whole, settings=PLAIN)
    settings = replace(PLAIN, batch=1)
    with pytest.raises(KilledError):
        teacher_labels.label(
            replace(teacher(), runner=Mortal(2)), Pictures([images]), path, settings=settings
        )
    assert not path.exists()
    partial = tmp_path / "labels.json.partial"
    with partial.open("a") as file:
        file.write('{"file_name": "all/2.p')  # the kill came while a line was written
    runner = Mortal(99)
    found = teacher_labels.label(
        replace(teacher(), runner=runner), Pictures([images]), path, settings=settings
    )
    assert (found.resumed, runner.runs) == (2, 1)
    assert path.read_text() == whole.read_text()


def test_other_settings_do_not_go_on(tmp_path: Path) -> None:
    _, images = painted.write(tmp_path)
    path = tmp_path / "labels.json"
    settings = replace(PLAIN, batch=1)
    with pytest.raises(KilledError):
        teacher_labels.label(
            replace(teacher(), runner=Mortal(1)), Pictures([images]), path, settings=settings
        )
    other = replace(settings, thresholds=Thresholds(person=0.9))
    with pytest.raises(ValueError, match=r"(?s)other options:\n  thresholds\.person: .*delete it"):
        teacher_labels.label(teacher(), Pictures([images]), path, settings=other)


def test_a_broken_picture_is_named_and_tried_again(tmp_path: Path) -> None:
    _, images = painted.write(tmp_path)
    with zipfile.ZipFile(images, "a") as archive:
        archive.writestr("all/broken.jpg", b"no picture")
        archive.writestr("all/notes.txt", b"left alone")
    path = tmp_path / "labels.json"
    found = teacher_labels.label(teacher(), Pictures([images]), path)
    assert found.pictures == 3
    (line,) = found.unread
    assert line.startswith("all/broken.jpg: ")
    assert len(json.loads(path.read_text())["images"]) == 3


def test_what_cannot_label_is_refused(tmp_path: Path) -> None:
    _, images = painted.write(tmp_path)
    with pytest.raises(ValueError, match="must be bottom-up"):
        teacher_labels.label(
            painted.network(painted.TOP_DOWN), Pictures([images]), tmp_path / "labels.json"
        )
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no pictures among .*empty"):
        teacher_labels.label(teacher(), Pictures([tmp_path / "empty"]), tmp_path / "labels.json")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"seen": 0.5}, "seen at most person"),
        ({"keypoint": 2}, r"in 0\.\.1"),
        ({"keypoints": 0}, "keypoints must be at least 1"),
    ],
)
def test_bad_thresholds_are_refused(limits: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Thresholds(**limits)
