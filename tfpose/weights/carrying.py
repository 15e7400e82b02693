"""Carries a network's weights over to the same network for another skeleton.

Everything that does not depend on the keypoints is taken as it is. Of the layers that make the
maps, and of those that read maps again, the channels of shared keypoints and limbs are taken, by
name; a limb may have the opposite direction. Other channels of the maps keep their new weights,
and what reads them starts at zero, so that the shared channels answer as before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from estimator.arrays import Float
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

from ..blocks.layer_names import original_name, variable_name
from ..losses import distillation
from ..losses.maps import stages_of
from .formats.assign import Array


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What was taken.

    Attributes:
      keypoints: the shared keypoints, whose maps go on as they are.
      fresh: variables that start anew, by name: those of new maps are not among them.
      whole: number of variables that were taken as they are.
    """

    keypoints: tuple[str, ...]
    fresh: tuple[str, ...]
    whole: int


def same_maps(first: Skeleton, second: Skeleton) -> bool:
    """Whether networks of both skeletons give the same maps in the same order."""
    return (first.keypoints, first.limbs) == (second.keypoints, second.limbs)


def carry(
    model: keras.Model, spec: PoseSpec, there: Mapping[str, Array], source: PoseSpec
) -> Carried:
    """Assigns another skeleton's weights to a network of the same build.

    Args:
      model: of `spec`; what is not shared keeps its weights.
      spec: the network's.
      there: the other network's arrays by `layer/variable`.
      source: its spec.

    Raises:
      ValueError: the networks are not the same, but for their maps; nothing was loaded then.
    """
    matrices = {
        head: _matrix(picked.matrix, head, spec)
        for head, picked in distillation.matched(source, spec).items()
        if not spec.outputs.simcc  # its heads are bins, alike for all keypoints
    }
    made, read = _makers(model), _readers(model)
    found: dict[str, Array] = {}
    fresh: list[str] = []
    variables = {variable_name(variable): variable.value for variable in model.variables}
    for name, variable in variables.items():
        layer, old = name.rpartition("/")[0], there.get(name)
        new = variable.numpy()
        if old is not None and layer in made and made[layer] in matrices:
            old = _made(new, old, matrices[made[layer]])
        elif old is not None and layer in read and old.ndim == 4:
            old = _read(new, old, read[layer], matrices)
        if old is None or old.shape != new.shape:
            fresh.append(name)
        else:
            found[name] = old
    _check(found, variables, spec, source)
    for name, array in found.items():
        variables[name].assign(array)
    shared = tuple(name for name in spec.skeleton.keypoints if name in source.skeleton.keypoints)
    return Carried(keypoints=shared, fresh=tuple(fresh), whole=len(found))


def _check(
    found: Mapping[str, Array], variables: Mapping[str, Any], spec: PoseSpec, source: PoseSpec
) -> None:
    if len(found) * 2 < len(variables):
        raise ValueError(
            f"{source.model} with {source.skeleton.name} is not {spec.model} with other keypoints: "
            f"{len(variables) - len(found)} of {len(variables)} variables are in one of them alone "
            "or of another shape"
        )


def _matrix(matrix: Float, head: str, spec: PoseSpec) -> Float:
    """(new channels, old channels); the background goes on as it was."""
    if head == "heatmaps" and spec.outputs.background:
        matrix = matrix.copy()
        matrix[-1, -1] = 1
    return matrix


def _made(new: Array, old: Array, matrix: Float) -> Array | None:
    """A kernel (..., C) or bias (C,) that makes the maps: the shared channels of the old one."""
    if old.shape[-1] != matrix.shape[1] or old.shape[:-1] != new.shape[:-1]:
        return None
    shared = np.abs(matrix).sum(axis=1) > 0
    return np.where(shared, old @ matrix.T, new).astype(new.dtype)


def _read(
    new: Array, old: Array, parts: tuple[tuple[str, int], ...], matrices: Mapping[str, Float]
) -> Array | None:
    """A kernel (h, w, in, out) whose input joins features and maps; new maps are read with 0."""
    blocks, place = [], 0
    for head, channels in parts:
        matrix = matrices.get(head, np.eye(channels, dtype=np.float32))
        block = old[:, :, place : place + matrix.shape[1]]
        if block.shape[2] != matrix.shape[1]:
            return None
        place += matrix.shape[1]
        blocks.append(np.einsum("st,hwto->hwso", matrix, block))
    joined = np.concatenate(blocks, axis=2).astype(new.dtype)
    return joined if place == old.shape[2] else None


def _makers(model: keras.Model) -> dict[str, str]:
    """Layers whose output is a stage's maps: original's name to head."""
    return {
        original_name(tensor._keras_history.operation.name): head
        for head in model.output
        for tensor in stages_of(model.output, head)
    }


def _readers(model: keras.Model) -> dict[str, tuple[tuple[str, int], ...]]:
    """Layers that read joined features and maps: name to the parts' (head or "", channels)."""
    heads = {id(tensor): head for head in model.output for tensor in stages_of(model.output, head)}
    found = {}
    for layer, joined in _reading(model):
        parts = tuple((heads.get(id(part), ""), int(part.shape[-1])) for part in joined)
        if any(head for head, _ in parts):
            found[original_name(layer.name)] = parts
    return found


def _reading(model: keras.Model) -> Iterator[tuple[keras.layers.Layer, list[Any]]]:
    """Layers with weights whose one input a Concatenate makes, with what it joins."""
    for layer in model.layers:
        if not layer.weights or not isinstance(layer.input, keras.KerasTensor):
            continue
        maker = layer.input._keras_history.operation
        if isinstance(maker, keras.layers.Concatenate):
            yield layer, list(maker.input)
