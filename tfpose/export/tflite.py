"""A network as a .tflite: float32, float16, dynamic range, or full int8.

The network is converted at a static shape: then the converter folds batch norm and dilation into
plain convolutions, and LiteRT can still resize the graph. The signature is from `image`
(1, H, W, 3), RGB 0..255, to `heatmaps` and, bottom-up, `pafs`, float32.

int8: kernels have a scale per channel, each head has a scale of its own, and the input is uint8
with scale 1 and zero point 0, so that a camera's bytes go in unchanged. Outputs are dequantised in
the graph, so that every caller gets floats. Heads that answer bins stay float (`float_head`).
"""

import os
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from ai_edge_litert.interpreter import Interpreter

from estimator import bundle
from estimator.arrays import Float
from estimator.spec import PoseSpec

from ..losses.maps import BINS
from .int8 import float_head
from .network import deployed, made_picture, other_size

KINDS = ("float32", "float16", "dynamic", "int8")
TOLERANCE = 1e-4  # share of an output's largest magnitude


class ParityError(Exception):
    """The converted network's answers differ from the original's; nothing was written."""


def export_tflite(
    model: keras.Model,
    spec: PoseSpec,
    path: str | os.PathLike[str],
    *,
    tolerance: float = TOLERANCE,
) -> dict[str, float]:
    """Writes a float32 .tflite that carries its spec.

    Before the file is written, Keras and LiteRT answer the same picture, and where the spec says
    that the graph is flexible, one of another size too.

    Args:
      model: of `spec`, as `tfpose.models.build` makes it, flexible or not.
      spec: the file carries it.
      path: of the file.
      tolerance: the largest difference allowed, as a share of an output's largest magnitude.

    Returns:
      The largest difference of each output, as such a share.

    Raises:
      ValueError: the model's outputs are not the spec's.
      ParityError: the converted network answers otherwise; there is no file then.
    """
    network = deployed(model, spec, spec.image.height, spec.image.width, share=True)
    flatbuffer = to_tflite(network)
    differences = compare(network, flatbuffer, tolerance)
    if spec.image.flexible:
        other = deployed(model, spec, *other_size(spec))
        for name, difference in compare(other, flatbuffer, tolerance).items():
            differences[name] = max(differences[name], difference)
    bundle.write_tflite(path, flatbuffer, spec)
    logging.info("wrote %s, %.1f MB; differences %s", path, len(flatbuffer) / 1e6, differences)
    return differences


def to_tflite(
    network: keras.Model, kind: str = "float32", calibration: Sequence[Float] = ()
) -> bytes:
    """Converts a network from `deployed` to a flatbuffer.

    Args:
      network: of fixed size.
      kind: one of `KINDS`.
      calibration: for int8: inputs (1, H, W, 3) float32, which must contain 0 and 255.

    Raises:
      ValueError: there is no such kind, or int8 has nothing to calibrate with.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, found {kind!r}")
    conversion = converter(network)
    if kind != "float32":
        conversion.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        conversion.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        _calibrate(conversion, calibration)
        if set(BINS) & set(network.output):
            return float_head.quantise(conversion)
    flatbuffer: bytes = conversion.convert()
    return flatbuffer


def _calibrate(conversion: tf.lite.TFLiteConverter, calibration: Sequence[Float]) -> None:
    values = [value for image in calibration for value in (image.min(), image.max())]
    if not values or (min(values), max(values)) != (0, 255):
        raise ValueError(
            "int8 needs pictures to calibrate with, among them a pixel 0 and a pixel 255, found "
            f"{len(calibration)} pictures; tfpose.export.calibration.inputs makes them"
        )
    conversion.representative_dataset = lambda: ([image] for image in calibration)
    conversion.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
        tf.lite.OpsSet.TFLITE_BUILTINS,  # for what has no int8 kernel, as ELU
    ]
    conversion.inference_input_type = tf.uint8
    conversion.inference_output_type = tf.float32


def converter(network: keras.Model) -> tf.lite.TFLiteConverter:
    """TensorFlow's converter for a network from `deployed`.

    The weights enter the graph as constants. `TFLiteConverter.from_keras_model` gives the same
    graph, six times slower, since it saves and loads it with variables in between.
    """
    trainable = [tf.constant(variable) for variable in network.trainable_variables]
    others = [tf.constant(variable) for variable in network.non_trainable_variables]

    def answer(image: tf.Tensor) -> Mapping[str, tf.Tensor]:
        outputs: Mapping[str, tf.Tensor]
        outputs, _ = network.stateless_call(trainable, others, image, training=False)
        return outputs

    image = tf.TensorSpec((1, *network.input.shape[1:]), tf.float32, name="image")
    function = tf.function(answer, input_signature=[image], autograph=False)
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], tf.Module()
    )


def compare(
    network: keras.Model, flatbuffer: bytes, tolerance: float = TOLERANCE
) -> dict[str, float]:
    """The difference between the answers of a converted network and its original to a picture.

    Args:
      network: from `deployed`; LiteRT's graph is resized to its input.
      flatbuffer: the converted network.
      tolerance: the largest difference allowed.

    Returns:
      The largest difference of each output, as a share of its largest magnitude.

    Raises:
      ParityError: an output is missing, of another shape, or too far off.
    """
    _, height, width, _ = network.input.shape
    picture = made_picture(height, width)
    expected = {name: np.asarray(maps) for name, maps in network(picture, training=False).items()}
    try:
        found = Interpreter(model_content=flatbuffer).get_signature_runner()(image=picture)
    except RuntimeError as error:
        raise ParityError(
            f"LiteRT cannot run {network.name!r} at {height}x{width}: {error}; nothing was written"
        ) from error
    if {name: maps.shape for name, maps in found.items()} != {
        name: maps.shape for name, maps in expected.items()
    }:
        raise ParityError(
            f"{network.name!r} at {height}x{width} answers {_shapes(expected)} in Keras and "
            f"{_shapes(found)} in LiteRT; nothing was written"
        )
    differences = {name: _difference(found[name], expected[name]) for name in expected}
    if not all(difference <= tolerance for difference in differences.values()):  # NaN fails
        raise ParityError(
            f"{network.name!r} at {height}x{width} answers otherwise in LiteRT than in Keras: it "
            f"differs by {differences} of the largest magnitude, {tolerance} is allowed; "
            "nothing was written"
        )
    return differences


def _shapes(maps: Mapping[str, Float]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in maps.items()}


def _difference(found: Float, expected: Float) -> float:
    largest = max(float(np.abs(expected).max()), float(np.finfo(np.float32).tiny))
    return float(np.abs(found - expected).max()) / largest
