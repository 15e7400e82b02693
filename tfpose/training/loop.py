"""Trains a recipe, from its data to a run's folder.

A run's folder holds `recipe.json`, `checkpoints/`, `log.csv`, `curves.png`, `predictions.jpg`,
`tensorboard/` and, at the end, `model.keras`, with its spec inside, ready for evaluation.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from estimator.spec import PoseSpec

from .. import models
from ..weights import keras_files, loading
from . import replicas, run_folder
from .feeds.feed import Feed, step_inputs
from .logs import Logs
from .previews import previews, write_sheet
from .recipe import Recipe
from .run import RunState, iterate, prepare, resume, save
from .step import Outcome, make

MODEL = "model.keras"
PREDICTIONS = "predictions.jpg"  # of the last batch that was drawn, beside their targets
SHORT = 4  # validations of a short run
OVERFLOWS = 50  # float16 updates in a row that may be skipped before the run stops

DECIDING = ("AP", "PCKh")  # the figure that says which checkpoint is the best, the first there is
# From the network with its best weights, its spec and the step to figures by name.
Validate: TypeAlias = Callable[[keras.Model, PoseSpec, int], Mapping[str, float]]
Pending: TypeAlias = (
    "list[tuple[int, Outcome, Any]]"  # steps not yet read: number, outcome, pictures
)


def train(
    recipe: Recipe,
    run: str | os.PathLike[str],
    *,
    feed: Feed | None = None,
    validate: Validate | None = None,
    strategy: Any = None,
) -> keras.Model:
    """Trains, or resumes a run from the newest checkpoint in its folder.

    Args:
      recipe: the run's model, data and numbers.
      run: folder of the run; created where it does not exist.
      feed: batches to use instead of those that the recipe names.
      validate: called every `recipe.validate_every` steps and at the end.
      strategy: instead of `replicas.strategy()`.

    Returns:
      The network, with the moving average of its weights where the recipe has one.

    Raises:
      FileNotFoundError: data, weights or a teacher's file is missing.
      ValueError: recipe, data and folder do not fit together.
      BlockingIOError: another process trains in the folder.
      FloatingPointError: loss or gradient is not finite; names step, terms and pictures.
    """
    folder, strategy = Path(run), strategy or replicas.strategy()
    with run_folder.claimed(folder, recipe, replicas.worker(strategy)[0]):
        return _train(recipe, folder, feed, validate, strategy)


def _train(
    recipe: Recipe, folder: Path, feed: Feed | None, validate: Validate | None, strategy: Any
) -> keras.Model:
    keras.utils.set_random_seed(recipe.seed + 1)  # at 0 tf.data refuses seeds that are tensors
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    state = prepare(recipe, folder, feed, strategy)
    iterator = iterate(state.feed)
    resume(state, iterator)
    logs = None
    if state.chief:
        logs = Logs(folder, step=state.step, steps=state.steps, batch=recipe.batch)
    with _stopping_gently(state):
        _loop(state, iterator, logs, validate)
    if state.chief and not state.stopping:
        _finish(state)
    if logs:
        logs.close()
    return state.parts.model


def shipped(model: keras.Model, spec: PoseSpec) -> tuple[keras.Model, PoseSpec]:
    """The network as users run it, with its spec.

    A network of flexible size is trained on squares and used on whole pictures: it is built anew
    with open height and width, and its spec has the family's default size. Others stay as they
    are.

    Args:
      model, spec: as trained.
    """
    if not spec.image.flexible:
        return model, spec
    default = models.spec(spec.model, skeleton=spec.skeleton)
    copy = models.build(default, flexible=True)
    copy.set_weights(model.get_weights())
    return copy, default


class _BetweenSteps:
    """The work between steps: log rows, previews, validation, checkpoints."""

    def __init__(
        self, state: RunState, iterator: Any, logs: Logs | None, validate: Validate | None
    ) -> None:
        self._state, self._iterator, self._logs, self._validate = state, iterator, logs, validate
        self._pending: Pending = []
        self._batch: Mapping[str, Any] = {}
        self._saved = state.step

    def actions(self) -> tuple[tuple[int, bool, Callable[[], None]], ...]:
        """Rows of (steps between actions, whether at the last step too, action), in their order."""
        recipe = self._state.recipe
        return (
            (recipe.log_every, False, self.report),
            (recipe.image_every, recipe.image_every > 0, self.draw),
            (_validate_every(self._state), True, self.validate),
            (recipe.checkpoint_every, True, self.save),
        )

    def add(self, outcome: Outcome, batch: Mapping[str, Any]) -> None:
        """Keeps a step's outcome until it is read, and shows how far the run is."""
        step = self._state.step
        self._pending.append((step, outcome, batch.get("image_id")))
        self._batch = batch
        if self._logs:
            self._logs.progress.step(
                step,
                loss=lambda: sum(float(term) for term in outcome.terms.values()),
                rate=_rate(self._state, step - 1),
            )

    def report(self) -> None:
        """Reads the steps since the last row and logs their means; stops a run that diverged."""
        if not self._pending:
            return
        values = _read(self._state, self._pending)
        self._pending = []
        if self._logs:
            self._logs.scalars(self._state.step, values, pictures=self._state.recipe.batch)

    def draw(self) -> None:
        """Logs pictures of the last batch."""
        if self._logs:
            self.report()
            shown = previews(self._state.parts.model, self._state.spec, self._batch)
            self._logs.pictures(self._state.step, shown)
            write_sheet(shown, self._state.folder / PREDICTIONS)

    def validate(self) -> None:
        """Measures the network; the best so far is saved at once."""
        if self._validate is None:
            return
        self.report()
        if _improved(self._state, self._validate, self._logs):
            self._save(best=True)
        if self._logs:
            self._logs.idle()

    def save(self) -> None:
        """Saves a checkpoint of this step, once."""
        self.report()
        if self._saved != self._state.step:
            self._save(best=False)
        if self._logs:
            self._logs.idle()

    def _save(self, *, best: bool) -> None:
        save(self._state, self._iterator, best=best)
        self._saved = self._state.step


