"""Training: a recipe, top to bottom, from its data to a run's folder.

A run's folder holds `recipe.json`, `checkpoints/`, `log.csv`, `tensorboard/` and, at the end,
`model.weights.h5` (the moving average where there is one) and `pose_spec.json`.
"""

import json
import os
import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from estimator import skeletons
from estimator.spec import PoseSpec

from . import checkpoints, models, objective, precision, replicas, starts
from . import recipe as recipes
from .averages import Average
from .feed import Feed, check_size, open_feed, step_inputs
from .logs import Logs, maps_picture
from .losses import stages_of
from .optimisers import Updater
from .recipe import Recipe
from .train_step import Outcome, Parts, make

RECIPE, SPEC, WEIGHTS = "recipe.json", "pose_spec.json", "model.weights.h5"
OVERFLOWS = 50  # float16 updates in a row that may be skipped before the run stops

# Model with its best weights, spec, step -> figures; "AP" decides which checkpoint is the best.
Validate = Callable[[keras.Model, PoseSpec, int], Mapping[str, float]]


@dataclass(kw_only=True, eq=False)
class _Run:
    """A run between two steps."""

    recipe: Recipe
    spec: PoseSpec
    folder: Path
    parts: Parts
    feed: Feed
    steps: int
    step: int = 0
    best: float = float("-inf")
    skipped: int = 0  # updates in a row that were not finite
    stopping: bool = False

    @property
    def steps_per_epoch(self) -> float | None:
        return self.feed.examples / self.recipe.batch if self.feed.examples else None

    @property
    def store(self) -> checkpoints.Checkpoints:
        """Every process keeps a checkpoint of its own: the iterators differ."""
        index, _ = replicas.worker(self.parts.strategy)
        name = starts.RUN_CHECKPOINTS + (f"-{index}" if index else "")
        return checkpoints.Checkpoints(self.folder / name, keep=self.recipe.keep)

    @property
    def chief(self) -> bool:
        return replicas.worker(self.parts.strategy)[0] == 0

    def variables(self) -> dict[str, Any]:
        """All that a checkpoint holds besides the iterator."""
        parts = self.parts
        named = _prefixed(starts.WEIGHTS, starts.named_variables(parts.model))
        for path, slots in parts.updater.slots.items():
            named |= {f"{name}:{path}": slot for name, slot in slots.items()}
        if parts.average is not None:
            named |= _prefixed(starts.AVERAGE, parts.average.values)
        named |= {"updates": parts.updater.count}
        return named | {"scale": parts.scale.value, "scale_good": parts.scale.good}


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
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    state = _prepare(recipe, folder, feed, strategy)
    iterator = iter(state.feed.batches)
    _resume(state, iterator)
    logs = Logs(folder, step=state.step, steps=state.steps) if state.chief else None
    with _stopping_gently(state):
        _loop(state, iterator, logs, validate)
    if state.chief and not state.stopping:
        _finish(state)
    if logs:
        logs.close()
    return state.parts.model


def spec_of(recipe: Recipe) -> PoseSpec:
    """The spec of a recipe's network at its training size.

    Raises:
      ValueError: no such model or skeleton, or a size that the stride does not allow.
    """
    return models.spec(
        recipe.model,
        skeleton=skeletons.get(recipe.skeleton) if recipe.skeleton else None,
        height=recipe.height or None,
        width=recipe.width or None,
    )


def _check_folder(recipe: Recipe, folder: Path) -> None:
    """Writes the recipe beside the run, or compares it with the one that is there."""
    path, mine = folder / RECIPE, recipe.to_json()
    if path.is_file():
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
    path.write_text(mine, encoding="utf-8")


def _prepare(recipe: Recipe, folder: Path, feed: Feed | None, strategy: Any) -> _Run:
    spec = spec_of(recipe)
    batch = replicas.local_batch(strategy, recipe.batch, recipe.accumulate)
    if feed is None:
        feed = open_feed(recipe, spec, batch=batch, worker=replicas.worker(strategy))
    check_size(feed.examples, recipe.batch, recipe.dataset or "given")
    with strategy.scope():
        parts = _build(recipe, spec, strategy)
    return _Run(
        recipe=recipe,
        spec=spec,
        folder=folder,
        parts=parts,
        feed=feed,
        steps=_steps(recipe, feed),
    )


