"""Update rules with a learning rate and a weight decay for each group of variables.

keras.optimizers lacks what the recipes that we reproduce need: rates and decays by layer, weight
decay inside the gradient (PyTorch's `Adam(weight_decay=...)`), TensorFlow 1's RMSProp with its
epsilon under the root. Besides, an update that is not finite leaves every variable as it was, on
all replicas alike, without a condition in the graph. CONTRIBUTING.md compares with Keras's own
Muon, MultiOptimizer and LossScaleOptimizer.

Adam: Kingma & Ba 2015, arXiv:1412.6980, epsilon as in its algorithm 1 and in PyTorch. AdamW:
Loshchilov & Hutter 2019, arXiv:1711.05101. RMSprop: torch.optim.RMSprop's documentation;
"rmsprop_tf1": tf.compat.v1.train.RMSPropOptimizer's, whose averages start at 1. Muon: see
`tfpose.training.update.muon`; with Nesterov's momentum, and for kernels alone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from . import muon

Tensor = Any  # TensorFlow has no types


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """An update rule and its numbers.

    Attributes:
      kind: one of `RULES`.
      rate: learning rate, before schedule and group.
      decay: weight decay: "adamw" and "muon" take rate * decay * weight off the weight; for the
        others decay * weight is added to the gradient.
      momentum: of "sgd", "muon" and the RMSprops.
      beta1, beta2: of the Adams.
      rho: of the RMSprops' mean of squares ("alpha" in PyTorch, "decay" in TensorFlow).
      epsilon: in the divisor.
    """

    kind: str = "adam"
    rate: float = 1e-3
    decay: float = 0.0
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    rho: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        if self.kind not in RULES:
            raise ValueError(f"optimiser.kind must be one of {tuple(RULES)}, found {self.kind!r}")
        if not self.rate > 0 or self.decay < 0 or not self.epsilon > 0:
            raise ValueError(
                "optimiser.rate and epsilon must be positive and decay not negative, found "
                f"{self.rate}, {self.epsilon} and {self.decay}"
            )


@dataclass(frozen=True, kw_only=True)
class Group:
    """Variables with a rate and a decay of their own.

    Attributes:
      pattern: regular expression, searched in `layer/variable`, such as
        "refinement_stages.0.trunk.0.initial.0/bias".
      rate: factor on the learning rate; 0 freezes.
      decay: instead of the optimiser's; None keeps that.
      kind: instead of the optimiser's; "" keeps that. Its numbers stay the optimiser's.
    """

    pattern: str
    rate: float = 1.0
    decay: float | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        if self.kind and self.kind not in RULES:
            raise ValueError(f"a group's kind must be one of {tuple(RULES)}, found {self.kind!r}")


Slots = Mapping[str, Tensor]
Rule = Callable[[Tensor, Slots, Tensor, Tensor, Optimiser], tuple[Tensor, dict[str, Tensor]]]


def _adam(
    gradient: Tensor, slots: Slots, count: Tensor, rate: Tensor, settings: Optimiser
) -> tuple[Tensor, dict[str, Tensor]]:
    mean = slots["mean"] + (1 - settings.beta1) * (gradient - slots["mean"])
    square = slots["square"] + (1 - settings.beta2) * (tf.square(gradient) - slots["square"])
    root = tf.sqrt(square / (1 - tf.pow(settings.beta2, count))) + settings.epsilon
    change = rate * (mean / (1 - tf.pow(settings.beta1, count))) / root
    return change, {"mean": mean, "square": square}


def _rmsprop(
    gradient: Tensor, slots: Slots, count: Tensor, rate: Tensor, settings: Optimiser
) -> tuple[Tensor, dict[str, Tensor]]:
    square = slots["square"] + (1 - settings.rho) * (tf.square(gradient) - slots["square"])
    direction = gradient / (tf.sqrt(square) + settings.epsilon)
    velocity = settings.momentum * slots["velocity"] + direction
    return rate * velocity, {"square": square, "velocity": velocity}


def _rmsprop_tf1(
    gradient: Tensor, slots: Slots, count: Tensor, rate: Tensor, settings: Optimiser
) -> tuple[Tensor, dict[str, Tensor]]:
    square = slots["square"] + (1 - settings.rho) * (tf.square(gradient) - slots["square"])
    direction = gradient * tf.math.rsqrt(square + settings.epsilon)
    velocity = settings.momentum * slots["velocity"] + rate * direction
    return velocity, {"square": square, "velocity": velocity}


def _sgd(
    gradient: Tensor, slots: Slots, count: Tensor, rate: Tensor, settings: Optimiser
) -> tuple[Tensor, dict[str, Tensor]]:
    velocity = settings.momentum * slots["velocity"] + gradient
    return rate * velocity, {"velocity": velocity}


def _muon(
    gradient: Tensor, slots: Slots, count: Tensor, rate: Tensor, settings: Optimiser
) -> tuple[Tensor, dict[str, Tensor]]:
    velocity = settings.momentum * slots["velocity"] + gradient
    ahead = gradient + settings.momentum * velocity
    return rate * muon.direction(ahead), {"velocity": velocity}


# Rule, and its slots with the value that they start from.
RULES: dict[str, tuple[Rule, dict[str, float]]] = {
    "adam": (_adam, {"mean": 0.0, "square": 0.0}),
    "adamw": (_adam, {"mean": 0.0, "square": 0.0}),
    "rmsprop": (_rmsprop, {"square": 0.0, "velocity": 0.0}),
    "rmsprop_tf1": (_rmsprop_tf1, {"square": 1.0, "velocity": 0.0}),
    "sgd": (_sgd, {"velocity": 0.0}),
    "muon": (_muon, {"velocity": 0.0}),
}
DECOUPLED = ("adamw", "muon")  # decay that does not pass through the rule


def group_of(path: str, groups: Sequence[Group]) -> Group:
    """The first group whose pattern is found in a variable's `layer/variable`, or the default."""
    return next((group for group in groups if re.search(group.pattern, path)), Group(pattern=""))


