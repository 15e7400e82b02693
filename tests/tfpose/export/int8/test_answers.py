"""Answers in one graph have the bits of eager calls, and follow the weights."""

import keras
import numpy as np

from tfpose.export.int8.answers import answers


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input(batch_shape=(1, 24, 32, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(image)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    return keras.Model(image, {"first": x, "second": keras.layers.Conv2D(5, 1)(x)})


def inputs(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(0, 255, (1, 24, 32, 3)).astype(np.float32) for _ in range(count)]


def test_answers_are_those_of_eager_calls_to_the_last_bit() -> None:
    model, images = network(), inputs(4)
    for image, found in zip(images, answers(model, images), strict=True):
        wanted = model(image, training=False)
        assert set(found) == {"first", "second"}
        for name, maps in found.items():
            np.testing.assert_array_equal(maps, wanted[name])


def test_changed_weights_count_from_the_next_input_on() -> None:
    model, (image, _) = network(), inputs(2)
    found = answers(model, [image, image])
    first = next(found)["second"].numpy()
    bias = model.layers[-1].bias
    bias.assign(bias + 1)
    np.testing.assert_allclose(next(found)["second"], first + 1, rtol=1e-4, atol=1e-4)
