"""A trained network as one file that `estimator` runs: converted, compared, then written.

What is exported is the network's last stage alone, for one picture of a fixed size: then the
converter folds batch norm and dilation into plain convolutions. The signature is the contract:
`image` (1, H, W, 3) float32, RGB 0..255, to `heatmaps` and, bottom-up, `pafs`.
"""

import os
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from ai_edge_litert.interpreter import Interpreter

from estimator import bundle
from estimator.arrays import Float
from estimator.spec import PoseSpec

TOLERANCE = 1e-4  # share of an output's largest magnitude


class ParityError(Exception):
    """The converted network does not answer like the original; nothing was written."""


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
      spec: what the file is to say of itself.
      path: of the file.
      tolerance: the largest difference allowed, as a share of an output's largest magnitude.

    Returns:
      The largest difference of each output, as such a share.

    Raises:
      ValueError: the model's outputs are not the spec's.
      ParityError: the converted network answers otherwise; there is no file then.
    """
    network = last_stage(model, spec, spec.image.height, spec.image.width)
    flatbuffer = to_tflite(network)
    differences = compare(network, flatbuffer, tolerance)
    if spec.image.flexible:
        other = last_stage(model, spec, *_other_size(spec))
        for name, difference in compare(other, flatbuffer, tolerance).items():
            differences[name] = max(differences[name], difference)
    bundle.write_tflite(path, flatbuffer, spec)
    logging.info("wrote %s, %.1f MB; differences %s", path, len(flatbuffer) / 1e6, differences)
    return differences


def last_stage(model: keras.Model, spec: PoseSpec, height: int, width: int) -> keras.Model:
    """The network as it is deployed: for one picture of this size, with its last stage's maps.

    Returns:
      From `image` (B, height, width, 3) to `{"heatmaps": ..., "pafs": ...}`; of the model's own
      size it shares its weights, of another one it is a copy.

    Raises:
      ValueError: the model's outputs are not the spec's.
    """
    found = {name: int(stages[-1].shape[-1]) for name, stages in model.output.items()}
    if found != spec.channels:
        raise ValueError(
            f"{model.name!r} has outputs with {found} channels, its spec says {spec.channels}: "
            "build it with tfpose.models.build(spec)"
        )
    if tuple(model.input.shape[1:3]) != (height, width):
        image = keras.Input((height, width, 3), name="image")
        weights = model.get_weights()
        model = keras.models.clone_model(model, input_tensors=image)
        model.set_weights(weights)
    last = {name: stages[-1] for name, stages in model.output.items()}
    return keras.Model(model.input, last, name=spec.model)


def to_tflite(network: keras.Model) -> bytes:
    """Converts a network of fixed size to a float32 flatbuffer."""
    flatbuffer: bytes = converter(network).convert()
    return flatbuffer


def converter(network: keras.Model) -> tf.lite.TFLiteConverter:
    """TensorFlow's converter for a network from `last_stage`.

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
    """How far the converted network's answer to a picture is from the original's.

    Args:
      network: from `last_stage`; LiteRT's graph is resized to its input.
      flatbuffer: the converted network.
      tolerance: the largest difference allowed.

    Returns:
      The largest difference of each output, as a share of its largest magnitude.

    Raises:
      ParityError: an output is missing, of another shape, or too far off.
    """
    _, height, width, _ = network.input.shape
    picture = _picture(height, width)
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


def _picture(height: int, width: int) -> Float:
    """Something like a photograph, (1, height, width, 3): large patches and fine grain, 0..255."""
    rng = np.random.default_rng(0)
    cell = 16
    patches = rng.uniform(0, 255, (height // cell + 1, width // cell + 1, 3))
    patches = patches.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]
    grain = rng.normal(0, 16, (height, width, 3))
    return np.clip(patches + grain, 0, 255).astype(np.float32)[np.newaxis]


def _other_size(spec: PoseSpec) -> tuple[int, int]:
    """About half the height and a little more of the width: another size and another shape."""
    multiple = spec.image.multiple
    height = max(spec.image.height // 2 // multiple, 1) * multiple
    return height, spec.image.width + multiple
