import json
from pathlib import Path

import pytest

from tests.tfpose import toy_data
from tfpose.data.resuming import alone

from .conftest import Tfpose


def custom(folder: Path) -> list[str]:
    return [
        "--name=toy",
        f"--annotations={folder}/toy.json",
        f"--images={folder}/pictures",
        f"--skeleton={folder}/skeleton.json",
    ]


def test_strict_doctor_exits_with_1_on_errors_only(tmp_path: Path, tfpose: Tfpose) -> None:
    toy_data.write(tmp_path, images=30)
    sound = tfpose("dataset-doctor", *custom(tmp_path), "--strict")
    assert sound.returncode == 0, sound.stderr
    assert sound.stdout.startswith("train: 30 pictures, 30 people with keypoints")
    (tmp_path / "pictures" / "002.jpg").unlink()
    assert tfpose("dataset-doctor", *custom(tmp_path)).returncode == 0
    strict = tfpose("dataset-doctor", *custom(tmp_path), "--strict", f"--out={tmp_path}/report")
    assert strict.returncode == 1
    assert "train 002.jpg" in strict.stdout
    tree = json.loads((tmp_path / "report" / "report.json").read_text())
    assert tree["findings"]["missing_picture"]["count"] == 1


def test_a_second_process_on_the_same_set_is_told_in_a_line(tmp_path: Path, tfpose: Tfpose) -> None:
    toy_data.write(tmp_path, images=2)
    folder = tmp_path / "data" / "custom" / "toy"
    folder.mkdir(parents=True)
    with alone(folder / ".1.0.0.lock", "preparing it"):
        second = tfpose("prepare-dataset", *custom(tmp_path), f"--out={tmp_path}/data")
    assert second.returncode == 1
    assert second.stderr.splitlines()[-1].startswith("error: another process is preparing ")


def test_flags_that_are_missing_are_named(tmp_path: Path, tfpose: Tfpose) -> None:
    result = tfpose("prepare-dataset", "--dataset=coco", f"--out={tmp_path}")
    assert result.returncode == 2
    assert "--dataset=coco needs --source" in result.stderr
    result = tfpose("prepare-dataset", "--name=toy", f"--out={tmp_path}")
    assert result.returncode == 2
    assert "needs --name and --images" in result.stderr


def test_nobody_left_is_an_error_of_every_program_and_says_why(
    tmp_path: Path, tfpose: Tfpose
) -> None:
    crowds = [toy_data.annotation(number, number, iscrowd=1) for number in (1, 2, 3)]
    toy_data.write(tmp_path, images=3, annotations=crowds)
    of_set = custom(tmp_path)
    for command, arguments in (
        ("dataset-doctor", of_set),
        ("prepare-dataset", [*of_set, f"--out={tmp_path}/data"]),
        ("evaluate", ["--model=tfpose_s", *of_set[1:]]),
    ):
        result = tfpose(command, *arguments)
        assert result.returncode == 1, result.stdout + result.stderr
        said = result.stdout + result.stderr
        assert "3 pictures and no person with a labelled keypoint (3 annotations: 3 crowds)" in said


def test_strict_doctor_fails_on_labels_that_would_be_lost(
    tmp_path: Path, tfpose: Tfpose, caplog: pytest.LogCaptureFixture
) -> None:
    toy_data.write(tmp_path, images=3)
    tree = json.loads((tmp_path / "toy.json").read_text())
    for entry in tree["annotations"]:
        entry["keypoints"] = [*entry["keypoints"][:12], 40, 50, 0]
    (tmp_path / "toy.json").write_text(json.dumps(tree))
    assert tfpose("dataset-doctor", *custom(tmp_path)).returncode == 0
    strict = tfpose("dataset-doctor", *custom(tmp_path), "--strict")
    assert strict.returncode == 1
    assert "loss: 3 x unflagged_keypoint: coordinates with the flag 0" in strict.stdout
    prepared = tfpose("prepare-dataset", *custom(tmp_path), f"--out={tmp_path}/data")
    assert prepared.returncode == 0, prepared.stderr
    assert "3 x unflagged_keypoint" in caplog.text
