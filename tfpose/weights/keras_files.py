"""Keras's own files: a .keras that carries its spec as a member of its zip, and a .weights.h5."""

import os
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

from estimator import bundle, files
from estimator.spec import PoseSpec

SUFFIX, WEIGHTS_SUFFIX = ".keras", ".weights.h5"
_DAMAGED = (  # what Keras, h5py and zipfile raise on a file that is cut, encrypted or no .keras
    *(ValueError, OSError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error),
    *(AttributeError, IndexError),
)


def load_keras(path: Path) -> Any:
    """Opens a .keras file, with the layers of `tfpose.models` registered.

    Raises:
      ValueError: it has a layer that nobody registered, or is damaged.
    """
    import keras  # takes 2 s, and whoever evaluates a .tflite needs none

    from .. import models
    from . import older_files

    models.families()  # registers the layers that are ours
    try:
        with older_files.renamed(path) as readable:
            return keras.models.load_model(readable, compile=False)
    except _DAMAGED as error:
        raise ValueError(
            f"{path} cannot be read as a .keras file: {str(error).partition(chr(10))[0]:.200}; is "
            "it whole?"
        ) from error
    except TypeError as error:
        raise ValueError(
            f"{path} has a layer that Keras cannot make: import the module that registers it "
            f"before it is loaded ({str(error).partition('Exception encountered: ')[2]:.200})"
        ) from error


def save_keras(model: Any, spec: PoseSpec, path: str | os.PathLike[str]) -> None:
    """Writes a .keras file that carries its spec, whole or not at all.

    Raises:
      ValueError: the name does not end in .keras.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f"a Keras file's name must end in {SUFFIX}, found {path}")
    with files.Whole(path) as partial:
        model.save(partial)
        with zipfile.ZipFile(partial, "a", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(bundle.MEMBER), spec.to_json())


def load_own(network: Any, weights: str | os.PathLike[str]) -> None:
    """Loads a .weights.h5 that Keras saved from the same network.

    Args:
      network: a Keras model.
      weights: the file.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is another network's.
    """
    if not Path(weights).is_file():
        raise FileNotFoundError(f"no weights at {weights}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras warns about layers left random
            network.load_weights(Path(weights))
    except (ValueError, OSError, KeyError, UserWarning) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{weights} does not hold the weights of {network.name!r}: {reason:.300}; give "
            "the network that they were saved from as the model"
        ) from error
