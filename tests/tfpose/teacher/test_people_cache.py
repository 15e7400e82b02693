"""Top-down teachers, and the cache of their answers."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import geometry
from tfpose.data import cached_people
from tfpose.data.cached_people import Person
from tfpose.data.picture_files import Pictures
from tfpose.teacher import people_cache
from tfpose.teacher.person_network import (
    PersonTeacher,
    TeacherSpec,
    moved_right,
    open_teacher,
    read_spec,
    to_input_matrix,
)

SPEC = TeacherSpec(height=64, width=48, mean=(0, 0, 0), deviation=(255, 255, 255), offset=1.5)


def by_colour(image: np.ndarray) -> np.ndarray:
    """Every map is the mean of the red of a cell: (B, 17, 16, 12)."""
    red = image[:, :1].reshape(len(image), 1, 16, 4, 12, 4).mean(axis=(3, 5))
    return np.repeat(red, 17, axis=1)


def person(file: str = "a.png") -> Person:
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[5:9] = (20, 20, 2), (40, 20, 2), (20, 70, 2), (40, 70, 2)
    return Person(file=file, keypoints=keypoints, human=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture = np.zeros((100, 80, 3), np.uint8)
    cv2.circle(picture, (24, 50), 6, (0, 0, 255), -1)  # red
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    return tmp_path


def test_the_mirrored_answer_is_mirrored_back() -> None:
    seen = []

    def left_half(image: np.ndarray) -> np.ndarray:
        seen.append(image)
        maps = by_colour(image)
        maps[:, 1] = 0  # the left eye is never seen: mirrored, it is the right one
        return maps

    crop = np.zeros((64, 48, 3), np.uint8)
    crop[8:12, 4:8] = 255
    maps = PersonTeacher([(SPEC, left_half)])(crop)
    assert maps.shape == (16, 12, 17)
    assert seen[0].shape == (2, 3, 64, 48)
    assert np.array_equal(seen[0][1], seen[0][0][:, :, ::-1])
    assert np.unravel_index(maps[..., 0].argmax(), (16, 12)) == (2, 1)
    assert maps[2, 1, [0, 1, 2]].tolist() == [1, 0.5, 0.5]


def test_maps_move_to_the_right() -> None:
    maps = np.arange(4, dtype=np.float32).reshape(1, 1, 4)
    assert moved_right(maps, 1).ravel().tolist() == [0, 0, 1, 2]
    assert moved_right(maps, 0) is maps


def test_several_teachers_must_have_one_grid() -> None:
    other = TeacherSpec(height=32, width=48, mean=(0, 0, 0), deviation=(1, 1, 1))
    with pytest.raises(ValueError, match=r"one height, found \[32, 64\]"):
        PersonTeacher([(SPEC, by_colour), (other, by_colour)])
    with pytest.raises(ValueError, match="at least one teacher"):
        PersonTeacher([])


def test_a_teacher_without_a_spec_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pose.xml").touch()
    with pytest.raises(FileNotFoundError, match=r"pose\.json: it must say"):
        open_teacher([tmp_path / "pose.xml"])
    (tmp_path / "pose.json").write_text('{"height": 64}')
    with pytest.raises(ValueError, match="must have the fields height, width, mean"):
        read_spec(tmp_path / "pose.xml")


def test_a_cached_persons_peak_is_where_the_picture_is_red(folder: Path) -> None:
    teacher = PersonTeacher([(SPEC, by_colour)])
    shard = people_cache.label([person()], Pictures([folder]), teacher, seed=(0, 0))
    assert shard.maps.shape == (1, 16, 12, 17)
    assert shard.maps.dtype == np.uint8
    y, x = np.unravel_index(shard.maps[0, ..., 0].argmax(), (16, 12))
    back = geometry.invert(shard.matrices[0]) @ (x, y, 1)
    assert np.linalg.norm(back - (24, 50)) < 8  # within a cell


def test_a_cell_is_the_pixel_that_the_spec_says() -> None:
    assert (to_input_matrix(SPEC) @ (2, 1, 1)).tolist() == [9.5, 5.5]


def test_a_picture_that_is_missing_is_skipped_and_none_at_all_is_an_error(folder: Path) -> None:
    teacher, found = PersonTeacher([(SPEC, by_colour)]), Pictures([folder])
    shard = people_cache.label([person("b.png"), person()], found, teacher, seed=(0, 0))
    assert [one.file for one in shard.people] == ["a.png"]
    with pytest.raises(ValueError, match=r"no picture of 1 people can be read, b\.png"):
        people_cache.label([person("b.png")], found, teacher, seed=(0, 0))


def test_what_is_written_is_read(folder: Path) -> None:
    teacher = PersonTeacher([(SPEC, by_colour)])
    shard = people_cache.label([person()] * 2, Pictures([folder]), teacher, seed=(0, 0))
    for number in (0, 1):
        cached_people.write_shard(shard, folder / f"0000{number}.npz")
    read = cached_people.read(folder)
    assert len(read.people) == 4
    assert read.people[3].human
    assert np.array_equal(read.maps[2:], shard.maps)
    assert np.array_equal(read.people[0].keypoints, person().keypoints)
    with pytest.raises(FileNotFoundError, match="tfpose cache-people"):
        cached_people.read(folder / "none")


def test_people_of_a_file_are_those_with_keypoints_outside_of_crowds(tmp_path: Path) -> None:
    keypoints = person().keypoints.ravel().tolist()
    base = {"image_id": 1, "category_id": 1, "keypoints": keypoints, "bbox": [0, 0, 9, 9]}
    tree = {
        "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 100}],
        "categories": [{"id": 1, "name": "person", "keypoints": [], "skeleton": []}],
        "annotations": [
            base | {"id": 1},
            base | {"id": 2, "labelled_by": "teacher"},
            base | {"id": 3, "iscrowd": 1},
            base | {"id": 4, "keypoints": [0] * 51},
        ],
    }
    (tmp_path / "people.json").write_text(json.dumps(tree))
    people = people_cache.people_of(tmp_path / "people.json", seed=0)
    assert sorted(one.human for one in people) == [False, True]


def test_a_cache_goes_on_only_with_the_same_teachers(tmp_path: Path) -> None:
    people_cache._begin([person()], [Path("a.xml")], tmp_path, 0)
    people_cache._begin([person()], [Path("a.xml")], tmp_path, 0)
    with pytest.raises(ValueError, match="was begun with"):
        people_cache._begin([person()], [Path("b.xml")], tmp_path, 0)


def test_what_a_pool_sends_to_a_process_fills_a_shard_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_cache, "open_teacher", lambda _: PersonTeacher([(SPEC, by_colour)]))
    sent = pickle.dumps(people_cache._write)
    work = people_cache._Work((person(),), (folder,), (), tmp_path, 0)
    people_cache._start(work)
    assert pickle.loads(sent)(0) == 0
    assert len(cached_people.read(tmp_path).people) == 1
