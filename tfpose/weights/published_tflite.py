"""Specs for published TFLite files that carry none: MoveNet's and BlazePose's.

Which file it is, its tensors tell. Inputs and outputs are those of the model cards that
`estimator.decoders.movenet` and `estimator.decoders.blazepose` name.
"""

from collections.abc import Sequence
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter

from estimator import bundle, skeletons
from estimator.decoders import blazepose, movenet
from estimator.engines import open_runner
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec

MULTIPOSE_SIDE = 256  # pixels; the card's, for a graph whose size is open
KNOWN = "MoveNet SinglePose and MultiPose, and BlazePose's pose_landmark files"
Shape = tuple[int, ...]


def add_spec(
    source: Path, out: Path, *, height: int | None = None, width: int | None = None
) -> str:
    """Writes a copy of a published file that carries its spec.

    Args:
      source: a .tflite; what it is, its tensors tell.
      out: the file to write.
      height, width: of the input of a graph whose size is open, multiples of 32; None takes 256.

    Returns:
      The model's name.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is none of the known files, or a size does not fit.
    """
    if not source.is_file():
        raise FileNotFoundError(f"no model at {source}")
    flatbuffer = source.read_bytes()
    spec = _spec(source, *_tensors(source, flatbuffer), height, width)
    bundle.write_tflite(out, flatbuffer, spec)
    try:
        open_runner(out, spec)  # as whoever uses the file will
    except ValueError:
        out.unlink()
        raise
    return spec.model


def _tensors(source: Path, flatbuffer: bytes) -> tuple[Shape, Sequence[Shape]]:
    """The shape of the input, -1 where it is open, and those of the outputs."""
    try:
        interpreter = Interpreter(model_content=flatbuffer)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{source} is no .tflite that LiteRT can run: {error}") from error
    inputs = interpreter.get_input_details()
    outputs = [tuple(map(int, part["shape"])) for part in interpreter.get_output_details()]
    if len(inputs) != 1 or len(inputs[0]["shape"]) != 4:
        raise ValueError(f"{source} reads no picture alone: known are {KNOWN}")
    return tuple(map(int, inputs[0]["shape_signature"])), outputs


def _spec(
    source: Path, image: Shape, outputs: Sequence[Shape], height: int | None, width: int | None
) -> PoseSpec:
    sides = []
    for name, given, found in (("height", height, image[1]), ("width", width, image[2])):
        if given is not None and found not in (-1, 1) and given != found:
            raise ValueError(f"{source} has a {name} of {found} pixels, found a wish for {given}")
        sides.append(found if found > 1 else given or MULTIPOSE_SIDE)
    if (1, 1, 17, 3) in outputs:
        return _movenet("movenet_singlepose", sides, people=1)
    if (1, movenet.MOST, 56) in outputs:
        return _movenet("movenet_multipose", sides, people=movenet.MOST)
    if {(1, blazepose.LANDMARKS * blazepose.NUMBERS), (1, 1)} <= set(outputs):
        return PoseSpec(
            model="blazepose",
            skeleton=skeletons.get("blazepose33"),
            image=ImageSpec(
                height=sides[0], width=sides[1], multiple=32, fit="crop", scale=1 / 255
            ),
            outputs=OutputSpec(stride=1, background=False, pafs=False),
            decoder=blazepose.Parameters(),
        )
    raise ValueError(f"{source} answers {', '.join(map(str, outputs))}: known are {KNOWN}")


def _movenet(name: str, sides: Sequence[int], *, people: int) -> PoseSpec:
    height, width = sides
    return PoseSpec(
        model=name,
        skeleton=skeletons.get("coco17"),
        image=ImageSpec(height=height, width=width, multiple=32),
        outputs=OutputSpec(stride=1, background=False, pafs=False, people=people),
        decoder=movenet.Parameters(height=height, width=width),
    )
