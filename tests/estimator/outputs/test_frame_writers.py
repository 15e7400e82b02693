import contextlib
import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from estimator import ImageSpec, OutputSpec, PoseSpec, skeletons
from estimator.decoders import paf
from estimator.outputs import frame_writers, results
from estimator.poses import Poses
from estimator.streams.frames import Frame
from tests.estimator import walkers
from tests.estimator.conftest import COLOURS, colour_spec


def frame(index: int, name: str = "walk.mp4") -> Frame:
    picture = np.zeros((480, 640, 3), np.uint8)
    return Frame(picture=picture, index=index, time=index / 30, name=name, captured=0.0)


def walkers_spec() -> PoseSpec:
    return PoseSpec(
        model="m",
        skeleton=walkers.SKELETON,
        image=ImageSpec(height=64, width=64),
        outputs=OutputSpec(),
        decoder=paf.Parameters(),
    )


def people(*identity: int) -> Poses:
    """Somebody without a right wrist, as often as there are identities."""
    xy = walkers.person(100)
    xy[4] = np.nan
    poses = walkers.frame([np.add(xy, (150 * one, 0)) for one in range(len(identity))])
    return replace(poses, identity=np.array(identity, np.int64))


def back(row: dict[str, object]) -> np.ndarray:
    """(N, 18, 2) of a JSON row."""
    names = walkers.SKELETON.keypoints
    nowhere = {"x": np.nan, "y": np.nan}
    places = [
        [person["keypoints"].get(name, nowhere) for name in names] for person in row["people"]
    ]
    return np.array([[(place["x"], place["y"]) for place in person] for person in places])


def test_json_lines_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with frame_writers.JsonLines(path, model="net") as writer:
        writer.write(frame(0), people(7, 3))
        assert path.read_text().count("\n") == 1  # others may follow the file
        writer.write(frame(2), Poses.empty(walkers.SKELETON))
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["frame"], first["time"], first["file"], first["model"]) == (
        *(0, 0, "walk.mp4", "net"),
    )
    assert (first["width"], first["height"], first["skeleton"]) == (640, 480, "openpose18")
    assert [person["id"] for person in first["people"]] == [7, 3]
    assert np.allclose(back(first), people(7, 3).xy, atol=0.01, equal_nan=True)
    assert (second["frame"], second["time"], second["people"]) == (2, 0.0667, [])
    assert "utc" not in first


def test_live_rows_tell_the_hour(tmp_path: Path) -> None:
    with frame_writers.JsonLines(tmp_path / "a.jsonl", live=True) as writer:
        writer.write(frame(0), people(1))
    assert json.loads((tmp_path / "a.jsonl").read_text())["utc"].endswith("+00:00")


def test_csv_comes_back(tmp_path: Path) -> None:
    with frame_writers.Csv(tmp_path / "a.csv", walkers.SKELETON) as writer:
        writer.write(frame(0, "a, b.mp4"), people(7, 3))
        writer.write(frame(1), Poses.empty(walkers.SKELETON))
        writer.write(frame(2), replace(people(1), identity=None))
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [(row["file"], row["frame"], row["person"], row["identity"]) for row in rows] == [
        ("a, b.mp4", "0", "0", "7"),
        ("a, b.mp4", "0", "1", "3"),
        ("walk.mp4", "2", "0", ""),
    ]
    xy = [
        [[float(row[f"{name}_{axis}"] or "nan") for axis in "xy"] for name in COLUMNS]
        for row in rows[:2]
    ]
    assert np.allclose(xy, people(7, 3).xy, atol=0.01, equal_nan=True)
    assert rows[0]["right_wrist_score"] == "0.0"


COLUMNS = walkers.SKELETON.keypoints


def test_rows_are_a_table_for_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(people(7, 3).to_rows())
    assert table.shape == (2, 3 + 3 * 18)
    assert table["identity"].tolist() == [7, 3]
    assert table["right_wrist_x"].isna().all()
    assert table["nose_x"].tolist() == pytest.approx([155, 305])
    assert Poses.empty(walkers.SKELETON).to_rows() == []


def test_openpose_files_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "new/json"
    with frame_writers.OpenPoseJson(folder, walkers.SKELETON) as writer:
        writer.write(frame(12, "a/walk.mp4"), people(7))
        writer.write(frame(13, "camera:0"), Poses.empty(walkers.SKELETON))
    assert sorted(file.name for file in folder.iterdir()) == [
        "camera_0_000000000013_keypoints.json",
        "walk_000000000012_keypoints.json",
    ]
    tree = json.loads((folder / "walk_000000000012_keypoints.json").read_text())
    assert tree["version"] == 1.3
    (person,) = tree["people"]
    assert person["person_id"] == [7]
    table = np.reshape(person["pose_keypoints_2d"], (18, 3))
    assert table[4].tolist() == [0, 0, 0]
    assert np.allclose(table[:4, :2], people(7).xy[0, :4], atol=0.001)
    assert person["face_keypoints_2d"] == person["hand_left_keypoints_2d"] == []


