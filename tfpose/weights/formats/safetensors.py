"""Hugging Face's .safetensors files: a state_dict without code, as transformers saves it."""

import os
from pathlib import Path

from .assign import TORCH, Array

LAYOUT = TORCH


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Reads the arrays, by their modules' names, in PyTorch's order of axes.

    Raises:
      FileNotFoundError: there is no such file.
      ImportError: the safetensors library is not installed.
      ValueError: it is no .safetensors file, or holds no arrays.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {path}")
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ImportError(
            "reading .safetensors files needs the library of that name: pip install "
            "'tfpose[convert]'"
        ) from error
    try:
        arrays: dict[str, Array] = load_file(path)
    except (SafetensorError, OSError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be read as a .safetensors file: {error}") from error
    if not arrays:
        raise ValueError(f"{path} holds no arrays")
    return arrays
