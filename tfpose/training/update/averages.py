"""The exponential moving average of a network's weights, which is evaluated and shipped.

Early on the decay is lower, (1 + t) / (10 + t) at update t, as in TensorFlow's
ExponentialMovingAverage with `num_updates`, so that the random start is soon forgotten.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

Tensor = Any


class Average:
    """Averages beside the variables; make it inside the strategy's scope.

    Args:
      variables: name to the tf.Variables of the network, statistics of batch norm included.
      decay: share of the average that an update keeps, 0..1.

    Raises:
      ValueError: the decay is outside.
    """

    def __init__(self, variables: Mapping[str, Any], decay: float) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"ema must be between 0 and 1, found {decay}; 0.999 is usual")
        self._variables, self._decay = dict(variables), decay
        self.values = {
            name: tf.Variable(variable.read_value(), trainable=False)
            for name, variable in variables.items()
        }

    def update(self, strategy: Any, count: Tensor, finite: Tensor) -> None:
        """Updates the averages; in a tf.function, after the variables moved.

        Args:
          strategy: of the variables.
          count: updates so far.
          finite: scalar bool; False leaves the averages as they are.
        """
        updates = tf.cast(count, tf.float32)
        decay = tf.minimum(self._decay, (1.0 + updates) / (10.0 + updates))
        share = tf.where(finite, 1.0 - decay, 0.0)
        for name, variable in self._variables.items():
            strategy.extended.update(
                self.values[name], _approach, args=(variable, share), group=False
            )

    def restart(self) -> None:
        """Sets the averages to the variables, for a start from given weights."""
        for name, variable in self._variables.items():
            self.values[name].assign(variable.read_value())

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Gives the network its averages inside the block, and its own weights again after it."""
        own = {name: variable.numpy() for name, variable in self._variables.items()}
        for name, variable in self._variables.items():
            variable.assign(self.values[name].numpy())
        try:
            yield
        finally:
            for name, variable in self._variables.items():
                variable.assign(own[name])


def _approach(average: Any, value: Tensor, share: Tensor) -> None:
    average.assign_add(tf.cast(share, value.dtype) * (value - average))
