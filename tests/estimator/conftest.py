"""A network small enough to work out by hand, as a .tflite."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from estimator import bundle
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

COLOURS = Skeleton(
    name="colours",
    keypoints=("red", "green", "blue"),
    limbs=((0, 1), (1, 2)),
    flip_pairs=(),
    sigmas=(0.1, 0.1, 0.1),
)


def colour_spec(**image: object) -> PoseSpec:
    """The spec of `colour_network`: an input of 32 x 48, stride 8."""
    return PoseSpec(
        model="colours",
        skeleton=COLOURS,
        image=ImageSpec(**({"height": 32, "width": 48} | image)),
        outputs=OutputSpec(),
        decoder=paf.Parameters(),
    )


def colour_network(height: int = 32, width: int = 48) -> object:
    """Keypoint channels: mean red, green, blue of a cell over 255. Every limb points right."""
    keras = pytest.importorskip("keras", reason="makes .tflite files to test with")
    kernel = np.zeros((8, 8, 3, 4), np.float32)
    for channel in range(3):
        kernel[:, :, channel, channel] = 1 / (64 * 255)
        kernel[:, :, channel, 3] = -1 / (64 * 255)
    image = keras.Input((height, width, 3), batch_size=1, name="image")
    heatmaps = keras.layers.Conv2D(4, 8, 8, name="heatmaps")
    pafs = keras.layers.Conv2D(4, 8, 8, name="pafs")
    model = keras.Model(image, {"heatmaps": heatmaps(image), "pafs": pafs(image)})
    heatmaps.set_weights([kernel, np.array([0, 0, 0, 1], np.float32)])
    pafs.set_weights([np.zeros((8, 8, 3, 4), np.float32), np.array([1, 0, 1, 0], np.float32)])
    return model


def convert(model: object, *, int8: bool = False) -> bytes:
    """The network as a flatbuffer; with int8, it takes and gives uint8 on input, int8 on output."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if int8:
        shape = model.inputs[0].shape
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: (
            [np.full(shape, value, np.float32)] for value in (0, 255)
        )
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.int8
    return bytes(converter.convert())


@pytest.fixture(scope="session")
def colour_flatbuffer() -> bytes:
    return convert(colour_network())


@pytest.fixture
def colour_model(colour_flatbuffer: bytes, tmp_path: Path) -> Callable[..., Path]:
    """Writes the network with `colour_spec` of these image fields; returns the file."""

    def write(**image: object) -> Path:
        path = tmp_path / "colours.tflite"
        bundle.write_tflite(path, colour_flatbuffer, colour_spec(**image))
        return path

    return write


@pytest.fixture
def blobs() -> np.ndarray:
    """32 x 48: a red, a green and a blue cell of 8 x 8 from left to right, the rest black."""
    picture = np.zeros((32, 48, 3), np.uint8)
    for channel, left in enumerate((8, 24, 40)):
        picture[8:16, left : left + 8, channel] = 255
    return picture


@pytest.fixture(scope="session")
def trained_model(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Intel's human-pose-estimation-0001 as a .tflite; skips where its weights are absent."""
    models = pytest.importorskip("tfpose.models", reason="makes the network")
    from tfpose import export
    from tfpose.weights import foreign

    path = tmp_path_factory.mktemp("model") / "model.tflite"
    spec = models.spec("human_pose_estimation_0001")
    model = models.build(spec)
    foreign.load(model, spec, shared / "weights/human_pose_estimation_0001.npz")
    export.export_tflite(model, spec, path)
    return path
