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
