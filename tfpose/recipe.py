"""Recipe: all that a training run is, in one frozen tree that prints, saves and overrides."""

from __future__ import annotations

import ast
import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .distill import TeacherOptions
from .hints import HintOptions
from .input_pipeline import Encoder
from .losses import LossOptions
from .optimisers import Group, Optimiser
from .precision import PRECISIONS
from .schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training run.

    Attributes:
      model: of `tfpose.models`.
      dataset, data_dir, split: of `tfpose.datasets`, where its files are, and which part.
      canvases: a cache of `scripts.cache_teacher` to train on instead of a data set; "" for none.
      unlabelled: a prepared set, read without its labels: for `teacher` alone; "" for none.
      unlabelled_share: of a batch's pictures, at least one.
      skeleton: of `estimator.skeletons`, or a JSON file of one's own; "" takes the model's own.
      height, width: of the training pictures; 0 takes the model's own.
      policy: of `augment.policy`.
      encoder: of the targets, see `input_pipeline.training`; "none" draws them in the step's graph.
      shuffle: samples that wait to be drawn from.
      cache: keeps the encoded records in memory after the first epoch, and in every checkpoint.
      examples: samples an epoch; 0 counts the data set's pictures. A top-down epoch has people. Of
        a cache, the canvases to use, from the first on.
      batch: pictures a step, over all replicas.
      steps: of the whole run; 0 where `epochs` says it.
      epochs: over the data set; 0 where `steps` says it.
      optimiser, schedule: the update rule, and its rate over the run.
      groups: rates and decays by variables' names; the first that matches owns a variable.
      loss: how the maps' errors become one number.
      teacher: a network to learn from besides the labels.
      hints: features to learn from a cache besides the maps.
      start: weights to begin with: a checkpoint's file, or a run's folder for its averaged weights.
      start_layers: take only layers under these names from it; the others start at random. "*"
        takes every layer that fits. Empty: all must fit.
      start_channels: "rgb" or "bgr", what the network in `start` reads; needed with layers.
      ema: decay of the weights' moving average, which is what is evaluated; 0 for none.
      precision: "float32", "mixed_bfloat16" or "mixed_float16".
      accumulate: parts that each replica computes its slice in, to need less memory.
      clip: largest norm of the gradient; 0 for no limit.
      sync_batch_norm: several replicas share the statistics of the whole batch.
      seed: of the weights, the order of the data and the augmentation.
      deterministic: the same run gives the same bits, on the same machine and thread count.
      data_service: address of a dispatcher of `scripts.data_worker`; "" reads here. Its place in
        the data cannot be saved: a resumed run starts an epoch anew.
      log_every, image_every, checkpoint_every, validate_every: steps; 0 for never.
      keep: checkpoints kept, besides the best.
    """

    model: str
    dataset: str = ""
    data_dir: str = ""
    split: str = "train"
    canvases: str = ""
    unlabelled: str = ""
    unlabelled_share: float = 0.5
    skeleton: str = ""
    height: int = 0
    width: int = 0
    policy: str = "none"
    encoder: Encoder = "default"
    shuffle: int = 1024
    cache: bool = False
    examples: int = 0
    batch: int = 32
    steps: int = 0
    epochs: float = 0.0
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    groups: tuple[Group, ...] = ()
    loss: LossOptions = field(default_factory=LossOptions)
    teacher: TeacherOptions = field(default_factory=TeacherOptions)
    hints: HintOptions = field(default_factory=HintOptions)
    start: str = ""
    start_layers: tuple[str, ...] = ()
    start_channels: str = ""
    ema: float = 0.0
    precision: str = "float32"
    accumulate: int = 1
    clip: float = 0.0
    sync_batch_norm: bool = True
    seed: int = 0
    deterministic: bool = False
    data_service: str = ""
    log_every: int = 100
    image_every: int = 1000
    checkpoint_every: int = 1000
    validate_every: int = 5000
    keep: int = 3

    def __post_init__(self) -> None:
        for name in ("batch", "accumulate", "keep", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        if (self.steps > 0) == (self.epochs > 0) or min(self.steps, self.epochs) < 0:
            raise ValueError(
                "a recipe has steps or epochs, one of them positive and the other 0; found "
                f"steps {self.steps} and epochs {self.epochs}"
            )
        if self.canvases and (self.dataset or self.teacher.model):
            raise ValueError(
                f"canvases {self.canvases} hold a teacher's answers to its own pictures: give no "
                "dataset and no teacher.model with them"
            )
        if self.unlabelled and not (self.dataset and self.teacher.model):
            raise ValueError(
                f"unlabelled pictures ({self.unlabelled}) are for a teacher, beside a dataset: "
                "give --dataset and --teacher.model; or --canvases, where no label is needed at all"
            )
        if not 0 < self.unlabelled_share < 1:
            raise ValueError(
                f"unlabelled_share must be between 0 and 1, found {self.unlabelled_share}"
            )
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, found {self.precision!r}")
        if self.encoder not in typing.get_args(Encoder):
            raise ValueError(f"encoder must be one of {typing.get_args(Encoder)}")
        if self.ema and not 0 < self.ema < 1:
            raise ValueError(f"ema must be 0 or between 0 and 1, found {self.ema}")
        if self.clip < 0:
            raise ValueError(f"clip must not be negative, found {self.clip}")

    def to_json(self) -> str:
        """The recipe as readable JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


