"""The mean of networks' weights: of files, of a run and its checkpoints."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.tfpose import small_runs
from tfpose.evaluation import network
from tfpose.training.loop import train
from tfpose.weights import keras_files, loading, weight_averaging

SPEC = small_runs.spec()
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # Keras
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


def saved(path: Path, seed: int, name: str = "test_normed") -> dict[str, np.ndarray]:
    """A file of a network with random weights and statistics, which are returned."""
    spec = replace(SPEC, model=name)
    model = small_runs.build(spec, 64, 64)
    random = np.random.default_rng(seed)
    variables = loading.named_variables(model)
    for variable in variables.values():
        variable.assign(random.uniform(0.5, 1.5, variable.shape))
    keras_files.save_keras(model, spec, path)
    return {name: variable.numpy() for name, variable in variables.items()}


def test_every_weight_and_statistic_is_the_mean(tmp_path: Path) -> None:
    files = [tmp_path / "a.keras", tmp_path / "b.keras"]
    first, second = saved(files[0], 0), saved(files[1], 1)
    model, spec = weight_averaging.average(files, (3, 1))
    assert spec == replace(SPEC, model="test_normed")
    mixed = loading.named_variables(model)
    assert any("moving_variance" in name for name in mixed)
    for name, variable in mixed.items():
        np.testing.assert_allclose(variable, 0.75 * first[name] + 0.25 * second[name], rtol=1e-6)
    alike, _ = weight_averaging.average([files[1], files[0]])
    for name, variable in loading.named_variables(alike).items():
        np.testing.assert_allclose(variable, (first[name] + second[name]) / 2, rtol=1e-6)


def test_a_run_and_its_checkpoints_count_with_their_moving_averages(tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = replace(small_runs.RECIPE, steps=4)
    train(recipe, run, feed=small_runs.feed(SPEC, recipe.batch))
    before = small_runs.build(SPEC, 64, 64)
    loading.load_weights(before, SPEC, run / "checkpoints" / f"{2:09d}")
    end = loading.named_variables(keras_files.load_keras(run / "model.keras"))
    model, _ = weight_averaging.average([run, run / "checkpoints" / f"{2:09d}"])
    begin = loading.named_variables(before)
    moved = 0.0
    for name, variable in loading.named_variables(model).items():
        wanted = (begin[name].numpy() + end[name].numpy()) / 2
        np.testing.assert_allclose(variable, wanted, atol=1e-6)
        moved += float(np.abs(end[name].numpy() - begin[name].numpy()).sum())
    assert moved > 0


def test_other_networks_and_shares_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    files = [tmp_path / "a.keras", tmp_path / "b.keras"]
    saved(files[0], 0)
    saved(files[1], 1, "test_longer")
    with pytest.raises(ValueError, match=r"b\.keras does not fit test_normed"):
        weight_averaging.average(files)
    with pytest.raises(ValueError, match="takes two networks or more, found 1"):
        weight_averaging.average(files[:1])
    with pytest.raises(ValueError, match="2 networks take as many shares, found 1"):
        weight_averaging.average(files, (1,))
    for share in (0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="shares must be positive numbers"):
            weight_averaging.average(files, (1, share))
    with pytest.raises(FileNotFoundError, match="no weights at"):
        weight_averaging.average([files[0], tmp_path / "nothing"])
    with pytest.raises(FileNotFoundError, match="a finished run's folder"):
        weight_averaging.average([tmp_path, files[0]])
    with pytest.raises(ValueError, match=r"must be a \.keras or a run's folder"):
        weight_averaging.average([ROOT / "saved_models" / "tfpose_s" / "model.tflite", files[0]])


def test_the_command_writes_a_network_that_runs(tmp_path: Path) -> None:
    shipped, out = ROOT / "saved_models" / "tfpose_s" / "model.keras", tmp_path / "mean.keras"
    command = [sys.executable, "-m", "scripts.average_weights", f"--models={shipped},{shipped}"]

    def start(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *more], cwd=ROOT, capture_output=True, text=True, timeout=300
        )

    ended = start("--shares=0.6,0.4", f"--out={out}")
    assert ended.returncode == 0, ended.stderr
    assert "the mean of 2 networks" in ended.stdout
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    found, wanted = (network.load(path).runner(picture) for path in (out, shipped))
    np.testing.assert_allclose(found["heatmaps"], wanted["heatmaps"], atol=1e-5)
    refused = start("--shares=0.6,much", f"--out={out}")
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("--shares takes numbers, found 'much'")
