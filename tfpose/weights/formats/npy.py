"""Caffe networks as `caffe-tensorflow` writes them: a pickled {layer: {parameter: array}}.

OpenPose's `openpose_coco.npy` is one. Unpickling can run any code, so this reader allows nothing
but NumPy's arrays.
"""

import os
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .assign import TF1, Array

LAYOUT = TF1
# The functions and classes in a pickle of arrays, by NumPy 1's and 2's names.
ALLOWED = {
    (f"numpy.{core}.{module}", name)
    for core in ("core", "_core")
    for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"))
} | {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Reads the arrays as `<layer>.<parameter>`, in TensorFlow's order of axes.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no .npy of layers with arrays, or holds something besides.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {path}")
    tree = _load(path)
    arrays: dict[str, Array] = {}
    for layer, parameters in tree.items():
        if not isinstance(parameters, dict):
            raise ValueError(f"{path}: layer {_text(layer)!r} holds no parameters by name")
        for parameter, array in parameters.items():
            arrays[f"{_text(layer)}.{_text(parameter)}"] = np.asarray(array, np.float32)
    return arrays


def _load(path: str | os.PathLike[str]) -> dict[Any, Any]:
    try:
        with Path(path).open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, _, dtype = header(file)
            tree = _Arrays(file, encoding="bytes").load().item() if dtype.hasobject else None
    except (ValueError, KeyError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is no .npy of layers: {error}") from error
    if not isinstance(tree, dict):
        raise ValueError(f"{path} holds an array of {dtype} {shape}, not layers by name")
    return tree


class _Arrays(pickle.Unpickler):
    """Unpickles NumPy's arrays and Python's own types, and refuses everything else."""

    def __init__(self, file: BinaryIO, *, encoding: str) -> None:
        super().__init__(file, encoding=encoding)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it would run {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
