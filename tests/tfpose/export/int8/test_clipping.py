"""Ranges that end where the rounding of what lies below gains more than is cut off."""

import keras
import numpy as np
import pytest

from tfpose import export, models
from tfpose.export.int8 import clipping, equalise


def plain(side: int, *, fused: bool = False) -> keras.Model:
    """A picture through a ReLU into a convolution, both of factor 1."""
    image = keras.Input((side, side, 1), batch_size=1, name="image")
    x = keras.layers.Conv2D(1, 1, activation="relu" if fused else None, name="first")(image)
    x = x if fused else keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Conv2D(1, 1, name="second")(x)
    model = keras.Model(image, {"heatmaps": x})
    for name in ("first", "second"):
        model.get_layer(name).set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    return model


def even(side: int, *, outlier: float) -> np.ndarray:
    """Values from 0 to 1, all alike often, and one of them larger."""
    values = np.linspace(0, 1, side * side, dtype=np.float32)
    values[-1] = outlier
    return values.reshape(1, side, side, 1)


@pytest.mark.parametrize("fused", [True, False])
def test_one_value_in_many_is_cut_off(fused: bool) -> None:
    # Squared errors over 512 * 512 values, a twelfth of a step's square each: 0.48 in a range of
    # 1.2; 0.39 in one of 1.08, and 0.12 squared for the one cut off; in one of 0.96 the values up
    # to 1 are cut off too, 5.6.
    model, picture = plain(512, fused=fused), even(512, outlier=1.2)
    assert clipping.clip(model, [picture]) == 1
    maps = np.asarray(model(picture)["heatmaps"])
    np.testing.assert_allclose(maps, np.minimum(picture, 1.08), atol=1e-6)
    kernel, _ = model.get_layer("first").get_weights()
    assert kernel.item() == pytest.approx(6 / 1.08)


def test_few_values_are_left_whole() -> None:
    model, picture = plain(64), even(64, outlier=1.2)  # 0.0075 of rounding, 0.0144 of cutting off
    clipping.clip(model, [picture])
    np.testing.assert_allclose(model(picture)["heatmaps"], picture, atol=1e-6)
    assert model.get_layer("relu").max_value == 6


def test_a_dark_picture_says_nothing_of_ranges() -> None:
    model = plain(8)
    clipping.clip(model, [np.zeros((1, 8, 8, 1), np.float32)])
    assert model.get_layer("relu").max_value is None


@pytest.mark.parametrize("name", ["lightweight_openpose_half", "human_pose_estimation_0001"])
def test_a_network_answers_nearly_as_before(name: str) -> None:
    keras.utils.set_random_seed(0)
    spec = models.spec(name, height=64, width=64)
    network = export.deployed(models.build(spec), spec, 64, 64)
    pictures = [np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)]
    before = network(pictures[0])
    equalise.equalise(network, pictures)
    assert clipping.clip(network, pictures) > 20
    assert len(list(equalise.find(network))) == 0
    assert len(list(equalise.find(network, end=clipping.TOP))) > 20
    for head, maps in network(pictures[0]).items():
        error = np.square(maps - before[head]).mean() / np.square(before[head]).mean()
        assert error < 0.02
