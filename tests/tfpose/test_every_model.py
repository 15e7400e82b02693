"""What holds for every network, whatever its family: a new file in models/ is tested by itself."""

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from estimator import bundle
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec
from tfpose import export, models

# Those that take more than ten seconds here.
LARGE = ("cmu", "hg_s8_b1", "hrnet_w??", "lpn_1??", "pose_resnet_1??")
# Where 64 pixels leave one cell inside, and the converter reshapes instead of resizing.
SIZES = {"hg_*": 128}
# What delegates of mobile GPUs run (tensorflow/lite/tools/versioning/gpu_compatibility.cc).
ALLOWED = {
    *("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "ADD", "MUL", "CONCATENATION", "PAD"),
    *("MAX_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
    *("RELU", "RELU6", "ELU", "LOGISTIC", "HARD_SWISH", "PRELU"),
}
# Names, what else their graphs hold, and why.
EXCEPTIONS = (
    ("mobilenet*", {"AVERAGE_POOL_2D"}, "TensorFlow 1's bilinear doubling; mobile GPUs run it"),
    ("tf_pose_*", {"AVERAGE_POOL_2D"}, "likewise"),
    (
        "tf_pose_*",
        {"MEAN", "SUB", "SQUARED_DIFFERENCE", "RSQRT"},
        "published weights without statistics: every picture is normalised by its own",
    ),
    (
        "lpn_*",
        {"SOFTMAX", "BATCH_MATMUL", "RESHAPE"},
        "attention pooling",
    ),
    (
        "lpn_*",
        {"MEAN", "NEG", "SQUARED_DIFFERENCE", "RSQRT"},
        "layer norm within the attention",
    ),
    (
        "lpn_*",
        {"DEPTH_TO_SPACE", "STRIDED_SLICE"},
        "a transposed convolution in groups, which TFLite lacks",
    ),
    ("tfpose_*", {"DEPTH_TO_SPACE"}, "doubling that carries no size: the graph can be resized"),
)
# Names whose norms do not follow a convolution, so that they stay, and why.
UNFOLDED = {
    "hg_*": "its residual blocks begin with batch norm, after a sum",
    "lpn_*": "attention and layer norm",
    "tf_pose_*": "statistics of the picture",
}
TOY = Skeleton(
    name="toy",
    keypoints=("head", "left_hand", "right_hand", "left_foot", "right_foot"),
    limbs=((0, 1), (0, 2), (0, 3), (0, 4)),
    flip_pairs=((1, 2), (3, 4)),
    sigmas=(0.1,) * 5,
)


def matches(name: str, patterns: object) -> list[str]:
    return [pattern for pattern in patterns if fnmatchcase(name, pattern)]  # type: ignore[attr-defined]


def pixels(name: str) -> int:
    return next((SIZES[pattern] for pattern in matches(name, SIZES)), 64)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow if matches(name, LARGE) else ())
        for name in models.names()
    ],
)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def spec(name: str) -> PoseSpec:
    return models.spec(name, height=pixels(name), width=pixels(name))


@pytest.fixture(scope="module")
def model(spec: PoseSpec) -> Iterator[keras.Model]:
    keras.utils.set_random_seed(0)
    yield models.build(spec)
    keras.backend.clear_session()


