"""The state of a run between two steps: how it is built, saved and resumed."""

import json
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from estimator import skeletons
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

from .. import models
from ..blocks import cpu_gradients, fused_norm
from ..blocks.layer_names import variable_name
from ..losses import hints
from ..weights import checkpoints, loading, shipped
from . import objective, replicas
from .feeds.feed import Feed, check_size
from .feeds.opening import open_feed
from .recipe import Recipe
from .step import Parts
from .update import precision
from .update.averages import Average
from .update.optimisers import Updater


@dataclass(kw_only=True, eq=False)
class RunState:
    """A run between two steps.

    Attributes:
      recipe, spec: of the run; the spec has the training size.
      folder: of the run.
      parts: what a step moves.
      feed: its batches.
      steps: of the whole run.
      step: steps done.
      best: the highest AP, or PCKh, of a validation so far.
      skipped: updates in a row that were not finite.
      stopping: SIGTERM came; the run ends after this step.
    """

    recipe: Recipe
    spec: PoseSpec
    folder: Path
    parts: Parts
    feed: Feed
    steps: int
    step: int = 0
    best: float = float("-inf")
    skipped: int = 0
    stopping: bool = False

    @property
    def steps_per_epoch(self) -> float | None:
        return self.feed.examples / self.recipe.batch if self.feed.examples else None

    @property
    def store(self) -> checkpoints.Checkpoints:
        """Every process keeps a checkpoint of its own: the iterators differ."""
        index, _ = replicas.worker(self.parts.strategy)
        name = loading.RUN_CHECKPOINTS + (f"-{index}" if index else "")
        return checkpoints.Checkpoints(self.folder / name, keep=self.recipe.keep)

    @property
    def chief(self) -> bool:
        return replicas.worker(self.parts.strategy)[0] == 0

    def variables(self) -> dict[str, Any]:
        """Every variable of a checkpoint by name; the iterator is saved beside them."""
        parts = self.parts
        named = _prefixed(loading.WEIGHTS, loading.named_variables(parts.network))
        for path, slots in parts.updater.slots.items():
            named |= {f"{name}:{path}": slot for name, slot in slots.items()}
        if parts.average is not None:
            named |= _prefixed(loading.AVERAGE, parts.average.values)
        named |= {"updates": parts.updater.count}
        # "scale_good": the name in checkpoints that were written before.
        return named | {"scale": parts.scale.value, "scale_good": parts.scale.finite_updates}


def spec_of(recipe: Recipe) -> PoseSpec:
    """The spec of a recipe's network at its training size.

    Raises:
      ValueError: no such model or skeleton, or a size that the stride does not allow.
      FileNotFoundError: the skeleton is a JSON file that does not exist.
    """
    return models.spec(
        recipe.model,
        skeleton=_skeleton(recipe.skeleton),
        height=recipe.height or None,
        width=recipe.width or None,
    )


def _skeleton(name: str) -> Skeleton | None:
    if not name:
        return None
    return skeletons.get(name)


def prepare(recipe: Recipe, folder: Path, feed: Feed | None, strategy: Any) -> RunState:
    """Builds network, optimiser and feed of a run's first step.

    Args:
      recipe: of the run.
      folder: of the run.
      feed: batches to use instead of the recipe's; None opens those.
      strategy: of all variables.

    Raises:
      FileNotFoundError, ValueError: as `train`.
    """
    spec = spec_of(recipe)
    batch = replicas.local_batch(strategy, recipe.batch, recipe.accumulate)
    if feed is None:
        feed = open_feed(recipe, spec, batch=batch, worker=replicas.worker(strategy))
    check_size(feed.examples, recipe.batch, recipe.dataset or "given")
    with strategy.scope():
        parts = _build(recipe, spec, feed, strategy)
    return RunState(
        recipe=recipe,
        spec=spec,
        folder=folder,
        parts=parts,
        feed=feed,
        steps=_steps(recipe, feed),
    )