def _build(recipe: Recipe, spec: PoseSpec, strategy: Any) -> Parts:
    with precision.networks_in(recipe.precision):
        model = models.build(spec)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = recipe.sync_batch_norm and strategy.num_replicas_in_sync > 1
    if recipe.start:
        starts.load_weights(
            model, spec, recipe.start, layers=recipe.start_layers, channels=recipe.start_channels
        )
    trainable = {variable.path: variable.value for variable in model.trainable_variables}
    floats = {
        name: value
        for name, value in starts.named_variables(model).items()
        if value.dtype.is_floating
    }
    return Parts(
        strategy=strategy,
        model=model,
        objective=objective.make(recipe, spec, objective.load_teacher(recipe.teacher, spec)),
        updater=Updater(trainable, recipe.optimiser, recipe.groups),
        average=Average(floats, recipe.ema) if recipe.ema else None,
        scale=precision.LossScale(recipe.precision),
        batch=recipe.batch,
        accumulate=recipe.accumulate,
        clip=recipe.clip,
    )


def _steps(recipe: Recipe, feed: Feed) -> int:
    if recipe.steps:
        return recipe.steps
    if feed.examples is None:
        raise ValueError(
            "the recipe has epochs, and how many samples an epoch has is unknown: say it with "
            "--examples, or give --steps"
        )
    return max(1, round(recipe.epochs * feed.examples / recipe.batch))


def _resume(state: _Run, iterator: Any) -> None:
    """Goes on from the newest checkpoint that every process has whole."""
    store = state.store
    _forget_partial(store.folder)
    newest = store.newest()
    step = replicas.lowest(state.parts.strategy, newest.step if newest else 0)
    if not step:
        return
    checkpoint = next((one for one in store.whole() if one.step == step), None)
    if checkpoint is None:
        raise ValueError(f"{store.folder} lacks step {step}, from which another worker goes on")
    saved = None if state.recipe.data_service else iterator
    checkpoints.restore(checkpoint, state.variables(), saved)
    notes = checkpoint.notes
    state.step, state.best, state.skipped = step, notes["best"], notes["skipped"]
    _set_random_state(notes["random"])
    logging.info("going on from step %d of %s", step, checkpoint.folder)


def _forget_partial(folder: Path) -> None:
    import shutil

    for path in folder.glob("*.partial"):
        shutil.rmtree(path, ignore_errors=True)


def _loop(state: _Run, iterator: Any, logs: Logs | None, validate: Validate | None) -> None:
    """Steps until the end; between them logs, pictures, validation and checkpoints."""
    recipe, step = state.recipe, make(state.parts)
    pending: list[tuple[int, Outcome, Any]] = []
    while state.step < state.steps and not state.stopping:
        batch = _next(iterator, state)
        inputs = replicas.spread(state.parts.strategy, step_inputs(batch))
        outcome = step(inputs, tf.constant(_rate(state, state.step), tf.float32))
        state.step += 1
        pending.append((state.step, outcome, batch.get("image_id")))
        last = state.step == state.steps or state.stopping
        saving = last or _due(state.step, recipe.checkpoint_every)
        validating = validate is not None and (last or _due(state.step, recipe.validate_every))
        if saving or validating or _due(state.step, recipe.log_every):
            values = _read(state, pending)
            if logs:
                logs.scalars(state.step, values, pictures=recipe.batch)
            pending = []
        if logs and _due(state.step, recipe.image_every):
            _draw(state, batch, logs)
        improved = validating and validate is not None and _validate(state, validate, logs)
        if saving or improved:
            _save(state, iterator, best=improved)
        if logs and (saving or validating):
            logs.idle()


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _rate(state: _Run, step: int) -> float:
    share = state.recipe.schedule.share(step, state.steps, state.steps_per_epoch)
    return state.recipe.optimiser.rate * share


