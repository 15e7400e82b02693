"""PyTorch's .pth and .pth.tar files: a state_dict, by itself or inside a training checkpoint.

Files are read with `weights_only=True`, so that no code in them runs. NumPy scalars, in which older
checkpoints keep their score, and NumPy arrays, in which mmpose's keep their data set's colours, are
allowed, too.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from .assign import TORCH, Array

LAYOUT = TORCH
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "best_state_dict")
PARALLEL = "module."  # torch.nn.DataParallel's prefix of every name


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Reads the arrays, by their modules' names, in PyTorch's order of axes.

    Raises:
      FileNotFoundError: there is no such file.
      ImportError: PyTorch is not installed.
      ValueError: it is no PyTorch file, or holds no state_dict.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {path}")
    state = _unwrap(_load(path))
    arrays = {
        name.removeprefix(PARALLEL): tensor.numpy()
        for name, tensor in state.items()
        if hasattr(tensor, "numpy")
    }
    if not arrays:
        raise ValueError(
            f"{path} holds no state_dict of tensors; its keys are {sorted(map(str, state))[:12]}"
        )
    return arrays


def _load(path: str | os.PathLike[str]) -> Any:
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "reading PyTorch's files needs PyTorch: pip install 'tfpose[convert]'"
        ) from error
    scalar = np.float64(0).__reduce__()[0]  # NumPy's functions that make scalars and arrays
    array = np.zeros(1).__reduce__()[0]
    allowed = [scalar, array, np.ndarray, np.dtype, *_dtypes()]
    with torch.serialization.safe_globals(allowed):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # pickle, zip and struct errors, by version
            raise ValueError(f"{path} cannot be read as a PyTorch file: {error}") from error


def _dtypes() -> list[type]:
    return [type(np.dtype(name)) for name in ("float32", "float64", "int64", "uint8")]


def _unwrap(tree: Any) -> dict[str, Any]:
    while isinstance(tree, dict):
        inner = next((tree[key] for key in WRAPPERS if isinstance(tree.get(key), dict)), None)
        if inner is None:
            return tree
        tree = inner
    return {}