def _build(recipe: Recipe, spec: PoseSpec, feed: Feed, strategy: Any) -> Parts:
    with precision.networks_in(recipe.precision):
        model = models.build(spec)
        hinted = _hinted(model, recipe, feed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = recipe.sync_batch_norm and strategy.num_replicas_in_sync > 1
        if isinstance(layer, keras.layers.BatchNormalization) and recipe.frozen_norms:
            layer.trainable = False
    network = hinted if recipe.frozen_norms else fused_norm.fused(hinted)
    network = cpu_gradients.faster(network)
    _begin(model, spec, recipe)
    trainable = {
        variable_name(variable): variable.value for variable in network.trainable_variables
    }
    floats = {
        name: value
        for name, value in loading.named_variables(model).items()
        if value.dtype.is_floating
    }
    teacher = objective.load_teacher(recipe.teacher, spec)
    return Parts(
        strategy=strategy,
        model=model,
        network=network,
        objective=objective.make(recipe, spec, teacher, feed.taught_channels),
        updater=Updater(trainable, recipe.optimiser, recipe.groups),
        average=Average(floats, recipe.ema) if recipe.ema else None,
        scale=precision.LossScale(recipe.precision),
        batch=recipe.batch,
        accumulate=recipe.accumulate,
        clip=recipe.clip,
    )


def _begin(model: keras.Model, spec: PoseSpec, recipe: Recipe) -> None:
    """Loads the weights that the run begins with."""
    start = shipped.start(recipe.model, recipe.start)
    if not start:
        logging.info("starting from random weights")
        return
    logging.info("starting from %s (--start=%s takes random weights)", start, shipped.NONE)
    loading.load_weights(
        model, spec, start, layers=recipe.start_layers, channels=recipe.start_channels
    )


def _hinted(model: keras.Model, recipe: Recipe, feed: Feed) -> keras.Model:
    if not recipe.hints.layer:
        return model
    if not feed.hints:
        raise ValueError("hints.layer needs a cache that has hints: give --canvases")
    return hints.with_head(model, recipe.hints.layer, feed.hints)


def iterate(feed: Feed) -> Any:
    """An iterator over the feed that a checkpoint can hold."""
    options = tf.data.Options()
    # TensorFlow counts operations as stateful that only print, or read one element of a nested data
    # set; all random draws of the pipeline are stateless.
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    return iter(feed.batches.with_options(options))


def _steps(recipe: Recipe, feed: Feed) -> int:
    """The steps of the whole run; warns where its rate would rise until the end."""
    steps, warmup = _counted_steps(recipe, feed), recipe.schedule.warmup
    if warmup >= steps:
        logging.warning(
            "schedule.warmup is %d of this run's %d steps, so it never reaches its rate: give "
            "--schedule.warmup=%d, say",
            warmup,
            steps,
            steps // 20,
        )
    return steps


def _counted_steps(recipe: Recipe, feed: Feed) -> int:
    if recipe.steps:
        return recipe.steps
    if feed.examples is None:
        raise ValueError(
            "the recipe has epochs, and the number of samples per epoch is unknown: give "
            "--examples or --steps"
        )
    return max(1, round(recipe.epochs * feed.examples / recipe.batch))


def resume(state: RunState, iterator: Any) -> None:
    """Restores the newest checkpoint that every process has whole, where there is one.

    With more or fewer processes than before, all take the first one's, which lies on storage that
    they share; the data is divided anew, so its place is not kept.
    """
    _forget_partial(state.store.folder)
    store, same = _where_from(state)
    newest = store.newest()
    step = replicas.lowest(state.parts.strategy, newest.step if newest else 0)
    if not step:
        return
    checkpoint = next((one for one in store.whole() if one.step == step), None)
    if checkpoint is None:
        raise ValueError(f"{store.folder} lacks step {step}, from which another worker goes on")
    notes = checkpoint.notes
    placed = same and notes["data"]
    checkpoints.restore(checkpoint, state.variables(), iterator if placed else None)
    if not placed:
        reason = "was not saved" if same else "is of another number of processes"
        logging.warning("its place in the data %s: the epoch begins anew", reason)
    state.step, state.best, state.skipped = step, notes["best"], notes["skipped"]
    _set_random_state(notes["random"])
    logging.info("going on from step %d of %s", step, checkpoint.folder)


def _where_from(state: RunState) -> tuple[checkpoints.Checkpoints, bool]:
    """The checkpoints to go on from, and whether as many processes wrote them as there are now."""
    workers = replicas.worker(state.parts.strategy)[1]
    first = checkpoints.Checkpoints(state.folder / loading.RUN_CHECKPOINTS, keep=state.recipe.keep)
    newest = first.newest()
    same = newest is None or newest.notes.get("workers", workers) == workers
    return (state.store if same else first), same


def _forget_partial(folder: Path) -> None:
    for path in folder.glob("*.partial"):
        shutil.rmtree(path, ignore_errors=True)


def save(state: RunState, iterator: Any, *, best: bool) -> None:
    """Saves a checkpoint; a full disk is logged and training goes on, except at the last step."""
    notes = {
        "best": state.best,
        "skipped": state.skipped,
        "data": not state.recipe.data_service,
        "workers": replicas.worker(state.parts.strategy)[1],
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


def _random_state() -> dict[str, Any]:
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    version, state, following = random.getstate()
    return {
        "python": [version, list(state), following],
        "numpy": [name, np.asarray(keys).tolist(), position, has_gauss, gauss],
    }


def _set_random_state(saved: Mapping[str, Any]) -> None:
    version, state, following = saved["python"]
    random.setstate((version, tuple(state), following))
    name, keys, position, has_gauss, gauss = saved["numpy"]
    np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, gauss))  # noqa: NPY002


def _prefixed(prefix: str, named: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: value for name, value in named.items()}
