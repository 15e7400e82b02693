"""Networks to evaluate, to label with and to learn from: any file of ours, or one in memory.

Each runs behind the estimator's `Runner` protocol, so that what is measured is what ships.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from estimator import bundle, engines
from estimator.arrays import Float, UInt8
from estimator.engines.checks import default_threads
from estimator.maps import Runner
from estimator.pose_estimator import PoseEstimator, model_path
from estimator.spec import PoseSpec

from ..weights import opening
from ..weights.keras_files import SUFFIX, load_keras

SMALL = 1 << 26  # bytes of a file that may be in memory once per thread


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A network and what it says of itself.

    Attributes:
      name: for reports: the file, or the model's name.
      spec: its `image` is the input that pictures are laid into.
      runner: uint8 pictures to maps.
      batches: the runner takes (B, H, W, 3) with any B, not only 1.
      workers: equal runners that answer different pictures at once; empty for `runner` alone.
    """

    name: str
    spec: PoseSpec
    runner: Runner
    batches: bool = False
    workers: tuple[Runner, ...] = ()

    def with_height(self, height: int) -> "Network":
        """The same with another base height of the input; the width follows the picture.

        Raises:
          ValueError: as `PoseSpec.with_height`.
        """
        return replace(self, spec=self.spec.with_height(height))

    def with_refinement(self, refinement: str) -> "Network":
        """The same with another way to find a keypoint's place inside a cell.

        Raises:
          ValueError: the decoder has no such refinement, or none at all.
        """
        if not hasattr(self.spec.decoder, "refinement"):
            raise ValueError(f"{self.name} finds people by itself: its decoder has no refinement")
        decoder = replace(self.spec.decoder, refinement=refinement)
        return replace(self, spec=replace(self.spec, decoder=decoder))


def load(
    model: str | os.PathLike[str],
    *,
    threads: int | None = None,
    spec: PoseSpec | None = None,
    engine: str | None = None,
    workers: bool = False,
) -> Network:
    """Opens a .tflite, .onnx or .keras file, a SavedModel's folder, or a shipped model by its name.

    Args:
      model: path or name.
      threads: of `engines`; Keras and SavedModels use TensorFlow's.
      spec: of a file that carries none.
      engine: one of `estimator.engines.CHOICES`; None takes the file's own.
      workers: open the file once per thread, for a run over many pictures. Only LiteRT's files of
        at most `SMALL` bytes are; large networks keep their threads busy by themselves.

    Raises:
      FileNotFoundError: there is no such model.
      ImportError: its engine is not installed.
      ValueError: it carries no spec, or is not what its spec says.
    """
    path = model_path(model)
    spec = spec or bundle.read(path)
    if path.is_dir():
        return of_saved_model(path, spec)
    if path.suffix == SUFFIX:
        return of_keras(load_keras(path), spec, name=str(path))
    chosen = engines.fastest(path, spec) if engine == engines.AUTO else engine
    light = path.suffix == ".tflite" and chosen in (None, "litert")
    count = 0
    if workers and light and path.stat().st_size <= SMALL:
        count = threads or default_threads()
    runners = tuple(
        engines.open_runner(path, spec, threads=1 if count else threads, engine=engine)
        for _ in range(count or 1)
    )
    return Network(name=str(path), spec=spec, runner=runners[0], workers=runners if count else ())


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
    from ..losses.maps import last_stage  # Keras: 2 s, only when needed

    found = {key: int(maps.shape[-1]) for key, maps in last_stage(model.output).items()}
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
    saved = opening.open_saved_model(path)
    _check_channels(str(path), dict(saved.channels), spec)
    shape = saved.image.shape
    image = replace(spec.image, flexible=shape[1] is None)
    if not image.flexible:
        image = replace(image, height=shape[1], width=shape[2])
    return Network(
        name=str(path),
        spec=replace(spec, image=image),
        runner=_SavedModelRunner(saved),
        batches=shape[0] is None,
    )


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
        from ..losses.maps import last_stage

        answers = self._model.predict_on_batch(image.astype(np.float32))
        return {name: np.asarray(maps) for name, maps in last_stage(answers).items()}


class _SavedModelRunner:
    def __init__(self, saved: opening.SavedModel) -> None:
        self._saved = saved

    def __call__(self, image: UInt8) -> dict[str, Float]:
        return {name: np.asarray(maps) for name, maps in self._saved(image).items()}
