"""Assigns a checkpoint's arrays to a network's layers by name: all of them, or none.

Our layers have the names of the modules (PyTorch) or scopes (TensorFlow 1) that own the weights,
with "." for "/" (`tfpose.blocks.layer_names`), so an import needs a name and a rule for the order
of the axes, nothing more.
Orders of axes: torch.nn's documentation of Conv2d, ConvTranspose2d and Linear; TensorFlow's of
tf.nn.conv2d and tf.nn.depthwise_conv2d.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from ...blocks.layer_names import original_name

Array: TypeAlias = npt.NDArray[Any]
SHOWN = 12  # problems of each kind that an error lists; it counts the rest


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A format's names of a layer's variables, and its order of their axes.

    Attributes:
      parameters: Keras variable name to the names it may have there.
      turn: (layer, Keras variable name, array) to the array in Keras's order of axes; an array
        that it cannot turn comes back as it is, and is refused for its shape.
      unused: parameter names that no network needs, such as counters.
    """

    parameters: Mapping[str, tuple[str, ...]]
    turn: Callable[[keras.Layer, str, Array], Array]
    unused: tuple[str, ...] = ()


def assign(
    model: keras.Model,
    arrays: Mapping[str, Array],
    layout: Layout,
    *,
    only: Iterable[str] = (),
    ignore: Iterable[str] = (),
    bgr_kernel: str | None = None,
) -> tuple[str, ...]:
    """Assigns its array to every variable of the model.

    Args:
      model: its layers are named like the checkpoint's modules.
      arrays: `module.parameter` (or `scope/parameter`) to array.
      layout: `TORCH` or `TF1`.
      only: load nothing but the layers under these names ("model" holds "model.0.0"; "*" stands
        for anything); empty loads all. The arrays of the other layers are then left alone.
      ignore: names, likewise, under which arrays may be left over, such as a classifier's.
      bgr_kernel: name of the layer that reads the picture, where the original reads BGR: its
        kernel's input channels are reversed, since our networks read RGB.

    Returns:
      The names of the layers with weights that were not loaded; empty unless `only` is given.

    Raises:
      ValueError: arrays are missing, left over or of another shape; lists which. No layer has
        changed then.
    """
    only, ignore = tuple(only), tuple(ignore)
    named = {name.replace("/", "."): np.asarray(array) for name, array in arrays.items()}
    layers = {original_name(layer.name): layer for layer in model.layers if layer.weights}
    wanted = {name: layer for name, layer in layers.items() if not only or _under(name, only)}
    if not wanted:
        raise ValueError(f"no layer of {model.name!r} with weights lies under {', '.join(only)}")
    if bgr_kernel is not None and bgr_kernel not in layers:
        raise ValueError(f"{model.name!r} has no layer {bgr_kernel!r} to read BGR with")
    found, missing, misshapen = _match(wanted, named, layout, bgr_kernel)
    untouched = layers.keys() - wanted.keys()
    used = {source for source, _, _ in found} | {source for source, _ in misshapen}
    rest = (name for name in named.keys() - used if name.rpartition(".")[0] not in untouched)
    problems = (
        _listed("missing from the file", missing)
        + _listed("left over in the file", _needed(rest, named, layout, ignore))
        + _listed("of another shape", [text for _, text in misshapen])
    )
    if problems:
        first = f"these weights do not fit {model.name!r}, and nothing was loaded:"
        raise ValueError("\n".join([first, *problems]))
    for _, variable, array in found:
        variable.assign(array)
    return tuple(name for name in layers if name in untouched)


def _needed(
    names: Iterable[str], order: Iterable[str], layout: Layout, ignore: tuple[str, ...]
) -> list[str]:
    """The names, in that order, of arrays that may not be left over."""
    names = set(names)
    return [
        name
        for name in order
        if name in names
        and name.rpartition(".")[2] not in layout.unused
        and not _under(name, ignore)
    ]


def _under(name: str, prefixes: Iterable[str]) -> bool:
    return any(fnmatchcase(name, prefix) or fnmatchcase(name, f"{prefix}.*") for prefix in prefixes)


def _match(
    layers: Mapping[str, keras.Layer],
    arrays: Mapping[str, Array],
    layout: Layout,
    bgr_kernel: str | None,
) -> tuple[list[tuple[str, Any, Array]], list[str], list[tuple[str, str]]]:
    """Each variable with its array; then the names not found, and the shapes that differ."""
    found: list[tuple[str, Any, Array]] = []
    missing: list[str] = []
    misshapen: list[tuple[str, str]] = []
    for name, layer in layers.items():
        for variable in layer.weights:
            if "seed" in variable.name:  # the state of a random layer; no checkpoint has it
                continue
            sources = [f"{name}.{part}" for part in layout.parameters.get(variable.name, ())]
            source = next((source for source in sources if source in arrays), None)
            if source is None:
                missing.append(sources[0] if sources else f"{name}.{variable.name}")
                continue
            array = layout.turn(layer, variable.name, arrays[source])
            if name == bgr_kernel and variable.name == "kernel":
                array = array[:, :, ::-1]
            if array.shape != tuple(variable.shape):
                shapes = f"{arrays[source].shape} in the file, {tuple(variable.shape)} here"
                misshapen.append((source, f"{source}: {shapes}"))
                continue
            found.append((source, variable, array))
    return found, missing, misshapen


def _listed(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    rest = [f"    ... and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return [f"  {title} ({len(items)}):", *(f"    {item}" for item in items[:SHOWN]), *rest]


def _turn_torch(layer: keras.Layer, variable: str, array: Array) -> Array:
    if variable != "kernel":
        one_axis = array.shape[1:] == (1, 1)  # a LayerNorm over (C, 1, 1) is one over C
        return array.reshape(-1) if one_axis else array
    if isinstance(layer, keras.layers.DepthwiseConv2D) and array.ndim == 4:
        multiplier = layer.depth_multiplier
        if array.shape[1] != 1 or len(array) % multiplier:
            return array
        grouped = array.reshape(-1, multiplier, *array.shape[2:])  # (C, multiplier, kh, kw)
        return grouped.transpose(2, 3, 0, 1)
    if array.ndim == 4:  # (out, in, kh, kw); transposed (in, out, kh, kw) to (kh, kw, out, in)
        return array.transpose(2, 3, 1, 0)
    return array.T


def _keep(_layer: keras.Layer, _variable: str, array: Array) -> Array:
    return array


TORCH = Layout(
    parameters={
        "kernel": ("weight",),
        "bias": ("bias",),
        "gamma": ("weight", "gamma"),
        "beta": ("bias", "beta"),
        "moving_mean": ("running_mean",),
        "moving_variance": ("running_var",),
        "g": ("g",),
        "scale": ("scale",),
        "position_embeddings": ("position_embeddings",),
    },
    turn=_turn_torch,
    unused=("num_batches_tracked",),
)
TF1 = Layout(
    parameters={
        "kernel": ("weights", "depthwise_weights", "kernel", "depthwise_kernel"),
        "bias": ("biases", "bias"),
        "gamma": ("gamma",),
        "beta": ("beta",),
        "moving_mean": ("moving_mean",),
        "moving_variance": ("moving_variance",),
        "g": ("g",),
        "scale": ("scale",),
        "position_embeddings": ("position_embeddings",),
    },
    turn=_keep,
)