def test_openpose_of_coco_has_a_neck_and_of_colours_is_refused(tmp_path: Path) -> None:
    coco = people(1).to_skeleton(skeletons.get("coco17"))
    row = results.openpose(coco)["people"][0]["pose_keypoints_2d"]
    assert row[3:5] == pytest.approx(people(1).xy[0, [2, 5]].mean(axis=0), abs=0.01)
    with pytest.raises(ValueError, match="'colours' has no keypoint of openpose18"):
        frame_writers.OpenPoseJson(tmp_path / "none", COLOURS)
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be made a folder"):
        frame_writers.OpenPoseJson(tmp_path / "file", walkers.SKELETON)


@pytest.mark.parametrize("kind", [frame_writers.JsonLines, frame_writers.Csv])
def test_what_cannot_be_written_is_said_at_once(
    kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = () if kind is frame_writers.JsonLines else (walkers.SKELETON,)
    with pytest.raises(FileNotFoundError, match="no folder"):
        kind(tmp_path / "none/a", *more)
    with pytest.raises(IsADirectoryError, match="give the name of a file"):
        kind(tmp_path, *more)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="has 0 KiB left"):
        kind(tmp_path / "a", *more)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_disk_that_fills_up_is_an_error(tmp_path: Path) -> None:
    os.symlink("/dev/full", tmp_path / "full.jsonl")
    writer = frame_writers.JsonLines(tmp_path / "full.jsonl")
    with pytest.raises(OSError, match="No space left"):
        writer.write(frame(0), people(1))
    with pytest.raises(OSError, match="No space left"):
        writer.close()


NO_TEXT = os.fsdecode(b"caf\xe9.jpg")  # the name of a file in Latin-1


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "coco", "openpose_json"])
def test_the_name_of_a_file_may_be_any_bytes(kind: str, tmp_path: Path) -> None:
    spec = walkers_spec()
    path = tmp_path / "out"
    with frame_writers.open_writer(kind, path, spec, live=False, numbered=False) as writer:
        writer.write(frame(0, NO_TEXT), people(1))
    if kind in ("json", "jsonl"):
        (row,) = json.loads(path.read_text()) if kind == "json" else [json.loads(path.read_text())]
        assert os.fsencode(row["file"]) == b"caf\xe9.jpg"
    elif kind == "csv":
        assert b"\ncaf\xe9.jpg," in path.read_bytes().replace(b"\r", b"")
    else:
        assert path.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_a_disk_that_fills_is_told_with_the_file_and_nothing_partial_stays(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    writer = frame_writers.open_writer(kind, path, walkers_spec(), live=False, numbered=False)
    full = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115  the writer closes it
    writer._file.close()
    writer._file = full
    if kind == "csv":
        writer._table.writer = csv.writer(full)
    with pytest.raises(OSError, match=r"No space left on device .*out cannot be written"):  # noqa: PT012
        writer.write(frame(0), people(1))
        writer.close()
    with contextlib.suppress(OSError):
        writer.close()
    with contextlib.suppress(OSError):
        full.close()
    assert [file.name for file in tmp_path.iterdir()] in ([], ["out"])
    assert (tmp_path / "out").exists() == (kind != "json")


def test_pictures_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    names = ["a/cam#1.jpg", "b/cam 1.jpg", "c/cam_1.jpg", "a/cam#1.jpg"]
    writer = frame_writers.OpenPoseJson(tmp_path, walkers.SKELETON, numbered=False)
    for name in names:
        writer.write(frame(0, name), people(1))
    written = {
        path.name: json.loads(path.read_text())["file"] for path in sorted(tmp_path.iterdir())
    }
    assert written == {
        "cam_1-2_keypoints.json": "b/cam 1.jpg",
        "cam_1-3_keypoints.json": "c/cam_1.jpg",
        "cam_1_keypoints.json": "a/cam#1.jpg",
    }


def test_pictures_of_one_coco_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"7\.jpg and .*007\.png both have the COCO image id 7"):
        frame_writers.check_image_ids([Path("a/7.jpg"), Path("b/007.png")])
    rows = frame_writers.coco_rows(walkers.SKELETON, numbered=False)
    assert rows(frame(0, "a/7.jpg"), people(1))[0]["file"] == "a/7.jpg"
    with pytest.raises(ValueError, match="both have the COCO image id 7"):
        rows(frame(1, "b/007.png"), people(1))
    assert frame_writers.coco_rows(walkers.SKELETON, numbered=True)(frame(1, "b"), people(1))


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_normalised_places_are_shares_of_the_picture(tmp_path: Path, kind: str) -> None:
    poses = people(1)
    path = tmp_path / "out"
    spec = colour_spec()
    writer = {
        "json": lambda: frame_writers.JsonList(
            path, frame_writers.readable_rows(spec.model, normalised=True)
        ),
        "jsonl": lambda: frame_writers.JsonLines(path, normalised=True),
        "csv": lambda: frame_writers.Csv(path, walkers.SKELETON, normalised=True),
    }[kind]()
    with writer:
        writer.write(frame(0), poses)
    expected = (poses.xy[0, 0] + 0.5) / [640, 480]
    if kind == "csv":
        (row,) = csv.DictReader(path.read_text().splitlines())
        found = [float(row["nose_x"]), float(row["nose_y"])]
    else:
        tree = json.loads(path.read_text())
        tree = tree[0] if kind == "json" else tree
        nose = tree["people"][0]["keypoints"]["nose"]
        found = [nose["x"], nose["y"]]
    np.testing.assert_allclose(found, expected, atol=1e-5)
