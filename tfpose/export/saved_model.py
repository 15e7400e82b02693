"""A network as a SavedModel, for TensorFlow Serving and for optimisers.

Signatures: `serving_default`, float32 pictures of the input's size, any batch; `serve_uint8`, the
same of bytes; `serve_bytes`, JPEG or PNG files, laid into the input in the graph as the estimator
lays them in; `serve_fixed`, one float32 picture of the spec's size, every shape known.
"""

from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf

from estimator import bundle
from estimator.spec import PoseSpec

from . import letterbox
from .network import deployed


def write(model: keras.Model, spec: PoseSpec, folder: Path) -> None:
    """Writes the SavedModel with its spec in assets.extra.

    Args:
      model: of `spec`; where the spec's image is flexible, of open height and width.
      spec: a top-down model gets no `serve_bytes`, since a picture alone has no box.
      folder: to create.
    """
    height, width = (None, None) if spec.image.flexible else (spec.image.height, spec.image.width)
    module = _Module(deployed(model, spec, height, width, batch=None), spec)
    signatures = {
        "serving_default": module.serve.get_concrete_function(),
        "serve_uint8": module.serve_uint8.get_concrete_function(),
        "serve_fixed": module.serve_fixed.get_concrete_function(),
    }
    if spec.image.fit == "letterbox":
        signatures["serve_bytes"] = module.serve_bytes.get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures=signatures)
    bundle.write_saved_model(folder, spec)


class _Module(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """The signatures as tf.functions over one set of variables."""

    def __init__(self, network: keras.Model, spec: PoseSpec) -> None:
        super().__init__()
        self.network = network
        image = spec.image
        pictures = network.input.shape
        fixed = (1, image.height, image.width, 3)

        def call(pixels: tf.Tensor) -> Mapping[str, tf.Tensor]:
            if pixels.shape[1] is None:
                pixels = _checked(pixels, image.multiple)
            maps: Mapping[str, tf.Tensor] = network(tf.cast(pixels, tf.float32), training=False)
            return maps

        def call_bytes(files: tf.Tensor) -> Mapping[str, tf.Tensor]:
            pixels, back = letterbox.letterbox_files(files, image.height, image.width)
            return {**call(pixels), "matrix": back}

        self.serve = _function(call, pictures, tf.float32, "image")
        self.serve_uint8 = _function(call, pictures, tf.uint8, "image")
        self.serve_fixed = _function(call, fixed, tf.float32, "image")
        self.serve_bytes = _function(call_bytes, (None,), tf.string, "image_bytes")


def _checked(pixels: tf.Tensor, multiple: int) -> tf.Tensor:
    """The same pictures; an error of the server's where the network can't take their size."""
    message = f"height and width must be multiples of {multiple}"
    check = tf.debugging.assert_equal(tf.shape(pixels)[1:3] % multiple, 0, message=message)
    with tf.control_dependencies([check]):
        return tf.identity(pixels)


def _function(
    call: object, shape: tuple[int | None, ...], dtype: tf.DType, name: str
) -> tf.types.experimental.PolymorphicFunction:
    signature = [tf.TensorSpec(shape, dtype, name=name)]
    return tf.function(call, input_signature=signature, autograph=False)
