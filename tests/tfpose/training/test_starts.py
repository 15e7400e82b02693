"""What a run begins with: the shipped weights, frozen norms."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.tfpose import small_runs
from tfpose.training.loop import train
from tfpose.training.update.optimisers import Optimiser
from tfpose.weights import keras_files, loading, shipped

SMALL = replace(
    small_runs.RECIPE, steps=1, ema=0.0, deterministic=False, optimiser=Optimiser(rate=1e-9)
)
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # Keras


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


def test_a_run_begins_with_the_weights_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = small_runs.build(small_runs.spec(), 64, 64)
    (tmp_path / "test_plain").mkdir()
    keras_files.save_keras(source, small_runs.spec(), tmp_path / "test_plain" / shipped.FILE)
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path)
    feed = small_runs.feed(small_runs.spec(), SMALL.batch)
    for start, same in (("", True), ("none", False)):
        model = train(replace(SMALL, start=start), tmp_path / f"run{start}", feed=feed)
        before, after = loading.named_variables(source), loading.named_variables(model)
        kernel = "initial_stage.trunk/kernel"
        close = np.allclose(before[kernel].numpy(), after[kernel].numpy(), atol=1e-6)
        assert close == same


def test_frozen_norms_stay_as_they_start(tmp_path: Path) -> None:
    recipe = replace(SMALL, model="test_normed", frozen_norms=True, optimiser=Optimiser(rate=1e-2))
    feed = small_runs.feed(small_runs.spec("test_normed"), recipe.batch)
    model = train(recipe, tmp_path, feed=feed)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    for layer in norms:
        assert not np.asarray(layer.moving_mean).any()
        assert (np.asarray(layer.gamma) == 1).all()
    moved = loading.named_variables(model)["model.0.0/kernel"].numpy()
    assert np.isfinite(moved).all()


def test_kernels_in_half_precision_are_read_as_float32(tmp_path: Path) -> None:
    model, spec = small_runs.build(small_runs.spec("test_normed"), 64, 64), small_runs.spec()
    for name, half in (("whole", False), ("half", True)):
        keras_files.save_keras(model, spec, tmp_path / f"{name}.keras", half=half)
    whole, half = (tmp_path / f"{name}.keras" for name in ("whole", "half"))
    assert half.stat().st_size < whole.stat().st_size
    found = loading.named_variables(keras_files.load_keras(half))
    for name, value in loading.named_variables(model).items():
        assert found[name].dtype == "float32"
        exact = value.numpy()
        assert np.allclose(found[name].numpy(), exact, rtol=1e-3, atol=1e-7)
        if exact.ndim == 1:
            assert (found[name].numpy() == exact).all()
