"""Mixed precision: networks made in 16 bits, and the loss scaling that float16 needs.

The scale doubles after `GROWTH` finite updates and halves with each other one (Micikevicius
et al. 2018, arXiv:1710.03740, section 3.2). bfloat16 has float32's range and needs none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

Tensor = Any
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
GROWTH = 2000


@contextmanager
def networks_in(precision: str) -> Iterator[None]:
    """Layers made inside the block compute in that precision; their weights stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class LossScale:
    """A factor on the loss; always 1 unless the precision is float16.

    Make it inside the strategy's scope.
    """

    def __init__(self, precision: str) -> None:
        self.active = precision == "mixed_float16"
        start = 2.0**15 if self.active else 1.0
        self.value = tf.Variable(start, dtype=tf.float32, trainable=False, name="loss_scale")
        self.finite_updates = tf.Variable(0, dtype=tf.int64, trainable=False)

    def update(self, finite: Tensor) -> None:
        """Adapts the scale after an update; in a tf.function, outside of `strategy.run`."""
        if not self.active:
            return
        count = tf.where(finite, self.finite_updates + 1, tf.zeros_like(self.finite_updates))
        grown = count >= GROWTH
        factor = tf.where(finite, tf.where(grown, 2.0, 1.0), 0.5)
        self.value.assign(tf.maximum(self.value * factor, 1.0))
        self.finite_updates.assign(tf.where(grown, tf.zeros_like(count), count))
