import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose import models
from tfpose.blocks import fused_norm
from tfpose.training.update.precision import networks_in


def gradients(network: keras.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    with tf.GradientTape() as tape:
        outputs = network(image, training=True)
        maps = [tf.cast(stage, tf.float32) for head in outputs for stage in outputs[head]]
        loss = tf.add_n([tf.reduce_mean(tf.square(stage - 0.5)) for stage in maps])
    found = tape.gradient(loss, network.trainable_variables)
    paths = [variable.path for variable in network.trainable_variables]
    return {path: value.numpy() for path, value in zip(paths, found, strict=True)}


def difference(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> float:
    """The largest of any variable, relative; a norm after a norm has 0, and float noise."""
    norms = {path: np.linalg.norm(value) for path, value in expected.items()}
    least = 0.01 * max(norms.values())
    return max(
        float(np.linalg.norm(found[path] - value) / max(norms[path], least))
        for path, value in expected.items()
    )


@pytest.mark.parametrize("name", ["tfpose_s", "mobilenet_v2_small"])
def test_the_fused_network_has_the_same_weights_gradients_and_statistics(name: str) -> None:
    spec = models.spec(name, height=64, width=64)
    keras.utils.set_random_seed(1)
    plain, model = models.build(spec), models.build(spec)
    model.set_weights(plain.get_weights())
    network = fused_norm.fused(model)
    assert {v.path for v in network.variables} == {v.path for v in model.variables}
    apart = []
    for seed in range(3):  # float noise at the edge of a ReLU6 changes one picture's gradients
        image = np.random.default_rng(seed).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
        apart.append(difference(gradients(plain, image), gradients(network, image)))
    assert min(apart) < 0.01, apart
    for mine, other in zip(model.variables, plain.variables, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4, err_msg=mine.path)
    for head, stages in model(image).items():
        np.testing.assert_allclose(network(image)[head][-1], stages[-1], rtol=1e-4, atol=1e-5)


def test_half_precision_keeps_the_statistics_in_float32() -> None:
    with networks_in("mixed_bfloat16"):
        model = models.build(models.spec("tfpose_s", height=64, width=64))
        network = fused_norm.fused(model)
    image = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    outputs = network(image, training=True)
    assert outputs["pafs"][-1].dtype == tf.bfloat16
    assert model.get_layer("stem-norm").moving_mean.dtype == "float32"
    assert float(np.abs(model.get_layer("stem-norm").moving_mean).max()) > 0
