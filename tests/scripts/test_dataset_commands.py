import json
from pathlib import Path

from tests.tfpose import toy_data

from .conftest import Tfpose


def custom(folder: Path) -> list[str]:
    return [
        "--name=toy",
        f"--annotations={folder}/toy.json",
        f"--images={folder}/pictures",
        f"--skeleton={folder}/skeleton.json",
    ]


def test_strict_doctor_exits_with_1_on_errors_only(tmp_path: Path, tfpose: Tfpose) -> None:
    toy_data.write(tmp_path, images=3)
    sound = tfpose("dataset-doctor", *custom(tmp_path), "--strict")
    assert sound.returncode == 0, sound.stderr
    assert sound.stdout.startswith("train: 3 pictures, 3 people with keypoints")
    (tmp_path / "pictures" / "002.jpg").unlink()
    assert tfpose("dataset-doctor", *custom(tmp_path)).returncode == 0
    strict = tfpose("dataset-doctor", *custom(tmp_path), "--strict", f"--out={tmp_path}/report")
    assert strict.returncode == 1
    assert "train 002.jpg" in strict.stdout
    tree = json.loads((tmp_path / "report" / "report.json").read_text())
    assert tree["findings"]["missing_picture"]["count"] == 1


def test_flags_that_are_missing_are_named(tmp_path: Path, tfpose: Tfpose) -> None:
    result = tfpose("prepare-dataset", "--dataset=coco", f"--out={tmp_path}")
    assert result.returncode == 2
    assert "--dataset=coco needs --source" in result.stderr
    result = tfpose("prepare-dataset", "--name=toy", f"--out={tmp_path}")
    assert result.returncode == 2
    assert "needs --name and --images" in result.stderr
