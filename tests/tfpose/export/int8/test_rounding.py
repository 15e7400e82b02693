"""Biases that make up for 8-bit kernels, worked out by hand."""

import keras
import numpy as np
import pytest

from tfpose import export, models
from tfpose.export.int8 import clipping, equalise, rounding

PICTURE = np.array([[[[100.0, 0.0]]]], np.float32)
# 0.3 is 38.1 steps of 1/127; it becomes 38, and 100 of them lose this:
LOST = 100 * (0.3 - 38 / 127)


def one(*, norm: bool, depthwise: bool = False) -> keras.Model:
    image = keras.Input((1, 1, 2), batch_size=1, name="image")
    kind = keras.layers.DepthwiseConv2D if depthwise else keras.layers.Conv2D
    arguments = (1,) if depthwise else (1, 1)
    x = kind(*arguments, use_bias=not norm, name="convolution")(image)
    if norm:
        x = keras.layers.BatchNormalization(name="norm")(x)
    model = keras.Model(image, {"heatmaps": x})
    layer = model.get_layer("convolution")
    kernel = np.array([0.3, 1.0]).reshape(layer.kernel.shape)
    layer.set_weights([kernel] if norm else [kernel, np.zeros(layer.bias.shape)])
    return model


def test_a_bias_takes_what_rounding_loses() -> None:
    model = one(norm=False)
    assert rounding.correct(model, [PICTURE, PICTURE]) == 1
    kernel, bias = model.get_layer("convolution").get_weights()
    assert bias.item() == pytest.approx(LOST, abs=1e-4)
    np.testing.assert_allclose(kernel.ravel(), [0.3, 1])


def test_where_a_norm_follows_its_mean_takes_it() -> None:
    model = one(norm=True)
    norm = model.get_layer("norm")
    norm.set_weights([np.full(1, value) for value in (2.0, 5.0, 7.0, 4.0)])
    before = np.asarray(model(PICTURE)["heatmaps"])
    assert rounding.correct(model, [PICTURE]) == 1
    assert norm.moving_mean.numpy().item() == pytest.approx(7 - LOST, abs=1e-4)
    layer = model.get_layer("convolution")
    layer.kernel.assign(rounding.eight_bits(layer))
    np.testing.assert_allclose(model(PICTURE)["heatmaps"], before, atol=1e-4)


def test_a_depthwise_kernel_has_a_scale_a_channel() -> None:
    model = one(norm=False, depthwise=True)
    rounding.correct(model, [PICTURE])
    np.testing.assert_allclose(model.get_layer("convolution").bias, [0, 0], atol=1e-5)


@pytest.mark.parametrize("name", ["lightweight_openpose_half", "human_pose_estimation_0001"])
def test_a_network_of_8_bit_kernels_answers_more_alike(name: str) -> None:
    keras.utils.set_random_seed(0)
    spec = models.spec(name, height=64, width=64)
    network = export.deployed(models.build(spec), spec, 64, 64)
    pictures = [np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)]
    equalise.equalise(network, pictures)
    clipping.clip(network, pictures)
    exact = network(pictures[0])
    errors = []
    for corrected in (False, True):
        copy = keras.models.clone_model(network)
        copy.set_weights(network.get_weights())
        if corrected:
            assert rounding.correct(copy, pictures) > 20
        for layer in copy.operations:
            if equalise.is_convolution(layer):
                layer.kernel.assign(rounding.eight_bits(layer))
        found = copy(pictures[0])
        errors.append({head: float(np.abs(found[head] - exact[head]).mean()) for head in found})
    assert all(errors[1][head] < errors[0][head] for head in exact)
