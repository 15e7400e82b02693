"""Recipe: every option of a training run, in one frozen tree that prints, saves and overrides."""

from __future__ import annotations

import ast
import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..losses.distillation import TeacherOptions
from ..losses.hints import HintOptions
from ..losses.maps import LossOptions
from ..pipeline.batches import Encoder
from .update.optimisers import Group, Optimiser
from .update.precision import PRECISIONS
from .update.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training run.

    Attributes:
      model: a name of `tfpose.models`.
      dataset, data_dir, split: a name of `tfpose.datasets`, the folder of prepared sets, the split.
      canvases: folder of a teacher's cache to train on instead of a data set; "" for none.
      unlabelled: a prepared set whose pictures only `teacher` labels; "" for none.
      unlabelled_share: its share of a batch's pictures, between 0 and 1; at least one picture.
      skeleton: a name of `estimator.skeletons`, or a JSON file; "" takes the model's own.
      height, width: of the training pictures, pixels; 0 takes the model's own.
      policy: a name of `augment.policy`.
      encoder: of the targets, see `pipeline.batches.BatchOptions`; "none" renders them in the
        step's graph.
      shuffle: shuffle-buffer size, in encoded samples.
      cache: keeps the encoded records in memory after the first epoch, and in every checkpoint.
      examples: samples per epoch; 0 counts the data set's pictures. A top-down epoch has people.
        With `canvases`: the number of canvases to use, from the first on.
      batch: pictures per step, over all replicas.
      steps: of the whole run; 0 where `epochs` says it.
      epochs: over the data set; 0 where `steps` says it.
      optimiser, schedule: the update rule, and its rate over the run.
      groups: rates and decays by variables' names; the first that matches owns a variable.
      loss: how the maps' errors become one number.
      teacher: a network to learn from besides the labels.
      hints: features of a cache to learn besides the maps.
      start: weights to begin with: a checkpoint's file, or a run's folder for its averaged weights.
        "" takes the shipped network's where there is one, "none" random weights.
      start_layers: loads only layers under these names from `start`; the others start at random.
        "*" takes every layer that fits. Empty: all must fit.
      start_channels: "rgb" or "bgr", the channel order of the network in `start`; needed with
        `start_layers`.
      frozen_norms: batch norms keep the statistics, scales and offsets that they start with, which
        small batches and few pictures would spoil.
      ema: decay of the moving average of the weights, which is evaluated and shipped; 0 for none.
      precision: "float32", "mixed_bfloat16" or "mixed_float16".
      accumulate: parts that each replica computes its slice in, one after the other, which needs
        less memory.
      clip: largest norm of the gradient; 0 for no limit.
      sync_batch_norm: batch norms of several replicas share the statistics of the whole batch.
      seed: of the weights, the order of the data and the augmentation.
      deterministic: the same run gives the same bits, on the same machine and thread count.
      data_service: host:port of a dispatcher of the data service; "" reads here. A resumed run
        then starts an epoch anew, since its place in the data cannot be saved.
      log_every, image_every, checkpoint_every, validate_every: steps between them; 0 for never.
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
    frozen_norms: bool = False
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
        for holds, rule in _RULES:
            if not holds(self):
                raise ValueError(rule.format(self=self))

    def to_json(self) -> str:
        """The recipe as readable JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


# (what must hold of a recipe, the error where it does not)
_RULES: tuple[tuple[Callable[[Recipe], bool], str], ...] = (
    (lambda recipe: recipe.batch >= 1, "batch must be at least 1, found {self.batch}"),
    (
        lambda recipe: recipe.accumulate >= 1,
        "accumulate must be at least 1, found {self.accumulate}",
    ),
    (lambda recipe: recipe.keep >= 1, "keep must be at least 1, found {self.keep}"),
    (lambda recipe: recipe.log_every >= 1, "log_every must be at least 1, found {self.log_every}"),
    (
        lambda recipe: (
            (recipe.steps > 0) != (recipe.epochs > 0) and min(recipe.steps, recipe.epochs) >= 0
        ),
        "a recipe has steps or epochs, one of them positive and the other 0; found steps "
        "{self.steps} and epochs {self.epochs}",
    ),
    (
        lambda recipe: not (recipe.canvases and (recipe.dataset or recipe.teacher.model)),
        "canvases {self.canvases} hold a teacher's answers to its own pictures: give no dataset "
        "and no teacher.model with them",
    ),
    (
        lambda recipe: not recipe.unlabelled or bool(recipe.dataset and recipe.teacher.model),
        "unlabelled pictures ({self.unlabelled}) are for a teacher, beside a dataset: give "
        "--dataset and --teacher.model; or --canvases, where no label is needed at all",
    ),
    (
        lambda recipe: 0 < recipe.unlabelled_share < 1,
        "unlabelled_share must be between 0 and 1, found {self.unlabelled_share}",
    ),
    (
        lambda recipe: recipe.precision in PRECISIONS,
        f"precision must be one of {PRECISIONS}, found {{self.precision!r}}",
    ),
    (
        lambda recipe: recipe.encoder in typing.get_args(Encoder),
        f"encoder must be one of {typing.get_args(Encoder)}, found {{self.encoder!r}}",
    ),
    (
        lambda recipe: 0 <= recipe.ema < 1,
        "ema must be 0 or between 0 and 1, found {self.ema}",
    ),
    (lambda recipe: recipe.clip >= 0, "clip must not be negative, found {self.clip}"),
)

# What may change when a run is resumed: its length, where files lie, and how often it logs.
FREE = (
    *("steps", "epochs", "start", "data_dir", "canvases", "data_service", "cache", "keep"),
    *("log_every", "image_every", "checkpoint_every", "validate_every"),
)


def settings(kind: type = Recipe, prefix: str = "") -> dict[str, type]:
    """The options that a flag can override: dotted name, such as "optimiser.rate", to type.

    Returns:
      Types str, int, float, bool or tuple; `groups` have no flag.
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
