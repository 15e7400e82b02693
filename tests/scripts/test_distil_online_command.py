"""From a prepared set to weights that the package reads, by the three commands of the guide."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.tfpose import toy_data
from tfpose import models
from tfpose.weights import keras_files

from .conftest import Tfpose


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is here")
def test_without_pytorch_one_is_told_what_to_install(tmp_path: Path, tfpose: Tfpose) -> None:
    stopped = tfpose("distil-online", f"--packed={tmp_path}", f"--out={tmp_path}", "--seconds=1")
    assert stopped.returncode == 2
    assert 'pip install "tfpose[convert]"' in stopped.stderr


@pytest.mark.slow
def test_the_commands_of_the_guide_distil_a_network(tmp_path: Path, tfpose: Tfpose) -> None:
    pytest.importorskip("torch")
    toy_data.write(tmp_path / "raw", 3)
    done = tfpose(
        "prepare-dataset", "--name=toy", f"--skeleton={tmp_path}/raw/skeleton.json",
        f"--annotations=train={tmp_path}/raw/toy.json", f"--images={tmp_path}/raw/pictures",
        f"--out={tmp_path}/data",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("tfpose_s", "human_pose_estimation_0001"):
        spec = models.spec(name)
        keras_files.save_keras(models.build(spec, flexible=True), spec, tmp_path / f"{name}.keras")
    pack = (
        "pack-scenes", "--dataset=custom/toy", f"--data_dir={tmp_path}/data",
        f"--teacher_weights={tmp_path}/human_pose_estimation_0001.keras",
        f"--out={tmp_path}/packed",
    )  # fmt: skip
    refused = tfpose(*pack, f"--start={tmp_path}/human_pose_estimation_0001.keras")
    assert refused.returncode == 1
    assert "--start must be a tfpose_s" in refused.stderr
    done = tfpose(*pack, f"--start={tmp_path}/tfpose_s.keras")
    assert done.returncode == 0, done.stderr
    assert "3 pictures" in done.stdout
    distil = ("distil-online", f"--packed={tmp_path}/packed", f"--out={tmp_path}/run")
    for wrong, message in (
        (("--seconds=1", "--weights=sea=1"), "name origins of the pictures"),
        (("--seconds=1", "--packed=nowhere"), "there is no such file or folder"),
    ):
        stopped = tfpose(*distil, *wrong)
        assert stopped.returncode in (1, 2)
        assert message in stopped.stderr
        assert len(stopped.stderr.splitlines()) == 1
    done = tfpose(
        *distil, "--seconds=2", "--batch=1", "--first=16", "--capacity=32", "--scales=0.5",
        "--processes=1", "--nocompiled",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = tmp_path / "online.keras"
    done = tfpose(
        "import-weights", "--model=tfpose_s", f"--source={tmp_path}/run/student.npz",
        "--ignore=fine", f"--out={out}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, after = (keras_files.load_keras(path) for path in (tmp_path / "tfpose_s.keras", out))
    kernels = [np.asarray(model.get_layer("neck").kernel) for model in (before, after)]
    assert np.isfinite(kernels[1]).all()
    assert np.abs(kernels[0] - kernels[1]).max() > 0
