"""PoseEstimator: a model's file and a picture in, people out. It joins the other parts."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np

from . import bundle, decoders, engines, geometry, pictures
from .arrays import Float, UInt8
from .inputs import averaging, preprocess, scaled_decoding
from .inputs.averaging import Averaging, View
from .layout import BOXES
from .maps import Maps, Runner
from .people import box_map
from .people import boxes as person_boxes
from .people.boxes import PersonBox
from .poses import Poses, concatenate
from .second_look.look import NO_BOXES, SecondLook, corners_to_box
from .second_look.options import Options as SecondLookOptions
from .spec import PoseSpec

Picture: TypeAlias = UInt8 | str | os.PathLike[str]
Several: TypeAlias = Sequence[UInt8] | Sequence[Path] | list[str] | tuple[str, ...]
SHIPPED = Path(__file__).resolve().parent.parent / "saved_models"
DEFAULT = "tfpose_detector"  # our own networks, int8; saved_models/tfpose_detector/card.md


class PoseEstimator:
    """Finds people in pictures.

    Several threads may call one estimator: each network runs for one of them at a time, on all its
    threads, and all else is done beside it. A `runner` of your own must allow it, too.

    Args:
      model: path of a .tflite or .onnx that carries its spec, or the name of a shipped model; our
        own small network where none is given. Or, of a network in memory, its spec.
      threads: number of threads, at least 1; None is the number of usable cores, at most 4.
      height: base height of a flexible model's input, pixels: lower is faster, higher finds smaller
        people. The width follows from the aspect ratio of the picture.
      decoder: fields of the decoder's `Parameters` that replace those of the spec.
      averaging: test-time averaging over the mirrored picture and over sizes; none by default. Of
        a detector's people the crops alone are mirrored: its boxes gain nothing by it.
      batch: number of boxes of one picture per run of a top-down network. docs/video.md says which
        networks gain by it; some graphs take only 1.
      runner: an engine of your own; a network in memory needs one.
      engine: one of `engines.ENGINES`, or "auto" for the fastest that is installed, which may take
        a second longer to start; None takes LiteRT for a .tflite, ONNX Runtime for an .onnx. The
        second look's network runs on it, too, if the engine takes its file.
      second_look: whether a small top-down network reads the people found again: "auto", "off",
        "always", or `second_look.options.Options`. "auto" is for the networks that ship and for
        detectors, and the best people of a picture, so that the time stays bounded.

    Raises:
      FileNotFoundError: there is no such model.
      ImportError: the engine is not installed.
      ValueError: the file carries no spec, its spec does not fit the graph, or an argument does
        not fit the spec.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | PoseSpec = DEFAULT,
        *,
        threads: int | None = None,
        height: int | None = None,
        decoder: Mapping[str, Any] | None = None,
        averaging: Averaging | None = None,
        batch: int = 1,
        runner: Runner | None = None,
        engine: str | None = None,
        second_look: str | SecondLookOptions = SecondLookOptions.mode,
    ) -> None:
        self.runner: Runner
        if isinstance(model, PoseSpec):
            if runner is None:
                raise ValueError(f"{model.model}: a spec alone runs nothing; give its runner, too")
            spec, self.runner = model, runner
        else:
            path = model_path(model)
            spec = bundle.read(path)
            if path.is_dir():
                raise ValueError(f"{path} is a SavedModel; give the .tflite exported from it")
            self.runner = runner or engines.open_runner(path, spec, threads=threads, engine=engine)
        spec = spec.with_height(height) if height is not None else spec
        self.spec = _with_decoder(spec, decoder or {})
        self.averaging = averaging or Averaging()
        self._batch = batch
        self._check_averaging()
        self._check_batch()
        self.second_look = (
            SecondLookOptions(mode=second_look) if isinstance(second_look, str) else second_look
        )
        own = not isinstance(model, PoseSpec) and not is_shipped(model)
        alone = self.second_look.unasked and own and self.spec.answers != "boxes"
        self._second_look = None if alone else self._open_second_look(threads, engine)

    @property
    def engine(self) -> str:
        """What runs the network: one of `engines.ENGINES`, or "own" for a runner of your own."""
        return str(getattr(self.runner, "engine", "own"))

    @overload
    def __call__(
        self, picture: Picture, boxes: Sequence[Sequence[float]] | None = None
    ) -> Poses: ...

    @overload
    def __call__(self, picture: Several, boxes: None = None) -> list[Poses]: ...

    def __call__(
        self, picture: Picture | Several, boxes: Sequence[Sequence[float]] | None = None
    ) -> Poses | list[Poses]:
        """Finds the people in a picture, or in each of a list of pictures.

        Args:
          picture: (H, W, 3) uint8, RGB, upright, as `estimator.pictures.read` gives it, or the path
            of a file, which is read as `read` does; or a list of such, of any sizes.
          boxes: for a top-down model: x, y of the top left corner, width and height of each
            person, pixels of the picture, as edges. Without them the whole picture is one box.

        Returns:
          Poses in pixels of the picture, best first; with boxes, one person per box, in the order
          of the boxes. For a list of pictures, a list.

        Raises:
          FileNotFoundError, OSError: as in `pictures.read`.
          ValueError: not (H, W, 3) uint8, or boxes for a model that needs none.
        """
        if isinstance(picture, str | bytes | os.PathLike):
            if boxes is None:
                return self.read(picture)
            picture = pictures.read(picture)
        if not isinstance(picture, np.ndarray) and isinstance(picture, Sequence):
            if boxes is not None:
                raise ValueError("boxes are of one picture; call once for each picture of the list")
            return [self(one) for one in picture]
        if boxes is None:
            return self.people(picture, self.maps(picture))
        self._check_takes_boxes()
        people = map(self.decode, self._maps_of_boxes(picture, boxes))
        return concatenate(people, self.spec.skeleton)

    def read(self, source: str | os.PathLike[str] | bytes) -> Poses:
        """Finds the people in a picture file, or in the bytes of one.

        For a JPEG far larger than the network's input this is much faster than `pictures.read`: it
        is decoded at a reduced size. Keypoints may differ slightly from those of the full size.

        Raises:
          FileNotFoundError, OSError, ValueError: as in `pictures.read`.
        """
        if self.averaging.scales != (1.0,):
            return self(pictures.read(source))
        keep = scaled_decoding.kept(self.spec)
        picture, reduced_by = scaled_decoding.read(source, self.spec.image, keep=keep)
        return self(picture).transformed(geometry.invert(reduced_by))

    def maps(self, picture: UInt8, box: Sequence[float] | None = None) -> Maps:
        """The network's maps of a picture, or of one box of it; see `__call__`."""
        (maps,) = self.answer([self.inputs(picture, box)])
        return maps

    def inputs(self, picture: UInt8, box: Sequence[float] | None = None) -> list[View]:
        """The network's inputs for a picture, or for one box of it: one per averaged size.

        Raises:
          ValueError: as `__call__`.
        """
        preprocess.check_picture(picture)
        if box is not None:
            self._check_takes_boxes()
        elif self.spec.image.fit == "crop":
            box = (-0.5, -0.5, picture.shape[1], picture.shape[0])
        return averaging.views(picture, self.spec.image, self.averaging.scales, box)

    def answer(self, inputs: Sequence[Sequence[View]]) -> list[Maps]:
        """The averaged maps of several pictures, from one run of the network per size.

        Args:
          inputs: those of each picture, or of each box, from `inputs`. All have the same shapes;
            more than one needs a network that takes batches.

        Raises:
          ValueError: the network does not take so many at once.
        """
        scales, stride = self.averaging.scales, self.spec.outputs.stride
        onto = averaging.grid(scales)
        runs = [self._run(views) for views in zip(*inputs, strict=True)]  # one per size
        return [
            averaging.mean(parts, stride=stride, onto=onto) for parts in zip(*runs, strict=True)
        ]

    def _run(self, views: Sequence[View]) -> list[Maps]:
        """The maps of inputs of one size, from one run of the network."""
        images = views[0].image  # (B, h, w, 3)
        if len(views) > 1:
            images = np.concatenate([view.image for view in views])
        flip = self.averaging.flip and self.spec.answers != "boxes"  # a detector gains nothing
        outputs = averaging.answer(self.runner, images, self.spec, flip=flip)
        return [
            Maps(
                outputs={name: maps[index] for name, maps in outputs.items()},  # (h, w, C)
                matrix=view.matrix,
            )
            for index, view in enumerate(views)
        ]

    def _maps_of_boxes(self, picture: UInt8, boxes: Sequence[Sequence[float]]) -> Iterator[Maps]:
        preprocess.check_picture(picture)
        for start in range(0, len(boxes), self._batch):
            group = boxes[start : start + self._batch]
            yield from self.answer([self.inputs(picture, box) for box in group])

    def people(self, picture: UInt8, maps: Maps) -> Poses:
        """Reads the maps of a picture as people, and gives them the second look.

        Args:
          picture: (H, W, 3) uint8, RGB.
          maps: of that picture, from `maps` or `answer`.

        Returns:
          Poses in pixels of the picture.
        """
        return self.look_again(picture, self.decode(maps), maps)

    def look_again(self, picture: UInt8, poses: Poses, maps: Maps | None = None) -> Poses:
        """Gives people of a picture the second look, where there is one.

        Args:
          picture: (H, W, 3) uint8, RGB.
          poses: its people, in pixels of the picture.
          maps: of the picture; people known by their boxes alone are then found, too.
        """
        if self._second_look is None:
            return poses
        least = self._second_look.least_box
        boxes = NO_BOXES if maps is None else self.boxes(maps, least=least)
        return self._second_look(picture, poses, boxes)

    def boxes(self, maps: Maps, *, least: float = 0.1) -> Float:
        """The boxes of people that a network gives beside its maps (`outputs.boxes`).

        Args:
          maps: of a picture, from `maps` or `answer`.
          least: lowest score of a box, 0..1.

        Returns:
          (N, 5) float32, best first: left, top, right and bottom in pixels of the picture, as
          edges, and the score, 0..1. Nothing where the network gives no boxes.
        """
        if BOXES not in maps.outputs:
            return NO_BOXES
        overlap = getattr(self.spec.decoder, "overlap", box_map.OVERLAP)  # a detector's own
        found = box_map.decode(
            maps.outputs[BOXES], self.spec.outputs.boxes, least=least, overlap=overlap
        )
        back = geometry.invert(maps.matrix)
        corners = geometry.transform(back, found[:, :4].reshape(-1, 2)).reshape(-1, 4)
        return np.concatenate([corners, found[:, 4:]], axis=1).astype(np.float32)

    def person_boxes(self, picture: UInt8, *, min_score: float = 0.0) -> list[PersonBox]:
        """Boxes of the people in a picture, for a top-down network.

        Args:
          picture: (H, W, 3) uint8, RGB.
          min_score: lowest score of a box.

        Returns:
          A detector's own boxes; of another network those around the people that it finds.
        """
        if self.spec.answers != "boxes":
            return person_boxes.around(self(picture), min_score=min_score)
        least = max(min_score, self.spec.decoder.min_box)
        found = self.boxes(self.maps(picture), least=least)
        return [PersonBox(corners_to_box(row[:4]), float(row[4])) for row in found]

    def decode(self, maps: Maps) -> Poses:
        """Reads maps as people, in pixels of the picture, without a second look."""
        return self.spec.decode(maps.outputs).transformed(geometry.invert(maps.matrix))

    def _open_second_look(self, threads: int | None, engine: str | None) -> SecondLook | None:
        """Opens the second network, where there is to be a second look."""
        first = self.spec
        if not self.second_look.applies_to(first):
            return None
        path = model_path(self.second_look.reader_of(first))
        spec = bundle.read(path)
        return SecondLook(
            spec,
            engines.open_runner(
                path, spec, threads=threads, engine=engines.where_it_fits(engine, path)
            ),
            first=self.spec,
            options=self.second_look,
            flip=self.averaging.flip,
        )

    def _check_averaging(self) -> None:
        """Refuses an averaging that would fail at the first picture."""
        if self.spec.answers == "points" and self.averaging != Averaging():
            raise ValueError(
                f"{self.spec.model} answers keypoints, and no maps that could be averaged over "
                "mirrored pictures or sizes"
            )
        scales = self.averaging.scales
        if scales == (1.0,):
            return
        if self.spec.image.fit == "crop":
            raise ValueError(
                f"{self.spec.model} takes boxes, which are always laid in whole: scales must be "
                f"(1,), found {scales}"
            )
        if self.spec.answers == "boxes":
            raise ValueError(
                f"{self.spec.model} gives boxes, of which there is no mean over sizes: scales must "
                f"be (1,), found {scales}; set its height, or name tfpose_s"
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
    """The file of a model, given by its path or by its name in `saved_models`.

    Raises:
      FileNotFoundError: there is no such model; says which ship and how to make one.
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
            "tfpose import-weights"
        )
    return shipped


def is_shipped(model: str | os.PathLike[str]) -> bool:
    """Whether a model, by its path or its name, is one of those that ship with the package.

    Raises:
      FileNotFoundError: as in `model_path`.
    """
    return model_path(model).resolve().is_relative_to(SHIPPED)


def shipped_names() -> tuple[str, ...]:
    """The names of the models that ship with the package, sorted."""
    return tuple(sorted(file.parent.name for file in SHIPPED.glob("*/model.tflite")))


def _with_decoder(spec: PoseSpec, changes: Mapping[str, Any]) -> PoseSpec:
    try:
        return replace(spec, decoder=replace(spec.decoder, **changes))
    except TypeError as error:
        raise ValueError(
            f"decoder {decoders.name_of(spec.decoder)!r} of {spec.model} has the parameters "
            f"{vars(spec.decoder)}, found {dict(changes)}: {error}"
        ) from error
