"""The file that a PyTorch training starts from, and the one that it writes."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from estimator import files
from estimator.arrays import Float


def arrays(path: str) -> dict[str, Float]:
    """The arrays of a .keras or of a student.npz, by the Keras network's names.

    Raises:
      ValueError: the file is neither.
    """
    if Path(path).suffix == ".npz":
        with np.load(path) as stored:
            return dict(stored)
    from tfpose.weights import keras_files, loading

    named = loading.named_variables(keras_files.load_keras(Path(path)))
    return {name: np.asarray(variable) for name, variable in named.items()}


def saver(folder: str) -> Callable[[Mapping[str, Float]], Path]:
    """Makes the folder, and returns what writes student.npz into it, whole or not at all."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)

    def save(arrays: Mapping[str, Float]) -> Path:
        with files.Whole(out / "student.npz") as partial:
            np.savez(partial, **arrays)  # type: ignore[arg-type]  # NumPy's stub
        return out / "student.npz"

    return save
