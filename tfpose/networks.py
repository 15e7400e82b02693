"""Networks to evaluate, to label with and to learn from: any file of ours, or one in memory.

Each runs behind the estimator's `Runner` protocol, so that what is measured is what ships. A
.keras file carries its spec as a .tflite does, as a member of its zip.
"""

import os
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from estimator import bundle, engines
from estimator.arrays import Float, UInt8
from estimator.pose_estimator import PoseEstimator, model_path
from estimator.runner import Runner
from estimator.spec import PoseSpec

SIGNATURE = "serving_default"


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A network and what it says of itself.

    Attributes:
      name: for reports: the file, or the model's name.
      spec: its `image` is the input that pictures are laid into.
      runner: uint8 pictures to maps.
      batches: the runner takes (B, H, W, 3) with any B, not only 1.
    """

    name: str
    spec: PoseSpec
    runner: Runner
    batches: bool = False

    def with_height(self, height: int) -> "Network":
        """The same with another base height of the input; the width follows the picture.

        Raises:
          ValueError: as `PoseSpec.with_height`.
        """
        return replace(self, spec=self.spec.with_height(height))


def load(
    model: str | os.PathLike[str],
    *,
    threads: int | None = None,
    spec: PoseSpec | None = None,
    engine: str | None = None,
) -> Network:
    """Opens a .tflite, .onnx or .keras file, a SavedModel's folder, or a shipped model by its name.

    Args:
      model: path or name.
      threads: of `engines`; Keras and SavedModels use TensorFlow's.
      spec: of a file that carries none.
      engine: one of `estimator.engines.ENGINES`; None takes the file's own.

    Raises:
      FileNotFoundError: there is no such model.
      ImportError: its engine is not installed.
      ValueError: it carries no spec, or is not what its spec says.
    """
    path = model_path(model)
    spec = spec or bundle.read(path)
    if path.is_dir():
        return of_saved_model(path, spec)
    if path.suffix == ".keras":
        return of_keras(load_keras(path), spec, name=str(path))
    runner = engines.open_runner(path, spec, threads=threads, engine=engine)
    return Network(name=str(path), spec=spec, runner=runner)


def of_estimator(estimator: PoseEstimator) -> Network:
    """What a `PoseEstimator` runs, with its height and its decoder's parameters."""
    return Network(
        name=estimator.spec.model, spec=estimator.spec, runner=estimator.runner, batches=False
    )


def of_keras(model: Any, spec: PoseSpec, *, name: str | None = None) -> Network:
    """A Keras model in memory, as it is: later training shows at once.

    Args:
      model: from `image` (B, H, W, 3) to the maps of `spec.channels`, each an array or a list of
        stages, of which the last counts. Where its height and width are fixed, they replace the
        spec's.
      spec: of the model.
      name: for reports.

    Raises:
      ValueError: the model's outputs are not the spec's.
    """
    found = {
        key: int((stages[-1] if isinstance(stages, list | tuple) else stages).shape[-1])
        for key, stages in model.output.items()
    }
    _check_channels(name or spec.model, found, spec)
    height, width = model.input.shape[1:3]
    image = replace(spec.image, flexible=height is None)
    if height is not None:
        image = replace(image, height=height, width=width)
    return Network(
        name=name or spec.model,
        spec=replace(spec, image=image),
        runner=_KerasRunner(model),
        batches=True,
    )


def of_saved_model(path: Path, spec: PoseSpec) -> Network:
    """A SavedModel's serving signature.

    Raises:
      ValueError: it has none, or its input or outputs are not what the spec says.
    """
    import tensorflow as tf  # 2 s: only when needed

    try:
        loaded = tf.saved_model.load(str(path))
    except OSError as error:
        raise ValueError(f"{path} is no SavedModel: {error}") from error
    if SIGNATURE not in loaded.signatures:
        raise ValueError(f"{path} has the signatures {sorted(loaded.signatures)}, no {SIGNATURE}")
    signature = loaded.signatures[SIGNATURE]
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1:
        raise ValueError(f"{path} must have one input, the image; found {sorted(inputs)}")
    _check_channels(
        str(path), {key: maps.shape[-1] for key, maps in signature.structured_outputs.items()}, spec
    )
    (tensor,) = inputs.values()
    image = replace(spec.image, flexible=tensor.shape[1] is None)
    if not image.flexible:
        image = replace(image, height=tensor.shape[1], width=tensor.shape[2])
    return Network(
        name=str(path),
        spec=replace(spec, image=image),
        runner=_SavedModelRunner(loaded, tensor),
        batches=tensor.shape[0] is None,
    )


def load_keras(path: Path) -> Any:
    """Opens a .keras file, with the layers that are ours.

    Raises:
      ValueError: it has a layer that nobody registered.
    """
    import keras  # 2 s: only when needed

    from . import models

    models.families()  # registers the layers that are ours
    try:
        return keras.models.load_model(path, compile=False)
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
    if path.suffix != ".keras":
        raise ValueError(f"a Keras file's name must end in .keras, found {path}")
    partial = path.with_name(f".partial.{path.name}")  # Keras looks at the suffix
    try:
        model.save(partial)
        with zipfile.ZipFile(partial, "a", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(bundle.MEMBER), spec.to_json())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _check_channels(name: str, found: dict[str, int], spec: PoseSpec) -> None:
    if found != spec.channels:
        raise ValueError(
            f"{name} has outputs with {found} channels, its spec says {spec.channels}: was the "
            f"model made for skeleton {spec.skeleton.name!r}?"
        )


class _KerasRunner:
    """Any batch through `predict_on_batch`: one compiled graph for every size."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, image: UInt8) -> dict[str, Float]:
        answers = self._model.predict_on_batch(image.astype(np.float32))
        return {
            name: np.asarray(stages[-1] if isinstance(stages, list | tuple) else stages)
            for name, stages in answers.items()
        }


class _SavedModelRunner:
    def __init__(self, loaded: Any, tensor: Any) -> None:
        self._loaded = loaded  # the signature's variables live as long as this does
        self._signature = loaded.signatures[SIGNATURE]
        self._tensor = tensor

    def __call__(self, image: UInt8) -> dict[str, Float]:
        values = image.astype(self._tensor.dtype.as_numpy_dtype)
        answers = self._signature(**{self._tensor.name: values})
        return {name: np.asarray(maps) for name, maps in answers.items()}
