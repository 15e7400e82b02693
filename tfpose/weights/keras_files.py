"""Keras's own files: a .keras that carries its spec as a member of its zip, and a .weights.h5."""

import io
import os
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from estimator import bundle, files
from estimator.spec import PoseSpec

SUFFIX, WEIGHTS_SUFFIX = ".keras", ".weights.h5"
_DAMAGED = (  # what Keras, h5py and zipfile raise on a file that is cut, encrypted or no .keras
    *(ValueError, OSError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error),
    *(AttributeError, IndexError),
)
WEIGHTS = "model.weights.h5"  # the member of a .keras with its weights


def load_keras(path: Path) -> Any:
    """Opens a .keras file, with the layers of `tfpose.models` registered.

    Raises:
      ValueError: it has a layer that nobody registered, or is damaged.
    """
    files.check_download(path)
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


def save_keras(
    model: Any, spec: PoseSpec, path: str | os.PathLike[str], *, half: bool = False
) -> None:
    """Writes a .keras file that carries its spec, whole or not at all.

    Args:
      model, spec: the network.
      path: ends in .keras.
      half: kernels are stored in float16, which halves the file. Keras reads them into its float32
        variables; vectors, such as a batch norm's statistics, stay float32.

    Raises:
      ValueError: the name does not end in .keras.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f"a Keras file's name must end in {SUFFIX}, found {path}")
    with files.Whole(path) as partial:
        model.save(partial)
        if half:
            _halve(partial)
        with zipfile.ZipFile(partial, "a", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(bundle.MEMBER), spec.to_json())


def _halve(path: Path) -> None:
    """Rewrites a .keras with its kernels in float16."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    whole, halved = io.BytesIO(members[WEIGHTS]), io.BytesIO()
    with h5py.File(whole, "r") as source, h5py.File(halved, "w") as target:

        def copy(name: str, part: Any) -> None:
            if isinstance(part, h5py.Dataset):
                kernel = part.ndim > 1 and part.dtype == np.float32
                values = part[()].astype(np.float16) if kernel else part[()]
                target.create_dataset(name, data=values)
            else:
                target.require_group(name)
            for key, value in part.attrs.items():
                target[name].attrs[key] = value

        source.visititems(copy)
        for key, value in source.attrs.items():
            target.attrs[key] = value
    members[WEIGHTS] = halved.getvalue()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)


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
    files.check_download(weights)
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
