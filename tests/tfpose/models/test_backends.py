"""Every family's networks give on JAX and on PyTorch the answers that they give on TensorFlow."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.conftest import ROOT
from tfpose import models
from tfpose.blocks.layer_names import variable_name
from tfpose.weights import keras_files

# The variant that stands for its family: the smallest, or the one with a layer of its own.
VARIANTS = {
    "cmu": "dsconv",
    "hourglass": "hg_s2_b1_mobile",
    "hrnet": "hrnet_w18_v1",
    "lightweight_openpose": "lightweight_openpose_half",
    "lpn": "lpn_18",
    "mobilenet": "mobilenet_fast",
    "mobilenet_v2": "tf_pose_mobilenet_v2_small",
    "pose_resnet": "pose_resnet_50",
    "rtmpose": "rtmpose_t",
    "vitpose": "vitpose_s",
}
SIZES = {"hg_s2_b1_mobile": 128}  # 64 pixels would leave its innermost map one cell
NAMES = tuple(
    VARIANTS.get(family.__name__.rpartition(".")[2], next(iter(family.VARIANTS)))
    for family in models.families()
)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `backend_process`: weights of all kinds of variables that are no defaults."""
    folder = tmp_path_factory.mktemp("networks")
    for name in NAMES:
        random, pixels = np.random.default_rng(0), SIZES.get(name, 64)
        spec = models.spec(name, height=pixels, width=pixels)
        model = models.build(spec)
        for variable in model.variables:
            if variable.name != "kernel":
                variable.assign(random.uniform(0.5, 1.5, variable.shape))
            elif not np.asarray(variable).any():
                variable.assign(random.normal(0, 0.05, variable.shape))
        keras_files.save_keras(model, spec, folder / f"{name}.keras")
        image = random.uniform(0, 255, (2, pixels, pixels, 3)).astype(np.float32)
        arrays = {variable_name(variable): np.asarray(variable) for variable in model.variables}
        for head, stages in model(image, training=False).items():
            arrays |= {
                f"expected/{head}/{stage}": np.asarray(maps) for stage, maps in enumerate(stages)
            }
        np.savez(folder / f"{name}.npz", image=image, **arrays)  # type: ignore[arg-type]  # NumPy's stub
        keras.backend.clear_session()
    return folder


@pytest.fixture(scope="module", params=(pytest.param("jax", marks=pytest.mark.soak), "torch"))
def answers(networks: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What `backend_process` says on one backend."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.tfpose.models.backend_process", str(networks)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": request.param, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert ended.returncode == 0, ended.stderr
    said: dict[str, Any] = json.loads((networks / "answers.json").read_text())
    return said


@pytest.mark.parametrize("name", NAMES)
def test_a_network_with_imported_weights_answers_alike(answers: dict[str, Any], name: str) -> None:
    assert answers["errors"][name] < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_a_keras_file_gives_the_same_network(answers: dict[str, Any], name: str) -> None:
    assert answers["opened"][name]


def test_tensorflow_is_not_imported(answers: dict[str, Any]) -> None:
    assert not answers["tensorflow"]
