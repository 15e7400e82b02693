"""PoseEstimator: a model's file and a picture in, people out. Wiring only."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from . import averaging, bundle, decoders, engines, geometry, pictures, preprocess, reduced
from .arrays import UInt8
from .averaging import Averaging
from .maps import Maps
from .poses import Poses
from .runner import Runner
from .spec import PoseSpec

SHIPPED = Path(__file__).resolve().parent.parent / "saved_models"
DEFAULT = "tfpose_s"  # our own small network, int8; saved_models/tfpose_s/card.md


class PoseEstimator:
    """Finds people in pictures.

    Args:
      model: path of a .tflite or .onnx that carries its spec, or the name of a shipped model; our
        own small network where none is given.
      threads: at least 1; None takes the cores that this process may use, at most 4.
      height: another base height for a flexible model's input: lower is faster, higher finds
        smaller people. The width follows the picture.
      decoder: fields of the decoder's `Parameters` that take another value than the spec's.
      averaging: what is averaged for one picture, at a cost in time: its mirror image, several
        sizes of it; nothing if not given.
      batch: boxes of one picture that a top-down network sees in one run. docs/video.md says which
        networks gain by it; some graphs take only 1.
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
        model: str | os.PathLike[str] = DEFAULT,
        *,
        threads: int | None = None,
        height: int | None = None,
        decoder: Mapping[str, Any] | None = None,
        averaging: Averaging | None = None,
        batch: int = 1,
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
        spec = spec.with_height(height) if height is not None else spec
        self.spec = _with_decoder(spec, decoder or {})
        self.averaging = averaging or Averaging()
        self._decode = decoders.get(decoders.name_of(self.spec.decoder)).decode
        self._batch = batch
        self._check_averaging()
        self._check_batch()

    @overload
    def __call__(self, picture: UInt8, boxes: Sequence[Sequence[float]] | None = None) -> Poses: ...

    @overload
    def __call__(self, picture: Sequence[UInt8], boxes: None = None) -> list[Poses]: ...

    def __call__(
        self, picture: UInt8 | Sequence[UInt8], boxes: Sequence[Sequence[float]] | None = None
    ) -> Poses | list[Poses]:
        """The people in a picture, or in each of a list of pictures.

        Args:
          picture: (H, W, 3) uint8, RGB, upright; `estimator.pictures.read` gives that. Or a list
            of such, of any sizes.
          boxes: for a top-down model: x, y of the top left corner, width and height of each
            person, pixels of the picture, as edges. Without them the whole picture is one box.

        Returns:
          In pixels of the picture. Best first; with boxes, one person a box in their order. For a
          list of pictures, a list.

        Raises:
          ValueError: not (H, W, 3) uint8, or boxes for a model that needs none.
        """
        if not isinstance(picture, np.ndarray) and isinstance(picture, Sequence):
            if boxes is not None:
                raise ValueError("boxes are of one picture; call once for each picture of the list")
            return [self(one) for one in picture]
        if boxes is None:
            return self.decode(self.maps(picture))
        self._check_takes_boxes()
        people = [self.decode(maps) for maps in self._maps_of_boxes(picture, boxes)]
        return _concatenate(people, Poses.empty(self.spec.skeleton))

    def read(self, source: str | os.PathLike[str] | bytes) -> Poses:
        """The people in a picture's file, or in the bytes of one.

        Much faster than reading the picture first, where it is a JPEG far larger than the network's
        input: it is decoded no larger than that needs. The people are those of the whole picture
        but for what the averaging of its pixels changes.

        Raises:
          FileNotFoundError, OSError, ValueError: as in `pictures.read`.
        """
        if self.averaging.scales != (1.0,):
            return self(pictures.read(source))
        picture, reduced_by = reduced.read(source, self.spec.image)
        maps = self.maps(picture)
        matrix = maps.matrix @ np.vstack([reduced_by, [0, 0, 1]])
        return self.decode(replace(maps, matrix=matrix))

    def maps(self, picture: UInt8, box: Sequence[float] | None = None) -> Maps:
        """The network's maps of a picture, or of one box of it; see `__call__`."""
        preprocess.check_picture(picture)
        if box is not None:
            self._check_takes_boxes()
        elif self.spec.image.fit == "crop":
            box = (-0.5, -0.5, picture.shape[1], picture.shape[0])
        scales = self.averaging.scales
        answers = [
            maps
            for view in averaging.views(picture, self.spec.image, scales, box)
            for maps in self._answers([view])
        ]
        return averaging.mean(answers, stride=self.spec.outputs.stride, onto=averaging.grid(scales))

    def _maps_of_boxes(self, picture: UInt8, boxes: Sequence[Sequence[float]]) -> Iterator[Maps]:
        preprocess.check_picture(picture)
        for start in range(0, len(boxes), self._batch):
            group = boxes[start : start + self._batch]
            yield from self._answers(
                [
                    view
                    for box in group
                    for view in averaging.views(picture, self.spec.image, box=box)
                ]
            )

    def _answers(self, views: Sequence[averaging.View]) -> list[Maps]:
        """The maps of inputs of one size, from one run of the network."""
        images = np.concatenate([view.image for view in views])  # (B, h, w, 3)
        outputs = averaging.answer(self.runner, images, self.spec, flip=self.averaging.flip)
        return [
            Maps(
                outputs={name: maps[index] for name, maps in outputs.items()},  # (h, w, C)
                matrix=view.matrix,
            )
            for index, view in enumerate(views)
        ]

    def decode(self, maps: Maps) -> Poses:
        """Reads maps as people, in pixels of the picture."""
        poses: Poses = self._decode(maps.outputs, self.spec)
        return poses.transformed(geometry.invert(maps.matrix))

    def _check_averaging(self) -> None:
        """Refuses now what would fail at the first picture."""
        scales = self.averaging.scales
        if scales == (1.0,):
            return
        if self.spec.image.fit == "crop":
            raise ValueError(
                f"{self.spec.model} looks at boxes, which are always laid in whole: scales must be "
                f"(1,), found {scales}"
            )
        for scale in scales:
            averaging.scaled(self.spec.image, scale)

    def _check_batch(self) -> None:
        if self._batch < 1:
            raise ValueError(f"batch must be at least 1, found {self._batch}")
        if self._batch > 1:
            self._check_takes_boxes()
            image = self.spec.image
            self.runner(np.zeros((self._batch, image.height, image.width, 3), np.uint8))

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
