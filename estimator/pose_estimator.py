"""PoseEstimator: a model's file and a picture in, people out. Wiring only."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import bundle, decoders, engines, geometry, preprocess
from .arrays import Float, UInt8
from .poses import Poses
from .runner import Runner
from .spec import PoseSpec

SHIPPED = Path(__file__).resolve().parent.parent / "saved_models"


@dataclass(frozen=True, kw_only=True, eq=False)
class Maps:
    """What the network says of a picture, before it is read as people.

    Attributes:
      outputs: `heatmaps` (h, w, K or K + 1) and, bottom-up, `pafs` (h, w, 2L); float32.
      matrix: (2, 3), from pixels of the picture to pixels of the network's input.
    """

    outputs: dict[str, Float]
    matrix: npt.NDArray[np.float64]


class PoseEstimator:
    """Finds people in pictures.

    Args:
      model: path of a .tflite or .onnx that carries its spec, or the name of a shipped model.
      threads: at least 1; None takes the cores that this process may use, at most 4.
      height: another base height for a flexible model's input: lower is faster, higher finds
        smaller people. The width follows the picture.
      decoder: fields of the decoder's `Parameters` that take another value than the spec's.
      runner: an engine of one's own.
      engine: one of `engines.ENGINES`; None takes LiteRT for a .tflite, ONNX Runtime for an .onnx.

    Raises:
      FileNotFoundError: there is no such model.
      ImportError: the engine is not installed.
      ValueError: the file carries no spec, its spec does not fit the graph, or an argument does
        not fit the spec.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        threads: int | None = None,
        height: int | None = None,
        decoder: Mapping[str, Any] | None = None,
        runner: Runner | None = None,
        engine: str | None = None,
    ) -> None:
        path = model_path(model)
        spec = bundle.read(path)
        if path.is_dir():
            raise ValueError(f"{path} is a SavedModel; give the .tflite exported from it")
        self.runner: Runner = runner or engines.open_runner(
            path, spec, threads=threads, engine=engine
        )
        self.spec = _with_decoder(_with_height(spec, height), decoder or {})
        self._decode = decoders.get(decoders.name_of(self.spec.decoder)).decode

    def __call__(self, picture: UInt8, boxes: Sequence[Sequence[float]] | None = None) -> Poses:
        """The people in a picture.

        Args:
          picture: (H, W, 3) uint8, RGB, upright; `estimator.pictures.read` gives that.
          boxes: for a top-down model: x, y of the top left corner, width and height of each
            person, pixels of the picture, as edges. Without them the whole picture is one box.

        Returns:
          In pixels of the picture. Best first; with boxes, one person a box in their order.

        Raises:
          ValueError: not (H, W, 3) uint8, or boxes for a model that needs none.
        """
        if boxes is None:
            return self.decode(self.maps(picture))
        self._check_takes_boxes()
        return _concatenate(
            [self.decode(self.maps(picture, box)) for box in boxes],
            Poses.empty(self.spec.skeleton),
        )

    def maps(self, picture: UInt8, box: Sequence[float] | None = None) -> Maps:
        """The network's maps of a picture, or of one box of it; see `__call__`."""
        preprocess.check_picture(picture)
        if box is not None:
            self._check_takes_boxes()
        elif self.spec.image.fit == "crop":
            box = (-0.5, -0.5, picture.shape[1], picture.shape[0])
        if box is None:
            image, matrix = preprocess.letterbox(picture, self.spec.image)
        else:
            image, matrix = preprocess.crop(picture, box, self.spec.image)
        outputs = {name: maps[0] for name, maps in self.runner(image).items()}  # (h, w, C)
        return Maps(outputs=outputs, matrix=matrix)

    def decode(self, maps: Maps) -> Poses:
        """Reads maps as people, in pixels of the picture."""
        poses: Poses = self._decode(maps.outputs, self.spec)
        return poses.transformed(geometry.invert(maps.matrix))

    def _check_takes_boxes(self) -> None:
        if self.spec.image.fit != "crop":
            raise ValueError(
                f"{self.spec.model} finds people by itself; boxes are for models whose spec has "
                "image.fit 'crop'"
            )


def model_path(model: str | os.PathLike[str]) -> Path:
    """The file of a model given by its path or by its name in `saved_models`.

    Raises:
      FileNotFoundError: there is none; says what there is and how to make one.
    """
    path = Path(model)
    if path.exists():
        return path
    if path.suffix or len(path.parts) > 1:
        raise FileNotFoundError(f"no model at {path}")
    shipped = SHIPPED / path / "model.tflite"
    if not shipped.is_file():
        raise FileNotFoundError(
            f"no model {str(model)!r}: shipped are {', '.join(shipped_names()) or 'none yet'}; "
            "otherwise give the path of a .tflite written by tfpose.export or "
            "scripts.import_weights"
        )
    return shipped


def shipped_names() -> tuple[str, ...]:
    """The models that came with the package, sorted."""
    return tuple(sorted(file.parent.name for file in SHIPPED.glob("*/model.tflite")))


def _with_height(spec: PoseSpec, height: int | None) -> PoseSpec:
    if height is None or height == spec.image.height:
        return spec
    if not spec.image.flexible:
        raise ValueError(
            f"{spec.model} is a fixed graph of {spec.image.height}x{spec.image.width}; height "
            f"{height} needs one exported as flexible"
        )
    return replace(spec, image=replace(spec.image, height=height))


def _with_decoder(spec: PoseSpec, changes: Mapping[str, Any]) -> PoseSpec:
    try:
        return replace(spec, decoder=replace(spec.decoder, **changes))
    except TypeError as error:
        raise ValueError(
            f"decoder {decoders.name_of(spec.decoder)!r} of {spec.model} has the parameters "
            f"{vars(spec.decoder)}, found {dict(changes)}: {error}"
        ) from error


def _concatenate(parts: Sequence[Poses], empty: Poses) -> Poses:
    everyone = [empty, *parts]
    return Poses(
        skeleton=empty.skeleton,
        xy=np.concatenate([poses.xy for poses in everyone]),
        score=np.concatenate([poses.score for poses in everyone]),
        person_score=np.concatenate([poses.person_score for poses in everyone]),
    )