# What may change when a run goes on: how long it takes, where things lie, how often it tells.
FREE = (
    *("steps", "epochs", "start", "data_dir", "canvases", "data_service", "cache", "keep"),
    *("log_every", "image_every", "checkpoint_every", "validate_every"),
)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What keeps a run from going on under another recipe, as lines "name: before, now after"."""
    flat_before, flat_after = _flat(before), _flat(after)
    return [
        f"{name}: {flat_before.get(name)!r}, now {flat_after.get(name)!r}"
        for name in sorted(flat_before.keys() | flat_after.keys())
        if name not in FREE and flat_before.get(name) != flat_after.get(name)
    ]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = json.loads(json.dumps(value))
    return flat


def settings(kind: type = Recipe, prefix: str = "") -> dict[str, type]:
    """What can be overridden by a flag: dotted name, such as "optimiser.rate", to its type.

    Returns:
      Types str, int, float, bool or tuple; groups are the recipe's own and not among them.
    """
    hints = typing.get_type_hints(kind)
    found: dict[str, type] = {}
    for part in dataclasses.fields(kind):
        hint, name = hints[part.name], prefix + part.name
        if dataclasses.is_dataclass(hint):
            found |= settings(typing.cast("type", hint), name + ".")
        elif typing.get_origin(hint) is tuple:
            if not dataclasses.is_dataclass(typing.get_args(hint)[0]):
                found[name] = tuple
        elif typing.get_origin(hint) is typing.Literal:
            found[name] = str
        elif not isinstance(hint, types.UnionType):
            found[name] = hint
    return found


def override(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with other values for dotted names; strings are parsed for tuples.

    Giving `steps` alone takes `epochs` away, and the reverse.

    Raises:
      ValueError: no such name, or a value that the recipe refuses.
    """
    known = settings()
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"a recipe has no {', '.join(unknown)}; there are {', '.join(known)}")
    values = {name: _parsed(value, known[name]) for name, value in values.items()}
    if values.get("steps") and "epochs" not in values:
        values["epochs"] = 0.0
    if values.get("epochs") and "steps" not in values:
        values["steps"] = 0
    return typing.cast("Recipe", _replaced(recipe, values))


def _parsed(value: Any, kind: type) -> Any:
    if kind is not tuple or not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    return tuple(_literal(part) for part in parts)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _replaced(tree: Any, values: Mapping[str, Any]) -> Any:
    own = {name: value for name, value in values.items() if "." not in name}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if "." in name:
            head, _, rest = name.partition(".")
            nested.setdefault(head, {})[rest] = value
    parts = {name: _replaced(getattr(tree, name), part) for name, part in nested.items()}
    return dataclasses.replace(tree, **own, **parts)
