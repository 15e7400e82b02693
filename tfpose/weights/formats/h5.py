"""Keras applications' ImageNet weights as backbones: MobileNet and VGG19, from their .h5 files.

MobileNet's layers become those of Lightweight OpenPose, VGG19's those of OpenPose's own network.
Names and orders as in keras/src/applications/mobilenet.py and vgg19.py. Keras's MobileNet has an
epsilon of 1e-3 in its batch norms and PyTorch's networks 1e-5: the difference is added to the
variance, so that the layer computes the same. Its ReLU6 and its padding at stride 2 are not
reproduced: the weights are a start for training.
"""

import os
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .assign import TF1, Array

LAYOUT = TF1
EPSILONS = 1e-3 - 1e-5
MOBILENET = re.compile(r"conv_(dw|pw)_(\d+)(_bn)?")
VGG19 = re.compile(r"block(\d)_conv(\d)")
# The oldest files' names of VGG19's weights, as in block1_conv1_W_1:0.
OLD = {"W": "kernel", "b": "bias"}


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Reads the arrays, by our layers' names, in Keras's order of axes.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no .h5 of Keras weights in the layout of its applications.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {path}")
    try:
        with h5py.File(path) as file:
            root = file.get("model_weights", file)
            if "layer_names" not in root.attrs:
                raise ValueError(
                    f"{path} is not in the layout of keras.applications' weights (it has no "
                    "layer_names); load a .weights.h5 of ours with model.load_weights"
                )
            arrays = dict(_arrays(root))
    except OSError as error:
        raise ValueError(f"{path} is no .h5 file: {error}") from error
    return {
        name: array + np.float32(EPSILONS) if name.endswith("moving_variance") else array
        for name, array in arrays.items()
    }


def _arrays(root: Any) -> Any:
    for layer in map(_text, root.attrs["layer_names"]):
        for weight in map(_text, root[layer].attrs["weight_names"]):
            parameter = weight.rpartition("/")[2].removesuffix(":0")
            if parameter.startswith(f"{layer}_"):
                parameter = OLD.get(parameter[len(layer) + 1], parameter)
            array = np.asarray(root[layer][weight], np.float32)
            yield f"{_ours(layer)}.{parameter}", array


def _ours(layer: str) -> str:
    """Our name of an application's layer; its own where there is none."""
    if layer in ("conv1", "conv1_bn"):
        return "model.0.0" if layer == "conv1" else "model.0.1"
    if match := MOBILENET.fullmatch(layer):
        kind, block, norm = match.groups()
        return f"model.{block}.{(0 if kind == 'dw' else 3) + (norm is not None)}"
    if match := VGG19.fullmatch(layer):
        return f"conv{match[1]}_{match[2]}"
    return layer


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
