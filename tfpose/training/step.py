"""A training step as a tf.function, for one device, several devices or several hosts.

Replicas compute the gradients of their slices and sum them; the sum is clipped, and every replica
makes the same update. Losses are divided by the whole batch, so the number of replicas and of
accumulated parts changes nothing but rounding.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from .update.averages import Average
from .update.optimisers import Updater
from .update.precision import LossScale

Tensor = Any
Strategy = Any
Objective = Callable[[Mapping[str, Any], Mapping[str, Tensor]], dict[str, Tensor]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """The networks, variables and numbers of a step.

    Attributes:
      strategy: of all variables.
      model: from `image` to maps; the network that ships.
      network: the trained network: the model, with a head for hints where there are some.
      objective: from (outputs, batch) to terms by name, (B,) each.
      updater, average, scale: made inside the strategy's scope; average may be None.
      batch: pictures per step over all replicas.
      accumulate: parts in which a replica computes its slice, one after the other.
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
    """Step outputs, kept as tensors to avoid a device sync.

    Attributes:
      terms: parts of the loss by name, means over the batch.
      norm: of the gradient, before clipping.
      finite: False where loss or gradient was not finite; then nothing moved.
    """

    terms: dict[str, Tensor]
    norm: Tensor
    finite: Tensor


def make(parts: Parts) -> Callable[[Mapping[str, Any], Tensor], Outcome]:
    """Makes the function of a step: (batch from `replicas.spread`, learning rate) to outcome."""
    strategy = parts.strategy

    def replica(batch: Mapping[str, Tensor]) -> tuple[list[Tensor], Tensor, Tensor, Any]:
        gradients, terms = _gradients(parts, batch)
        context = tf.distribute.get_replica_context()
        gradients, terms = context.all_reduce(tf.distribute.ReduceOp.SUM, (gradients, terms))
        gradients = [gradient / parts.scale.value for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        finite = tf.math.is_finite(norm + tf.add_n(list(terms.values())))
        if parts.clip:
            share = tf.minimum(1.0, parts.clip / (norm + 1e-12))
            gradients = [gradient * share for gradient in gradients]
        return gradients, norm, finite, terms

    def step(batch: Mapping[str, Any], rate: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        gradients, norm, finite, terms = strategy.run(replica, args=(batch,))
        norm, finite = _first(strategy, norm), _first(strategy, finite)
        parts.updater.apply(strategy, gradients, rate, finite)
        if parts.average is not None:
            parts.average.update(strategy, parts.updater.count, finite)
        parts.scale.update(finite)
        return {name: _first(strategy, value) for name, value in terms.items()}, norm, finite

    graph = tf.function(step, autograph=False)  # no XLA: on a CPU it is 5 to 7 times slower

    def outcome(batch: Mapping[str, Any], rate: Tensor) -> Outcome:
        terms, norm, finite = graph(batch, rate)
        return Outcome(terms=terms, norm=norm, finite=finite)

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