def _loop(state: RunState, iterator: Any, logs: Logs | None, validate: Validate | None) -> None:
    """Steps until the end, or until SIGTERM; a checkpoint of the last step is always saved."""
    step, between = make(state.parts), _BetweenSteps(state, iterator, logs, validate)
    while state.step < state.steps and not state.stopping:
        batch = _next(iterator, state)
        inputs = replicas.spread(state.parts.strategy, step_inputs(batch))
        outcome = step(inputs, tf.constant(_rate(state, state.step), tf.float32))
        state.step += 1
        between.add(outcome, batch)
        for every, at_end, action in between.actions():
            if _due(state.step, every) or (at_end and state.step == state.steps):
                action()
    between.save()


def _validate_every(state: RunState) -> int:
    """Steps between validations: a run that is shorter than two of them gets four all the same."""
    every = state.recipe.validate_every
    return min(every, -(-state.steps // SHORT)) if 2 * every > state.steps else every


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _rate(state: RunState, step: int) -> float:
    share = state.recipe.schedule.share(step, state.steps, state.steps_per_epoch)
    return state.recipe.optimiser.rate * share


def _next(iterator: Any, state: RunState) -> Mapping[str, Any]:
    try:
        batch: Mapping[str, Any] = next(iterator)
        return batch
    except StopIteration:
        if state.step:
            message = f"the data ended at step {state.step} of {state.steps}: it must repeat"
        else:
            message = f"the data set gives no batch of {state.recipe.batch}: it is empty"
        raise ValueError(message) from None


def _read(state: RunState, pending: Pending) -> dict[str, float]:
    """Means over the pending steps; raises FloatingPointError where one is not finite."""
    rows = []
    for step, outcome, pictures in pending:
        terms = {name: float(value) for name, value in outcome.terms.items()}
        norm = float(outcome.norm)
        if bool(outcome.finite):
            state.skipped = 0
            rows.append(terms | {"gradient_norm": norm})
            continue
        state.skipped += 1
        if not state.parts.scale.active or state.skipped > OVERFLOWS:
            raise FloatingPointError(_not_finite(step, terms, norm, pictures))
    means = {name: float(np.mean([row[name] for row in rows])) for name in (rows or [{}])[0]}
    loss = sum(value for name, value in means.items() if name != "gradient_norm")
    epochs = state.step / state.steps_per_epoch if state.steps_per_epoch else 0.0
    values = {"epoch": epochs, "loss": loss, "rate": _rate(state, state.step - 1)} | means
    return values | (
        {"loss_scale": float(state.parts.scale.value)} if state.parts.scale.active else {}
    )


def _not_finite(step: int, terms: Mapping[str, float], norm: float, pictures: Any) -> str:
    shown = ", ".join(f"{name} {value:.6g}" for name, value in terms.items())
    names = "" if pictures is None else f"; its pictures: {_names(pictures)}"
    return (
        f"not finite at step {step}: {shown}, gradient norm {norm:.6g}{names}. The weights did not "
        "move. Lower --optimiser.rate, lengthen --schedule.warmup, set --clip, or look at these "
        "pictures with tfpose dataset-doctor; the newest checkpoint is from before"
    )


def _names(pictures: Any) -> str:
    names = [
        name.decode() if isinstance(name, bytes) else str(name) for name in np.asarray(pictures)
    ]
    return ", ".join(names[:16]) + (", ..." if len(names) > 16 else "")


def _improved(state: RunState, validate: Validate, logs: Logs | None) -> bool:
    """Validates the averaged weights; True where the deciding figure is the best so far.

    Only the chief validates: the others wait for it in the next step.
    """
    if not state.chief:
        return False
    average = state.parts.average
    with average.swapped_in() if average else nullcontext():
        figures = validate(state.parts.model, state.spec, state.step)
    if logs:
        logs.note(state.step, figures)
    figure = next((figures[name] for name in DECIDING if name in figures), float("-inf"))
    if not figure > state.best:
        return False
    state.best = float(figure)
    return True


def _finish(state: RunState) -> None:
    """Puts the averaged weights into the network, and writes it with its spec."""
    if state.parts.average is not None:
        for name, variable in loading.named_variables(state.parts.model).items():
            if name in state.parts.average.values:
                variable.assign(state.parts.average.values[name].numpy())
    keras_files.save_keras(*shipped(state.parts.model, state.spec), state.folder / MODEL)


@contextmanager
def _stopping_gently(state: RunState) -> Iterator[None]:
    """On SIGTERM, which batch systems send, the run saves after its step and ends."""

    def stop(*_: object) -> None:
        logging.warning("SIGTERM: saving after this step")
        state.stopping = True

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may listen to signals
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
