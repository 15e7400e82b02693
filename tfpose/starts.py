"""Weights to begin with: a foreign checkpoint's file, a .weights.h5 of Keras, or another run's."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from absl import logging

from estimator.spec import PoseSpec

from . import checkpoints
from .weights import checkpoint as foreign

WEIGHTS, AVERAGE = "weights:", "average:"  # prefixes of a checkpoint's variables
RUN_CHECKPOINTS = "checkpoints"


def named_variables(model: keras.Model) -> dict[str, Any]:
    """`layer/variable` to the tf.Variable, of everything that changes in training."""
    named: dict[str, Any] = {}
    for variable in model.variables:
        name = variable.path
        if name in named:
            raise ValueError(f"model {model.name} has two variables {name}: name its layers apart")
        named[name] = variable.value
    return named


def load_weights(
    model: keras.Model,
    spec: PoseSpec,
    source: str | os.PathLike[str],
    *,
    layers: Sequence[str] = (),
    channels: str = "",
) -> None:
    """Loads weights into a network.

    Args:
      model, spec: the network.
      source: a checkpoint's file, or a run's folder, or one checkpoint's folder in it; of a run
        the moving average is taken where it has one.
      layers: only those under these names; ("*",) takes, of a run, whatever fits. Empty: all.
      channels: "rgb" or "bgr", what a foreign network reads, where only layers are taken.

    Raises:
      FileNotFoundError: there is nothing.
      ValueError: it does not fit; nothing was loaded then.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"no weights at {path}")
    if path.is_dir():
        _load_run(model, path, layers)
    elif path.name.endswith((".weights.h5", ".keras")):
        model.load_weights(path)
    elif "*" in layers:
        raise ValueError("start_layers '*' is for runs; name the layers to take from a file")
    else:
        foreign.load(model, spec, path, only=layers, channels=channels or None)


def _load_run(model: keras.Model, path: Path, layers: Sequence[str]) -> None:
    if (path / checkpoints.MANIFEST).is_file():
        checkpoint = checkpoints.read(path)
    else:
        best = path / RUN_CHECKPOINTS / checkpoints.BEST
        newest = checkpoints.Checkpoints(path / RUN_CHECKPOINTS)
        found = checkpoints.read(best) if best.is_dir() else newest.newest()
        if found is None:
            raise FileNotFoundError(f"{path} is neither a run's folder nor a checkpoint's")
        checkpoint = found
    averaged = any(name.startswith(AVERAGE) for name in checkpoint.variables)
    prefix = AVERAGE if averaged else WEIGHTS
    wanted = {prefix + name: value for name, value in named_variables(model).items()}
    if layers:
        wanted = {
            name: variable
            for name, variable in wanted.items()
            if _fits(name, variable, checkpoint, layers, len(prefix))
        }
    checkpoints.restore_some(checkpoint, wanted)
    logging.info("%d of %d variables from %s", len(wanted), len(model.variables), checkpoint.folder)


def _fits(
    name: str, variable: Any, checkpoint: checkpoints.Checkpoint, layers: Sequence[str], skip: int
) -> bool:
    if "*" in layers:
        return checkpoint.variables.get(name) == list(variable.shape)
    layer = name[skip:]
    return any(layer.startswith((part + ".", part + "/")) for part in layers)