def _next(iterator: Any, state: _Run) -> Mapping[str, Any]:
    try:
        return next(iterator)  # type: ignore[no-any-return]
    except StopIteration:
        if state.step:
            message = f"the data ended at step {state.step} of {state.steps}: it must repeat"
        else:
            message = f"the data set gives no batch of {state.recipe.batch}: it is empty"
        raise ValueError(message) from None


def _read(state: _Run, pending: list[tuple[int, Outcome, Any]]) -> dict[str, float]:
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
        f"not finite at step {step}: {shown}, gradient norm {norm:.6g}{names}. The weights were not "
        "touched by it. Lower --optimiser.rate, lengthen --schedule.warmup, set --clip, or look at "
        "these pictures with scripts.dataset_doctor; the newest checkpoint is from before"
    )


def _names(pictures: Any) -> str:
    names = [
        name.decode() if isinstance(name, bytes) else str(name) for name in np.asarray(pictures)
    ]
    return ", ".join(names[:16]) + (", ..." if len(names) > 16 else "")


def _draw(state: _Run, batch: Mapping[str, Any], logs: Logs) -> None:
    image = np.asarray(batch["image"][:4], np.float32)
    outputs = state.parts.model(image, training=False)
    shown = {"picture": image / 255}
    for head in outputs:
        skip = -1 if head == "heatmaps" and state.spec.outputs.background else None
        predicted = np.asarray(stages_of(outputs, head)[-1], np.float32)[..., :skip]
        shown[f"{head}/predicted"] = maps_picture(image, predicted)
        if head in batch:
            target = np.asarray(batch[head][:4], np.float32)[..., :skip]
            shown[f"{head}/target"] = maps_picture(image, target)
    logs.pictures(state.step, shown)


def _validate(state: _Run, validate: Validate, logs: Logs | None) -> bool:
    """Runs the validation on the averaged weights; True where AP is the best so far.

    Only the chief validates: the others wait for it in the next step.
    """
    if not state.chief:
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


def _save(state: _Run, iterator: Any, *, best: bool) -> None:
    """Saves; a disk that takes no more costs the checkpoint and not the run."""
    notes = {
        "best": state.best,
        "skipped": state.skipped,
        "epoch": state.step / state.steps_per_epoch if state.steps_per_epoch else None,
        "random": _random_state(),
        "recipe": json.loads(state.recipe.to_json()),
    }
    saved = None if state.recipe.data_service else iterator
    try:
        place = state.store.save(state.step, state.variables(), saved, notes)
        if best:
            state.store.mark_best(place)
    except OSError as error:
        if state.step == state.steps:
            raise
        logging.error("no checkpoint of step %d, training goes on: %s", state.step, error)


def _finish(state: _Run) -> None:
    """Leaves the averaged weights in the network, and writes them with the spec."""
    if state.parts.average is not None:
        for name, variable in starts.named_variables(state.parts.model).items():
            if name in state.parts.average.values:
                variable.assign(state.parts.average.values[name].numpy())
    partial = state.folder / f"partial.{WEIGHTS}"
    state.parts.model.save_weights(partial)
    os.replace(partial, state.folder / WEIGHTS)
    (state.folder / SPEC).write_text(state.spec.to_json(), encoding="utf-8")


class _stopping_gently:  # noqa: N801  # reads as a phrase after `with`
    """SIGTERM, as batch systems send it, ends the run after the step, with a checkpoint."""

    def __init__(self, state: _Run) -> None:
        self._state, self._before = state, None

    def __enter__(self) -> None:
        import threading

        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._stop)

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _stop(self, *_: object) -> None:
        logging.warning("SIGTERM: saving after this step")
        self._state.stopping = True


def _random_state() -> dict[str, Any]:
    name, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002
    version, state, following = random.getstate()
    return {
        "python": [version, list(state), following],
        "numpy": [name, keys.tolist(), position, has_gauss, gauss],
    }


def _set_random_state(saved: Mapping[str, Any]) -> None:
    version, state, following = saved["python"]
    random.setstate((version, tuple(state), following))
    name, keys, position, has_gauss, gauss = saved["numpy"]
    np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, gauss))  # noqa: NPY002


def _prefixed(prefix: str, named: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: value for name, value in named.items()}
