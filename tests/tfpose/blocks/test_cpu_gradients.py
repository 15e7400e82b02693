from collections.abc import Mapping

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose import models
from tfpose.blocks import cpu_gradients, fused_norm, layers
from tfpose.training.update.precision import networks_in

PRECISIONS = ("float32", "mixed_bfloat16")
PICTURES = np.random.default_rng(0).uniform(-1, 1, (2, 20, 28, 3)).astype(np.float32)


def network() -> keras.Model:
    """Every kind of convolution that is replaced, and others that are not."""
    image = keras.Input((20, 28, 3))
    x = layers.convolution(image, 16, 1, bias=False, name="pointwise")
    x = layers.depthwise(x, 3, stride=2, bias=False, name="strided")
    x = layers.convolution(x, 8, 1, activation="relu", name="biased")
    x = layers.depthwise(x, 3, bias=False, name="even")
    x = layers.convolution(x, 12, 3, bias=False, name="square")
    return keras.Model(image, layers.convolution(x, 5, 1, bias=False, name="last"))


def gradients(network: keras.Model) -> dict[str, np.ndarray]:
    with tf.GradientTape() as tape:
        maps = tf.cast(network(PICTURES, training=True), tf.float32)
        loss = tf.reduce_mean(tf.square(maps - 0.5))
    found = tape.gradient(loss, network.trainable_variables)
    paths = [variable.path for variable in network.trainable_variables]
    return {path: value.numpy() for path, value in zip(paths, found, strict=True)}


def replaced(network: keras.Model) -> set[str]:
    own = (one for one in network.layers if isinstance(one, cpu_gradients.Convolution))
    return {one.layer.name for one in own}


def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: [])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_maps_are_the_same_and_gradients_but_for_rounding(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_gpu(monkeypatch)
    with networks_in(precision):
        plain = network()
        faster = cpu_gradients.faster(plain)
    half = precision != "float32"
    assert replaced(faster) == {"pointwise", "last"} | ({"strided"} if half else set())
    np.testing.assert_array_equal(faster(PICTURES, training=True), plain(PICTURES, training=True))
    expected, found = gradients(plain), gradients(faster)
    assert expected.keys() == found.keys()
    for path, value in expected.items():
        error = np.linalg.norm(found[path] - value) / np.linalg.norm(value)
        assert error < (0.02 if half else 1e-5), path


def test_a_whole_network_in_a_graph_has_the_same_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    no_gpu(monkeypatch)
    spec = models.spec("lightweight_openpose", height=64, width=64)
    plain = fused_norm.fused(models.build(spec))
    faster = cpu_gradients.faster(plain)
    assert len(replaced(faster)) == 11  # the pointwise halves of the separable convolutions
    assert "cpm-trunk-0-2" not in replaced(faster)  # it has an activation
    image = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)

    @tf.function(autograph=False)
    def found(image: tf.Tensor) -> Mapping[str, list[tf.Tensor]]:
        answers = {}
        for name, one in (("plain", plain), ("faster", faster)):
            with tf.GradientTape() as tape:
                maps = [stage for head in one(image, training=True).values() for stage in head]
                loss = tf.add_n([tf.reduce_mean(tf.square(stage - 0.5)) for stage in maps])
            answers[name] = [loss, *tape.gradient(loss, one.trainable_variables)]
        return answers

    answers = found(tf.constant(image))
    largest = max(np.linalg.norm(value) for value in answers["plain"])
    for expected, value in zip(answers["plain"], answers["faster"], strict=True):
        error = np.linalg.norm(value - expected)
        assert error < 1e-3 * max(np.linalg.norm(expected), 0.01 * largest)


def test_a_gpu_s_network_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: ["one"])
    plain = network()
    assert cpu_gradients.faster(plain) is plain
