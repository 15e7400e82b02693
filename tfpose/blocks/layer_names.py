"""Layer names: the originals' names, written in characters that every Keras backend accepts.

A layer is called as the original calls the module (PyTorch) or scope (TensorFlow) that owns its
weights, `model.0.0` for example, so that one rule imports every foreign checkpoint. Keras's PyTorch
backend refuses "." in a layer's name, and every backend refuses "/"; TensorFlow accepts "-". No
original has "-" in a name. So Keras sees "-" wherever the original has ".": `model-0-0`.

Only Keras sees it. Flags, recipes, checkpoints and messages have the original's name.
"""

from typing import Any

DOT = "-"


def keras_name(original: str) -> str:
    """The name of the layer for an original's name: "model.0.0" becomes "model-0-0".

    Raises:
      ValueError: the name has a "-", so that it could not be converted back.
    """
    if DOT in original:
        raise ValueError(f"a layer's name stands for '.' by {DOT!r}: name {original!r} without it")
    return original.replace(".", DOT)


def original_name(layer: str) -> str:
    """The original's name for a layer's name: "model-0-0" becomes "model.0.0".

    Dots stay, so that networks of older files have the same originals' names.
    """
    return layer.replace(DOT, ".")


def variable_name(variable: Any) -> str:
    """A Keras variable's `layer/variable` with the original's name: "model.0.0/kernel"."""
    return original_name(variable.path)
