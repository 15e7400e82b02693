from pathlib import Path

import keras
import numpy as np
import pytest

from estimator import bundle
from tests.conftest import ROOT
from tfpose import models
from tfpose.evaluation import network
from tfpose.weights import older_files


def older(path: Path) -> keras.Model:
    """A network whose layers have dots, with one within it, as files of before hold them."""
    inner = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 1, name="inner.0")], name="inner"
    )
    image = keras.Input((4, 4, 3), name="image")
    x = keras.layers.Conv2D(2, 1, name="model.0.0")(image)
    x = keras.layers.Add(name="model.add")([x, inner(image)])
    model = keras.Model(image, {"heatmaps": [keras.layers.ReLU(name="model.1")(x)]})
    model.save(path)
    return model


def test_a_file_of_before_opens_with_the_names_of_today(tmp_path: Path) -> None:
    before = older(tmp_path / "a.keras")
    after = network.load_keras(tmp_path / "a.keras")
    names = [layer.name for layer in (*after.layers, *after.get_layer("inner").layers)]
    assert {"model-0-0", "model-add", "model-1", "inner-0"} <= set(names)
    assert [name for name in names if "." in name] == []
    image = np.random.default_rng(0).random((1, 4, 4, 3), np.float32)
    (expected,), (found,) = before(image)["heatmaps"], after(image)["heatmaps"]
    assert np.any(expected)
    np.testing.assert_array_equal(found, expected)


def test_a_file_of_today_is_opened_as_it_is(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="a-0")]).save(
        tmp_path / "a.keras"
    )
    with older_files.renamed(tmp_path / "a.keras") as readable:
        assert readable == tmp_path / "a.keras"


def test_what_is_no_keras_file_is_left_to_keras(tmp_path: Path) -> None:
    (tmp_path / "a.keras").write_text("a web page")
    with older_files.renamed(tmp_path / "a.keras") as readable:
        assert readable == tmp_path / "a.keras"


def test_weights_of_a_file_of_before_are_those_of_todays_network() -> None:
    """`saved_models/tfpose_s/model.keras` was written with dots, or has its successor's names."""
    path = ROOT / "saved_models/tfpose_s/model.keras"
    if not path.is_file():
        pytest.skip("a wheel holds no model.keras")
    opened, built = network.load_keras(path), models.build(bundle.read(path))
    shapes = [[(one.path, one.shape) for one in model.variables] for model in (opened, built)]
    assert shapes[0] == shapes[1]
