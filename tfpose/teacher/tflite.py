"""A teacher as a .tflite of one size, with its last stage's maps and, for hints, inner features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from estimator import bundle, files
from estimator.arrays import Float, UInt8
from estimator.spec import PoseSpec

from ..losses.hints import NAME, entering


def write(
    path: Path, teacher: str, weights: str, *, height: int, width: int, hints: str = ""
) -> tuple[PoseSpec, int]:
    """Writes a teacher's .tflite, whole or not at all.

    Args:
      path: of the file.
      teacher: a name of `tfpose.models`, a .tflite or a .keras.
      weights: of a model given by name.
      height, width: of its input.
      hints: a layer, whose input becomes an output `hints`; "" for none.

    Returns:
      The spec at that size, and the channels of the hints (0 without).

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: it cannot be of that size, it has no such layer, or it is no bottom-up teacher.
    """
    if teacher.endswith(".tflite"):
        return _copied(path, Path(teacher), height, width, hints)
    model, spec = _opened(teacher, weights, height, width)
    outputs = dict(model.output)
    if hints:
        outputs[NAME] = [entering(model, hints)]
    cells = (height // spec.outputs.stride, width // spec.outputs.stride)
    count = _convert(path, model, outputs, spec, cells)
    return spec, count


def signature(path: Path) -> Callable[[UInt8], dict[str, Float]]:
    """Opens a .tflite on one thread: from a picture (1, H, W, 3) to outputs by name."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path), num_threads=1).get_signature_runner()
    wanted = runner.get_input_details()["image"]["dtype"]  # int8 takes bytes as they are

    def run(image: UInt8) -> dict[str, Float]:
        maps: dict[str, Float] = runner(image=image.astype(wanted))
        return maps

    return run


def _copied(path: Path, source: Path, height: int, width: int, hints: str) -> tuple[PoseSpec, int]:
    spec = bundle.read(source)
    _check_bottom_up(spec)
    channels = _hint_channels(source) if hints else 0
    image = spec.image
    if (image.height, image.width) != (height, width) and not image.flexible:
        raise ValueError(
            f"{source} takes {image.height}x{image.width} only, and the canvas is {height}x{width}"
        )
    files.write(path, source.read_bytes())
    return replace(spec, image=replace(image, height=height, width=width)), channels


def _hint_channels(source: Path) -> int:
    from ai_edge_litert.interpreter import Interpreter

    outputs = Interpreter(model_path=str(source)).get_signature_runner().get_output_details()
    if NAME not in outputs:
        raise ValueError(
            f"{source} has {', '.join(sorted(outputs))} only: export it with --hints, or give a "
            "model of ours or a .keras"
        )
    return int(outputs[NAME]["shape"][-1])


def _opened(teacher: str, weights: str, height: int, width: int) -> tuple[Any, PoseSpec]:
    """The Keras model of that size, and its spec."""
    from ..weights import opening  # Keras: processes that only ask the .tflite do without

    _check_bottom_up(opening.spec_of(teacher))
    model, spec = opening.load(teacher, weights)
    spec = replace(spec, image=replace(spec.image, height=height, width=width))
    return opening.resized(model, height, width), spec


def _check_bottom_up(spec: PoseSpec) -> None:
    if spec.image.fit != "letterbox":
        raise ValueError(f"{spec.model} reads people's boxes: canvases need a bottom-up teacher")


def _convert(
    path: Path, model: Any, outputs: dict[str, Any], spec: PoseSpec, cells: tuple[int, int]
) -> int:
    """Writes the file; returns the channels of the hints."""
    import keras

    from ..export.tflite import to_tflite
    from ..losses.maps import last_stage

    last = last_stage(outputs)
    found = {name: tuple(maps.shape[1:3]) for name, maps in last.items()}
    if set(found.values()) != {cells}:
        raise ValueError(
            f"{model.name} has outputs of {found} cells (h, w), where {cells} are needed: hints "
            "must have the maps' stride"
        )
    network = keras.Model(model.input, last)
    network.trainable = False
    bundle.write_tflite(path, to_tflite(network), spec)
    return int(last[NAME].shape[-1]) if NAME in last else 0
