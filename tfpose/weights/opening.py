"""Networks that TensorFlow can run, by what they are called: one table of kinds, one `load`.

A name of `tfpose.models` needs weights; a .keras brings its own, and its spec. A SavedModel has a
graph and no Keras model. What only a runtime opens (.tflite, .onnx, .xml) is `estimator.engines`'
work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estimator import bundle
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

from . import keras_files, shipped

NAME, KERAS, SAVED_MODEL = "name", "keras", "saved_model"
SUFFIXES = {
    keras_files.SUFFIX: KERAS,
    ".tflite": "tflite",
    ".onnx": "onnx",
    ".xml": "openvino",
}
SIGNATURE = "serving_default"


def kind_of(model: str) -> str:
    """What a network is given by: a `name` of ours, `saved_model` for a folder, or a file's kind.

    Raises:
      ValueError: it is none of them; says what there is.
    """
    path = Path(model)
    if path.suffix in SUFFIXES:
        return SUFFIXES[path.suffix]
    from .. import models  # needs Keras: 2 s

    if model in models.names():
        return NAME
    if path.is_dir():
        return SAVED_MODEL
    raise ValueError(
        f"{model!r} is no {', '.join(SUFFIXES)} file, no SavedModel's folder and no model; models "
        f"are {', '.join(models.names())}"
    )


def spec_of(model: str) -> PoseSpec:
    """The spec of a name, at the model's own size, or of a file or folder; no weights are read.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is nothing that `kind_of` knows, or carries no spec.
    """
    if kind_of(model) == NAME:
        from .. import models

        return models.spec(model)
    return bundle.read(Path(model))


def load(
    model: str,
    weights: str = "",
    *,
    skeleton: Skeleton | None = None,
    height: int | None = None,
    width: int | None = None,
) -> tuple[Any, PoseSpec]:
    """Opens a .keras, or builds a network of ours and loads its weights.

    Args:
      model: a .keras that carries its spec, or a name of `tfpose.models`.
      weights: of a name: a .weights.h5 of ours, a run's folder, or a file that `foreign` reads; ""
        takes those that ship, where there are some.
      skeleton: of a name; None takes the model's own.
      height, width: of the input of a network that is built; None takes the model's own.

    Returns:
      The Keras model, of open height and width where its spec is flexible, and its spec, which for
      a foreign file says where the original's maps lie (`foreign.original_spec`).

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: neither a .keras nor a name, weights that are missing, superfluous or another
        network's, or a size that the stride does not allow.
    """
    kind = kind_of(model)
    if kind == KERAS:
        if weights or skeleton:
            raise ValueError(f"{model} has its weights and skeleton with it; give a name with them")
        spec = bundle.read(Path(model))
        return keras_files.load_keras(Path(model)), spec
    if kind != NAME:
        raise ValueError(f"{model} has no Keras model: give a {keras_files.SUFFIX}, or a name")
    if not weights and skeleton is None:
        weights = str(shipped.weights(model) or "")
    if not weights:
        raise ValueError(f"{model} needs its weights: give them, or a {keras_files.SUFFIX} file")
    from .. import models
    from . import foreign, loading

    spec = models.spec(model, skeleton=skeleton, height=height, width=width)
    network = models.build(spec, flexible=spec.image.flexible)
    loading.load_weights(network, spec, weights)
    return network, foreign.original_spec(spec) if loading.is_foreign(weights) else spec


def resized(model: Any, height: int, width: int) -> Any:
    """The same network for inputs of one size; itself where it has that size already."""
    if tuple(model.input.shape[1:3]) == (height, width):
        return model
    import keras

    image = keras.Input(batch_shape=(None, height, width, 3), name="image")
    copy = keras.models.clone_model(model, input_tensors=image)
    copy.set_weights(model.get_weights())
    return copy


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedModel:
    """A SavedModel's serving signature, which maps float or integer pictures to maps by head.

    Attributes:
      image: the TensorSpec of its one input, (B, H, W, 3).
      channels: of each output.
      loaded: what holds the variables; they live as long as it does.
    """

    image: Any
    channels: Mapping[str, int]
    loaded: Any

    def __call__(self, image: Any) -> Mapping[str, Any]:
        """The maps of pictures (B, H, W, 3); in a tf.function or outside of one."""
        import tensorflow as tf

        signature: Callable[..., Mapping[str, Any]] = self.loaded.signatures[SIGNATURE]
        return signature(**{self.image.name: tf.cast(image, self.image.dtype)})


def open_saved_model(path: Path) -> SavedModel:
    """Opens a SavedModel's folder.

    Raises:
      ValueError: it is none, or its signature is missing or takes other things than one image.
    """
    import tensorflow as tf  # takes 2 s

    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # OSError, OpError, KeyError, DecodeError: by the part missing
        said = str(error).partition("\n")[0]
        raise ValueError(f"{path} is no SavedModel, or parts of it are missing: {said}") from error
    if SIGNATURE not in loaded.signatures:
        raise ValueError(f"{path} has the signatures {sorted(loaded.signatures)}, no {SIGNATURE}")
    signature = loaded.signatures[SIGNATURE]
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1:
        raise ValueError(f"{path} must have one input, the image; found {sorted(inputs)}")
    (image,) = inputs.values()
    outputs = signature.structured_outputs
    channels = {name: int(maps.shape[-1]) for name, maps in outputs.items()}
    return SavedModel(image=image, channels=channels, loaded=loaded)
