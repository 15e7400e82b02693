"""What a SavedModel says of pictures that it cannot take."""

import numpy as np
import pytest
import tensorflow as tf

from tfpose.export import saved_model


def test_a_size_that_is_no_multiple_is_an_error_that_says_the_multiple() -> None:
    check = tf.function(lambda pixels: saved_model._checked(pixels, 32))
    assert check(np.zeros((1, 64, 96, 3), np.float32)).shape == (1, 64, 96, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be multiples of 32"):
        check(np.zeros((1, 64, 100, 3), np.float32))
