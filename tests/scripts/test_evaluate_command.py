"""The programs as a user runs them."""

import json
from pathlib import Path

import keras
import pytest

from tests.tfpose import painted_people as painted
from tfpose.blocks.grouped import GroupedConv2D
from tfpose.weights import keras_files

from .conftest import Tfpose


@pytest.mark.slow
def test_pckh_of_the_golden_predictions(shared: Path, tfpose: Tfpose) -> None:
    done = tfpose("evaluate", f"--pckh={shared / 'golden' / 'mpii_val_predictions.mat'}")
    assert done.returncode == 0, done.stderr
    assert "mean of joints     81.458   28.398" in done.stdout


def test_a_wrong_path_is_one_line_not_a_traceback(tmp_path: Path, tfpose: Tfpose) -> None:
    annotations, images = painted.write(tmp_path)
    flags = (f"--annotations={annotations}", f"--images={images}")
    done = tfpose("evaluate", f"--model={tmp_path / 'none.tflite'}", *flags)
    assert done.returncode == 2
    path = tmp_path / "none.tflite"
    assert done.stderr == f"error: --model={path}: there is no such file or folder\n"


@pytest.mark.slow
def test_a_keras_file_is_evaluated_and_teaches(tmp_path: Path, tfpose: Tfpose) -> None:
    """A network that sees nobody: AP 0, an empty results file, labels without people."""
    spec = painted.BOTTOM_UP
    image = keras.Input((None, None, 3), name="image")
    x = keras.layers.AveragePooling2D(8)(image)
    x = GroupedConv2D(3, 1, groups=3)(x)  # a layer of ours, which the program must know
    maps = {
        name: keras.layers.Conv2D(channels, 1, kernel_initializer="zeros", name=name)(x)
        for name, channels in spec.channels.items()
    }
    keras_files.save_keras(keras.Model(image, maps), spec, tmp_path / "blind.keras")
    annotations, images = painted.write(tmp_path)
    out = tmp_path / "out"
    model = f"--model={tmp_path / 'blind.keras'}"
    done = tfpose(
        *("evaluate", model, f"--annotations={annotations}", f"--images={images}", f"--out={out}"),
        *("--flip", "--scales=1,0.5", "--subset=2", "--draws=10"),
    )
    assert done.returncode == 0, done.stderr
    assert "2 pictures, 4 people, 0 answers\nap          0.000  [0.000, 0.000]" in done.stdout
    assert json.loads((out / "results.json").read_text()) == []
    assert json.loads((out / "summary.json").read_text())["settings"]["averaging"] == {
        "flip": True,
        "scales": [1.0, 0.5],
    }
    assert len(list((out / "worst").iterdir())) == 2
    done = tfpose("pseudo-label", model, f"--images={images}", f"--out={tmp_path / 'labels.json'}")
    assert done.returncode == 0, done.stderr
    assert "0 people in 3 pictures" in done.stdout
