"""A network's answers to many inputs, in one graph, with the bits of an eager call.

An eager call hands every layer to TensorFlow's threads by itself. On a processor that others use,
too, that waits for each of them: calibration took 45% of an int8 export's time so.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from estimator.arrays import Float

OFF = "disable_meta_optimizer"


def answers(network: keras.Model, inputs: Iterable[Float]) -> Iterator[Any]:
    """Answers each input as `network(image, training=False)` does.

    Args:
      network: with weights as they are when an input is asked for.
      inputs: of one shape.
    """
    graph = tf.function(lambda image: network(image, training=False), autograph=False)
    for image in inputs:
        with _as_written():
            answer = graph(image)
        yield answer


@contextmanager
def _as_written() -> Iterator[None]:
    """Graphs run without TensorFlow's optimiser, which fuses layers and so rounds otherwise."""
    before = tf.config.optimizer.get_experimental_options().get(OFF, False)
    tf.config.optimizer.set_experimental_options({OFF: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({OFF: before})
