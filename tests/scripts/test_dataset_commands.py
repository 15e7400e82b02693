import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tfpose import toy_data

pytestmark = pytest.mark.slow  # each command imports TensorFlow


def run(script: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"scripts.{script}", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)


def custom(folder: Path) -> list[str]:
    return [
        "--name=toy",
        f"--annotations={folder}/toy.json",
        f"--images={folder}/pictures",
        f"--skeleton={folder}/skeleton.json",
    ]


def test_strict_doctor_exits_with_1_on_errors_only(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=3)
    sound = run("dataset_doctor", *custom(tmp_path), "--strict")
    assert sound.returncode == 0, sound.stderr
    assert sound.stdout.startswith("train: 3 pictures, 3 people with keypoints")
    (tmp_path / "pictures" / "002.jpg").unlink()
    assert run("dataset_doctor", *custom(tmp_path)).returncode == 0
    strict = run("dataset_doctor", *custom(tmp_path), "--strict", f"--out={tmp_path}/report")
    assert strict.returncode == 1
    assert "train 002.jpg" in strict.stdout
    tree = json.loads((tmp_path / "report" / "report.json").read_text())
    assert tree["findings"]["missing_picture"]["count"] == 1


def test_flags_that_are_missing_are_named(tmp_path: Path) -> None:
    result = run("prepare_dataset", "--dataset=coco", f"--out={tmp_path}")
    assert result.returncode != 0
    assert "--dataset=coco needs --source" in result.stderr + result.stdout
    result = run("prepare_dataset", "--name=toy", f"--out={tmp_path}")
    assert result.returncode != 0
    assert "needs --name and --images" in result.stderr + result.stdout
