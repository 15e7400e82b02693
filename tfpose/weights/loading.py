"""Loads initial weights: from a foreign checkpoint, a file of Keras, or a run."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
from absl import logging

from estimator import bundle
from estimator.spec import PoseSpec

from ..blocks.layer_names import variable_name
from . import carrying, checkpoints, foreign, keras_files

WEIGHTS, AVERAGE = "weights:", "average:"  # prefixes of a checkpoint's variables
RUN_CHECKPOINTS = "checkpoints"
BOXES = re.compile(r"boxes(\.\w+)*/")  # variables of `residual_paf`'s map of boxes


def named_variables(model: keras.Model) -> dict[str, Any]:
    """`layer/variable`, by the originals' names, to each tf.Variable of a network."""
    named: dict[str, Any] = {}
    for variable in model.variables:
        name = variable_name(variable)
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
      source: a checkpoint's file, a run's folder, or one checkpoint's folder in it; a run's moving
        average is taken where it has one.
      layers: loads only layers under these names; ("*",) loads every layer of a run or a .keras
        that fits. Empty: all must fit; a .keras of the same network with other keypoints gives
        all that both share, see `carrying`.
      channels: "rgb" or "bgr", the order that a foreign network reads; needed with `layers`.

    Raises:
      FileNotFoundError: there are no such weights.
      ValueError: they do not fit; nothing was loaded then.
    """
    path = Path(source)
    if not path.exists() and not Path(f"{path}.index").is_file():  # TensorFlow 1's have no suffix
        raise FileNotFoundError(f"no weights at {path}")
    if path.is_dir():
        _load_run(model, path, layers)
    elif path.suffix == keras_files.SUFFIX:
        _load_keras(model, spec, path, layers)
    elif path.name.endswith(keras_files.WEIGHTS_SUFFIX) and not layers:
        keras_files.load_own(model, path)
    elif path.name.endswith(keras_files.WEIGHTS_SUFFIX):
        raise ValueError(f"{path} has no names to take start_layers by: give the .keras or the run")
    elif "*" in layers:
        raise ValueError("start_layers '*' is for runs and .keras files: name the layers to take")
    else:
        # A classifier to start from has layers that no pose network needs.
        ignore = foreign.classifiers_own(spec) if layers else ()
        foreign.load(model, spec, path, only=layers, ignore=ignore, channels=channels or None)


def is_foreign(source: str | os.PathLike[str]) -> bool:
    """Whether weights were trained by another program: neither a run's folder nor Keras's file."""
    path = Path(source)
    ours = path.suffix == keras_files.SUFFIX or path.name.endswith(keras_files.WEIGHTS_SUFFIX)
    return not (ours or path.is_dir())


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
            if _fits(name, variable, checkpoint.variables, layers, len(prefix))
        }
    checkpoints.restore_some(checkpoint, wanted)
    logging.info("%d of %d variables from %s", len(wanted), len(model.variables), checkpoint.folder)


def _load_keras(model: keras.Model, spec: PoseSpec, path: Path, layers: Sequence[str]) -> None:
    there = _without_boxes(named_variables(keras_files.load_keras(path)), spec)
    source = None if layers else _spec_of_another_skeleton(path, spec)
    if source is not None:
        arrays = {name: value.numpy() for name, value in there.items()}
        _say_carried(path, carrying.carry(model, spec, arrays, source))
        return
    shapes = {name: list(variable.shape) for name, variable in there.items()}
    wanted = named_variables(model)
    if layers:
        wanted = {name: v for name, v in wanted.items() if _fits(name, v, shapes, layers, 0)}
    wrong = {name for name, v in wanted.items() if shapes.get(name) != list(v.shape)}
    wrong |= set() if layers else set(shapes) - set(wanted)
    if wrong or not wanted:
        raise ValueError(
            f"{path} does not fit {model.name}: {len(wrong) or 'all'} variables are in one of them "
            f"alone or of another shape, such as {sorted(wrong)[:3]}; start_layers takes a part"
        )
    for name, variable in wanted.items():
        variable.assign(there[name])
    logging.info("%d of %d variables from %s", len(wanted), len(model.variables), path)


def _without_boxes(there: dict[str, Any], spec: PoseSpec) -> dict[str, Any]:
    """A file's variables, without those that make boxes where the network gives none."""
    if spec.outputs.boxes:
        return there
    kept = {name: value for name, value in there.items() if not BOXES.match(name)}
    if len(kept) < len(there):
        logging.info("left out the layers of people's boxes: this network gives none")
    return kept


def _spec_of_another_skeleton(path: Path, spec: PoseSpec) -> PoseSpec | None:
    """The file's spec, where it is the same network's with another skeleton."""
    try:
        source = bundle.read(path)
    except ValueError:  # Keras alone wrote it
        return None
    other = source.model == spec.model and not carrying.same_maps(source.skeleton, spec.skeleton)
    return source if other else None


def _say_carried(path: Path, carried: carrying.Carried) -> None:
    logging.info(
        "%d variables from %s; keypoints whose maps go on: %s; new ones are learnt",
        carried.whole,
        path,
        ", ".join(carried.keypoints) or "none",
    )
    if carried.fresh:
        logging.info("start at random: %s", ", ".join(carried.fresh))


def _fits(
    name: str, variable: Any, there: Mapping[str, Any], layers: Sequence[str], skip: int
) -> bool:
    if "*" in layers:
        return bool(there.get(name) == list(variable.shape))
    layer = name[skip:]
    return any(layer.startswith((part + ".", part + "/")) for part in layers)