def check_groups(paths: Sequence[str], groups: Sequence[Group]) -> None:
    """Refuses a group that owns no variable.

    Raises:
      ValueError: a pattern matches nothing, or only what earlier groups own; says which.
    """
    owned = {group_of(path, groups) for path in paths}
    idle = [group.pattern for group in groups if group not in owned]
    if idle:
        raise ValueError(
            f"groups {idle} own no variable of the model; its variables are called like "
            f"{', '.join(sorted(paths)[:4])}"
        )


class Updater:
    """An optimiser's slots, and its update on all replicas.

    Make it inside the strategy's scope.

    Args:
      variables: `layer/variable` to the trainable tf.Variable.
      settings: the rule and its numbers.
      groups: rates and decays by pattern.

    Raises:
      ValueError: a group owns no variable, or Muon a variable that is no kernel.
    """

    def __init__(
        self, variables: Mapping[str, Any], settings: Optimiser, groups: Sequence[Group] = ()
    ) -> None:
        check_groups(list(variables), groups)
        self._settings, self._variables = settings, dict(variables)
        self._groups = {path: group_of(path, groups) for path in variables}
        kinds = {path: group.kind or settings.kind for path, group in self._groups.items()}
        _check_kernels(self._variables, kinds)
        self._kinds = kinds
        self.count = tf.Variable(0, dtype=tf.int64, trainable=False, name="updates")
        self.slots = {
            path: {
                name: tf.Variable(tf.fill(variable.shape, value), trainable=False)
                for name, value in RULES[kinds[path]][1].items()
            }
            for path, variable in variables.items()
        }

    @property
    def variables(self) -> list[Any]:
        """The trained variables, in the order of the gradients."""
        return list(self._variables.values())

    def apply(
        self, strategy: Any, gradients: Sequence[Tensor], rate: Tensor, finite: Tensor
    ) -> None:
        """Moves every variable; call it in a tf.function, outside of `strategy.run`.

        Args:
          strategy: of the variables.
          gradients: in the order of `variables`; per replica, already summed over the replicas.
          rate: scalar, of this step, before the groups' factors.
          finite: scalar bool; False leaves variables, slots and count as they are.
        """
        self.count.assign_add(tf.cast(finite, tf.int64))
        count = tf.cast(tf.maximum(self.count, 1), tf.float32)
        for (path, variable), gradient in zip(self._variables.items(), gradients, strict=True):
            strategy.extended.update(
                variable,
                self._change,
                args=(gradient, self.slots[path], count, rate, finite),
                kwargs={"group_": self._groups[path], "kind": self._kinds[path]},
                group=False,
            )

    def _change(
        self,
        variable: Any,
        gradient: Tensor,
        slots: dict[str, Any],
        count: Tensor,
        rate: Tensor,
        finite: Tensor,
        *,
        group_: Group,
        kind: str,
    ) -> None:
        settings = self._settings
        decay = settings.decay if group_.decay is None else group_.decay
        decoupled = kind in DECOUPLED
        rate = rate * group_.rate
        if decay and not decoupled:
            gradient = gradient + decay * variable
        change, new = RULES[kind][0](gradient, slots, count, rate, settings)
        if decay and decoupled:
            change = change + rate * decay * variable
        variable.assign_sub(tf.where(finite, change, tf.zeros_like(change)))
        for name, value in new.items():
            slots[name].assign(tf.where(finite, value, slots[name]))


def _check_kernels(variables: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
    flat = [path for path in variables if kinds[path] == "muon" and len(variables[path].shape) < 2]
    if flat:
        raise ValueError(
            f"muon moves kernels, and {', '.join(flat[:4])} are vectors: give them a group with "
            'kind="adamw"'
        )
