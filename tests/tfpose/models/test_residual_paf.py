import keras
import numpy as np

from tfpose import models


def test_an_untrained_network_answers_near_zero() -> None:
    """Keras' own start of the heads gives maps of about 1: ten times the loss of a blank answer."""
    keras.utils.set_random_seed(1)
    model = models.build(models.spec("tfpose_s", height=64, width=64))
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    answer = model(image, training=True)
    for head, stages in answer.items():
        for stage in stages:
            assert float(np.abs(stage).mean()) < 0.2, head


def test_the_context_of_stride_32_adds_nothing_before_training() -> None:
    """So a network without it goes on from its weights unchanged (--start_layers=*)."""
    model = models.build(models.spec("tfpose_s", height=64, width=64))
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    before = model(image, training=False)["pafs"][-1]
    kernel = model.get_layer("stride32-0-conv1").kernel
    kernel.assign(10 * kernel)
    after = model(image, training=False)["pafs"][-1]
    np.testing.assert_array_equal(before, after)
    model.get_layer("up32").kernel.assign(model.get_layer("up32").kernel + 1)
    changed = model(image, training=False)["pafs"][-1]
    assert np.abs(np.asarray(changed) - np.asarray(after)).max() > 1e-3
