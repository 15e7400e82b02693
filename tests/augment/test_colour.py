import numpy as np
import pytest
import tensorflow as tf

from augment import colour

ONE = tf.constant(1.0)
NO = tf.constant(False)


def image() -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).integers(0, 256, (8, 8, 3)), tf.uint8)


def test_neutral_values_change_nothing() -> None:
    assert np.array_equal(colour.adjust(image(), tf.ones(3), ONE, NO), image())


def test_gain_is_of_one_channel_and_clips() -> None:
    flat = tf.constant(np.tile([100, 100, 200], (4, 4, 1)), tf.uint8)
    changed = colour.adjust(flat, tf.constant([0.5, 1.0, 2.0]), ONE, NO)
    assert (changed.numpy() == [50, 100, 255]).all()


def test_contrast_keeps_the_mean() -> None:
    flat = tf.constant([[[100, 0, 0], [120, 0, 0]]], tf.uint8)
    changed = colour.adjust(flat, tf.ones(3), tf.constant(2.0), NO)
    assert changed.numpy()[0, :, 0].tolist() == [90, 130]


def test_blur_spreads_a_lit_pixel_evenly() -> None:
    lit = np.zeros((5, 5, 3), np.uint8)
    lit[2, 2] = 160
    blurred = colour.adjust(tf.constant(lit), tf.ones(3), ONE, tf.constant(True)).numpy()[..., 0]
    assert blurred[1:4, 1:4].tolist() == [[10, 20, 10], [20, 40, 20], [10, 20, 10]]
    assert blurred.sum() == 160


@pytest.mark.parametrize("blurred", [False, True])
def test_colours_change_the_same_inside_a_map(blurred: bool) -> None:
    def changed(picture: tf.Tensor) -> tf.Tensor:
        return colour.adjust(picture, [0.9, 1.0, 1.1], tf.constant(1.2), tf.constant(blurred))

    mapped = next(iter(tf.data.Dataset.from_tensors(image()).map(changed)))
    assert np.array_equal(mapped, changed(image()))
