"""One step of training, a tf.function: the same on one device, on several and on several hosts.

Replicas compute gradients of their slices and sum them; clipping sees the sum, as one device
would; then every replica makes the same update. Losses are divided by the whole batch, so that the
number of replicas and of accumulated parts changes nothing but rounding.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from .averages import Average
from .optimisers import Updater
from .precision import LossScale

Tensor = Any
Strategy = Any
Objective = Callable[[Mapping[str, Any], Mapping[str, Tensor]], dict[str, Tensor]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """What a step moves, and by which numbers.

    Attributes:
      strategy: of all variables.
      model: from `image` to its maps; what ships.
      network: what is trained: the model, maybe with a head for hints.
      objective: (outputs, batch) to terms, (B,) each.
      updater, average, scale: made inside the strategy's scope; there may be no average.
      batch: pictures a step over all replicas.
      accumulate: parts that a replica's slice is computed in, one after the other.
      clip: largest norm of the gradient; 0 for no limit.
    """

    strategy: Strategy
    model: keras.Model
    network: keras.Model
    objective: Objective
    updater: Updater
    average: Average | None
    scale: LossScale
    batch: int
    accumulate: int = 1
    clip: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What a step tells; tensors, so that nobody waits for a GPU before they are read.

    Attributes:
      terms: name to its part of the loss, mean over the batch.
      norm: of the gradient, before clipping.
      good: False where the gradient was not finite, and nothing moved.
    """

    terms: dict[str, Tensor]
    norm: Tensor
    good: Tensor


def make(parts: Parts) -> Callable[[Mapping[str, Any], Tensor], Outcome]:
    """The step of (batch, learning rate); see `replicas.spread` for the batch."""
    strategy = parts.strategy

    def replica(batch: Mapping[str, Tensor]) -> tuple[list[Tensor], Tensor, Tensor, Any]:
        gradients, terms = _gradients(parts, batch)
        context = tf.distribute.get_replica_context()
        gradients, terms = context.all_reduce(tf.distribute.ReduceOp.SUM, (gradients, terms))
        gradients = [gradient / parts.scale.value for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        good = tf.math.is_finite(norm + tf.add_n(list(terms.values())))
        if parts.clip:
            share = tf.minimum(1.0, parts.clip / (norm + 1e-12))
            gradients = [gradient * share for gradient in gradients]
        return gradients, norm, good, terms

    def step(batch: Mapping[str, Any], rate: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        gradients, norm, good, terms = strategy.run(replica, args=(batch,))
        norm, good = _first(strategy, norm), _first(strategy, good)
        parts.updater.apply(strategy, gradients, rate, good)
        if parts.average is not None:
            parts.average.update(strategy, parts.updater.count, good)
        parts.scale.update(good)
        return {name: _first(strategy, value) for name, value in terms.items()}, norm, good

    graph = tf.function(step, autograph=False)  # no XLA: on a CPU it is 5 to 7 times slower

    def outcome(batch: Mapping[str, Any], rate: Tensor) -> Outcome:
        terms, norm, good = graph(batch, rate)
        return Outcome(terms=terms, norm=norm, good=good)

    return outcome


def _first(strategy: Strategy, value: Any) -> Tensor:
    return strategy.experimental_local_results(value)[0]


def _gradients(parts: Parts, batch: Mapping[str, Tensor]) -> tuple[list[Tensor], Any]:
    """A replica's gradients and terms, as parts of the sums over all replicas."""
    if parts.accumulate == 1:
        return _part(parts, batch)
    count = parts.accumulate
    stacked = {
        name: tf.reshape(value, (count, value.shape[0] // count, *value.shape[1:]))
        for name, value in batch.items()
    }

    def at(index: Tensor) -> tuple[list[Tensor], Any]:
        return _part(parts, {name: value[index] for name, value in stacked.items()})

    def body(index: Tensor, sums: Any) -> tuple[Tensor, Any]:
        return index + 1, tf.nest.map_structure(tf.add, sums, at(index))

    _, sums = tf.while_loop(
        lambda index, _: index < count, body, (tf.constant(1), at(tf.constant(0)))
    )
    return sums  # type: ignore[no-any-return]


def _part(parts: Parts, batch: Mapping[str, Tensor]) -> tuple[list[Tensor], dict[str, Tensor]]:
    variables = parts.updater.variables
    with tf.GradientTape() as tape:
        outputs = parts.network(tf.cast(batch["image"], tf.float32), training=True)
        terms = {
            name: tf.reduce_sum(errors) / parts.batch
            for name, errors in parts.objective(outputs, batch).items()
        }
        loss = tf.add_n(list(terms.values())) * parts.scale.value
    gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return gradients, terms