@pytest.fixture(scope="module")
def exported(
    model: keras.Model, spec: PoseSpec, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The network as a .tflite; its parity was checked on the way."""
    path = tmp_path_factory.mktemp("exported") / "model.tflite"
    export.export_tflite(model, spec, path)
    yield path
    path.unlink()


def picture(spec: PoseSpec, count: int) -> np.ndarray:
    shape = (count, spec.image.height, spec.image.width, 3)
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def expected_shapes(spec: PoseSpec) -> dict[str, tuple[int | None, ...]]:
    stride = spec.outputs.stride
    size = (spec.image.height // stride, spec.image.width // stride)
    return {name: (None, *size, count) for name, count in spec.channels.items()}


def test_outputs_are_those_of_the_spec(model: keras.Model, spec: PoseSpec) -> None:
    assert (model.input.name, model.input.shape[1:]) == (
        "image",
        (spec.image.height, spec.image.width, 3),
    )
    assert set(model.output) == set(spec.channels)
    assert len({len(stages) for stages in model.output.values()}) == 1
    for output, shape in expected_shapes(spec).items():
        assert {maps.shape for maps in model.output[output]} == {shape}


def test_every_layer_learns(model: keras.Model, spec: PoseSpec) -> None:
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:  # some start at zero, and nothing before them learns
        weight.assign_add(0.01 * rng.standard_normal(weight.shape))
    with tf.GradientTape() as tape:
        answer = model(picture(spec, 2), training=True)
        targets = [rng.random(maps.shape) for stages in answer.values() for maps in stages]
        outputs = [maps for stages in answer.values() for maps in stages]
        loss = sum(
            keras.ops.mean(keras.ops.square(maps - target))
            for maps, target in zip(outputs, targets, strict=True)
        )
    variables = [weight.value for weight in model.trainable_weights]
    gradients = tape.gradient(loss, variables)
    learning = {
        weight.path.rpartition("/")[0]
        for weight, gradient in zip(model.trainable_weights, gradients, strict=True)
        if gradient is not None and np.isfinite(gradient).all() and np.any(gradient)
    }
    layers = {weight.path.rpartition("/")[0] for weight in model.trainable_weights}
    assert layers - learning == set()


def test_every_layer_with_weights_is_named_by_us(model: keras.Model) -> None:
    """Names are what weights are imported and found by; Keras's own begin with the class's."""
    named = {layer.name for layer in model.layers if layer.weights}
    generic = ("conv2d", "depthwise_conv2d", "batch_normalization", "dense")
    assert [name for name in named if name.startswith(generic)] == []


def test_a_file_gives_back_the_network(model: keras.Model, spec: PoseSpec, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    image = picture(spec, 1)
    expected, found = model(image), again(image)
    for output, stages in expected.items():
        for before, after in zip(stages, found[output], strict=True):
            assert np.array_equal(before, after)
    (tmp_path / "model.keras").unlink()


def test_tflite_carries_the_spec_and_answers_alike(exported: Path, spec: PoseSpec) -> None:
    """Alike within 1e-4, also at another size where flexible, or there would be no file."""
    assert bundle.read(exported) == spec
    (image,) = Interpreter(str(exported)).get_input_details()
    assert image["shape"].tolist() == [1, spec.image.height, spec.image.width, 3]


def operators(exported: Path) -> Counter[str]:
    return Counter(step["op_name"] for step in Interpreter(str(exported))._get_ops_details())


def test_tflite_holds_what_mobile_gpus_run(exported: Path, name: str) -> None:
    allowed = ALLOWED.union(*(ops for pattern, ops, _ in EXCEPTIONS if fnmatchcase(name, pattern)))
    assert set(operators(exported)) - allowed == set()


def test_batch_norm_is_folded(exported: Path, name: str, model: keras.Model) -> None:
    """There is one MUL and one ADD, the normalisation of the picture, and the residual sums."""
    if reasons := matches(name, UNFOLDED):
        pytest.skip(f"{name}: {UNFOLDED[reasons[0]]}")
    last = keras.Model(model.input, [stages[-1] for stages in model.output.values()])
    sums = sum(len(layer.input) - 1 for layer in last.layers if isinstance(layer, keras.layers.Add))
    found = operators(exported)
    # The normalisation's own: none where it only scales, which the first kernel takes in.
    own = found["MUL"]
    assert own <= 1
    assert found["ADD"] == own + sums


def test_it_builds_for_another_skeleton_and_another_size(name: str, spec: PoseSpec) -> None:
    other = models.spec(
        name,
        skeleton=TOY,
        height=spec.image.height,
        width=spec.image.width + spec.image.multiple,
    )
    outputs = models.build(other).output
    assert other.channels["heatmaps"] == 5 + other.outputs.background
    for output, shape in expected_shapes(other).items():
        assert {maps.shape for maps in outputs[output]} == {shape}


def test_the_default_spec_is_readable_json(name: str) -> None:
    default = models.spec(name)
    assert default.model == name
    assert PoseSpec.from_json(default.to_json()) == default
