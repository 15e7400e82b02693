"""Channels made even, worked out by hand, and on networks of every shape that we have."""

import keras
import numpy as np
import pytest

from tfpose import export, models
from tfpose.export.int8 import equalise

PICTURES = [np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)]


def chain(*, depthwise: bool) -> keras.Model:
    """Two channels of 1000 and 10, through a ReLU, into one convolution of 1x1."""
    image = keras.Input((2, 2, 1), batch_size=1, name="image")
    x = keras.layers.Conv2D(2, 1, name="first")(image)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.ZeroPadding2D(1)(x)
    kind = keras.layers.DepthwiseConv2D(1, name="second")
    x = (kind if depthwise else keras.layers.Conv2D(1, 1, name="second"))(x)
    model = keras.Model(image, {"heatmaps": x})
    model.get_layer("first").set_weights([np.array([[[[1000.0, 10.0]]]]), np.zeros(2)])
    return model


def test_in_front_of_a_depthwise_kernel_channels_become_equal() -> None:
    model = chain(depthwise=True)
    model.get_layer("second").set_weights([np.array([[[[1.0], [3.0]]]]), np.zeros(2)])
    assert equalise.equalise(model, [np.ones((1, 2, 2, 1), np.float32)]) == 1
    kernel, _ = model.get_layer("first").get_weights()
    np.testing.assert_allclose(kernel.ravel(), [100, 100], rtol=1e-5)  # the root of 1000 * 10
    kernel, _ = model.get_layer("second").get_weights()
    np.testing.assert_allclose(kernel.ravel(), [10, 0.3], rtol=1e-5)


def test_in_front_of_another_kernel_activation_and_weights_share_it() -> None:
    model = chain(depthwise=False)
    model.get_layer("second").set_weights([np.array([[[[0.01], [1.0]]]]), np.zeros(1)])
    equalise.equalise(model, [np.ones((1, 2, 2, 1), np.float32)])
    first, _ = model.get_layer("first").get_weights()
    second, _ = model.get_layer("second").get_weights()
    # Factors in the ratio of the roots of 1000 / 0.01 and 10 / 1: 100 to 1, about a mean of 1.
    np.testing.assert_allclose(first.ravel(), [100, 100], rtol=1e-5)
    np.testing.assert_allclose(second.ravel(), [0.1, 0.1], rtol=1e-5)


def test_what_an_addition_reads_is_left_alone() -> None:
    image = keras.Input((2, 2, 1), batch_size=1, name="image")
    x = keras.layers.ReLU()(keras.layers.Conv2D(1, 1)(image))
    y = keras.layers.Conv2D(1, 1)(x)
    model = keras.Model(image, {"heatmaps": keras.layers.Add()([x, y])})
    assert equalise.equalise(model, [np.ones((1, 2, 2, 1), np.float32)]) == 0


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("lightweight_openpose_half", 20),
        ("human_pose_estimation_0001", 20),
        ("tfpose_s", 5),  # it uses keras.ops between its layers
    ],
)
def test_a_network_answers_as_before(name: str, places: int) -> None:
    keras.utils.set_random_seed(0)
    spec = models.spec(name, height=64, width=64)
    network = export.deployed(models.build(spec), spec, 64, 64)
    before = network(PICTURES[0])
    assert equalise.equalise(network, PICTURES) > places
    for head, maps in network(PICTURES[0]).items():
        scale = float(np.abs(before[head]).max())
        np.testing.assert_allclose(maps, before[head], atol=2e-5 * scale)
