"""Training: a recipe, top to bottom, from its data to a run's folder.

A run's folder holds `recipe.json`, `checkpoints/`, `log.csv`, `tensorboard/` and, at the end,
`model.keras`, with its spec inside, as `scripts.evaluate` and the export take it.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from estimator.spec import PoseSpec

from . import models, networks, replicas, starts
from . import recipe as recipes
from .feed import Feed, step_inputs
from .logs import Logs
from .previews import previews
from .recipe import Recipe
from .run import Run, iterate, prepare, resume, save
from .train_step import Outcome, make

RECIPE, MODEL = "recipe.json", "model.keras"
OVERFLOWS = 50  # float16 updates in a row that may be skipped before the run stops

# Network with its best weights, spec, step -> figures; "AP" decides which checkpoint is the best.
Validate: TypeAlias = Callable[[keras.Model, PoseSpec, int], Mapping[str, float]]
Pending: TypeAlias = "list[tuple[int, Outcome, Any]]"  # steps that nobody has read yet


def train(
    recipe: Recipe,
    run: str | os.PathLike[str],
    *,
    feed: Feed | None = None,
    validate: Validate | None = None,
    strategy: Any = None,
) -> keras.Model:
    """Trains, or goes on where the run's folder left off.

    Args:
      recipe: what to train.
      run: folder of the run; made if it is not there.
      feed: batches instead of those that the recipe names.
      validate: called every `recipe.validate_every` steps and at the end.
      strategy: instead of `replicas.strategy()`.

    Returns:
      The network, with the moving average of its weights where the recipe has one.

    Raises:
      FileNotFoundError, ValueError: recipe, data or folder do not go together; says how.
      FloatingPointError: loss or gradient are not finite; names step, terms and pictures.
    """
    folder = Path(run)
    _check_folder(recipe, folder)
    strategy = strategy or replicas.strategy()
    keras.utils.set_random_seed(recipe.seed + 1)  # at 0 tf.data refuses seeds that are tensors
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    state = prepare(recipe, folder, feed, strategy)
    iterator = iterate(state.feed)
    resume(state, iterator)
    logs = Logs(folder, step=state.step, steps=state.steps) if state.chief else None
    with _stopping_gently(state):
        _loop(state, iterator, logs, validate)
    if state.chief and not state.stopping:
        _finish(state)
    if logs:
        logs.close()
    return state.parts.model


def shipped(model: keras.Model, spec: PoseSpec) -> tuple[keras.Model, PoseSpec]:
    """The network with its weights as users run it.

    A network whose size is free was trained on squares and is used on whole pictures: it is made
    anew for every size, and its spec has the family's default size. Others stay as they are.

    Args:
      model, spec: as trained.
    """
    if not spec.image.flexible:
        return model, spec
    default = models.spec(spec.model, skeleton=spec.skeleton)
    copy = models.build(default, flexible=True)
    copy.set_weights(model.get_weights())
    return copy, default


def _check_folder(recipe: Recipe, folder: Path) -> None:
    """Writes the recipe beside the run, or compares it with the one that was begun there."""
    path, mine = folder / RECIPE, recipe.to_json()
    if path.is_file() and (folder / starts.RUN_CHECKPOINTS).is_dir():
        differing = recipes.differences(
            json.loads(path.read_text(encoding="utf-8")), json.loads(mine)
        )
        if differing:
            raise ValueError(
                f"{folder} was begun with another recipe:\n  "
                + "\n  ".join(differing)
                + f"\nGo on with its own, or begin a new folder, with --start={folder} for its "
                "weights"
            )
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{RECIPE}.{os.getpid()}"  # several processes may come at once
    partial.write_text(mine, encoding="utf-8")
    os.replace(partial, path)


def _loop(state: Run, iterator: Any, logs: Logs | None, validate: Validate | None) -> None:
    """Steps until the end; between them logs, pictures, validation and checkpoints."""
    recipe, step = state.recipe, make(state.parts)
    pending: Pending = []
    saved = state.step
    while state.step < state.steps and not state.stopping:
        batch = _next(iterator, state)
        inputs = replicas.spread(state.parts.strategy, step_inputs(batch))
        outcome = step(inputs, tf.constant(_rate(state, state.step), tf.float32))
        state.step += 1
        pending.append((state.step, outcome, batch.get("image_id")))
        last = state.step == state.steps
        saving = last or state.stopping or _due(state.step, recipe.checkpoint_every)
        validating = validate is not None and (last or _due(state.step, recipe.validate_every))
        drawing = logs is not None and _due(state.step, recipe.image_every)
        if saving or validating or drawing or _due(state.step, recipe.log_every):
            values = _read(state, pending)
            pending = []
            if logs:
                logs.scalars(state.step, values, pictures=recipe.batch)
        if logs and drawing:
            logs.pictures(state.step, previews(state.parts.model, state.spec, batch))
        improved = validating and _validate(state, validate, logs)
        if saving or improved:
            save(state, iterator, best=improved)
            saved = state.step
        if logs and (saving or validating):
            logs.idle()
    if saved != state.step:  # SIGTERM came after the last step's own questions
        _read(state, pending)
        save(state, iterator, best=False)


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _rate(state: Run, step: int) -> float:
    share = state.recipe.schedule.share(step, state.steps, state.steps_per_epoch)
    return state.recipe.optimiser.rate * share


def _next(iterator: Any, state: Run) -> Mapping[str, Any]:
    try:
        batch: Mapping[str, Any] = next(iterator)
        return batch
    except StopIteration:
        if state.step:
            message = f"the data ended at step {state.step} of {state.steps}: it must repeat"
        else:
            message = f"the data set gives no batch of {state.recipe.batch}: it is empty"
        raise ValueError(message) from None


def _read(state: Run, pending: list[tuple[int, Outcome, Any]]) -> dict[str, float]:
    """The means over the steps since the last row; stops where one was not finite."""
    rows = []
    for step, outcome, pictures in pending:
        terms = {name: float(value) for name, value in outcome.terms.items()}
        norm = float(outcome.norm)
        if bool(outcome.good):
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
        "pictures with scripts.dataset_doctor; the newest checkpoint is from before"
    )


def _names(pictures: Any) -> str:
    names = [
        name.decode() if isinstance(name, bytes) else str(name) for name in np.asarray(pictures)
    ]
    return ", ".join(names[:16]) + (", ..." if len(names) > 16 else "")


def _validate(state: Run, validate: Validate | None, logs: Logs | None) -> bool:
    """Runs the validation on the averaged weights; True where AP is the best so far.

    Only the chief validates: the others wait for it in the next step.
    """
    if validate is None or not state.chief:
        return False
    if state.parts.average is None:
        figures = validate(state.parts.model, state.spec, state.step)
    else:
        with state.parts.average.swapped_in():
            figures = validate(state.parts.model, state.spec, state.step)
    if logs:
        logs.note(state.step, figures)
    if not figures.get("AP", float("-inf")) > state.best:
        return False
    state.best = float(figures["AP"])
    return True


def _finish(state: Run) -> None:
    """Leaves the averaged weights in the network, and writes it with its spec."""
    if state.parts.average is not None:
        for name, variable in starts.named_variables(state.parts.model).items():
            if name in state.parts.average.values:
                variable.assign(state.parts.average.values[name].numpy())
    networks.save_keras(*shipped(state.parts.model, state.spec), state.folder / MODEL)


@contextmanager
def _stopping_gently(state: Run) -> Iterator[None]:
    """SIGTERM, as batch systems send it, ends the run after the step, with a checkpoint."""

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
