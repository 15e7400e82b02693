"""What holds for every kind of network: it learns, is saved, and becomes a file for phones.

A kind is a family with one choice of its switches; the smallest of each is tried.
`pytest -m soak` tries the wider and deeper ones, which differ in numbers alone.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from estimator import bundle
from estimator.spec import PoseSpec
from tfpose import export, models

SMALLEST = (
    *("cmu", "dsconv", "hg_s2_b1", "hg_s2_b1_mobile", "hrnet_w18_v1", "human_pose_estimation_0001"),
    *("lightweight_openpose_half", "lpn_18", "lpn_50", "mobilenet_fast", "mobilenet_thin"),
    *("mobilenet_v2_small", "pose_resnet_50", "tf_pose_mobilenet_v2_small"),
    *("tfpose_detector_nano", "tfpose_person_nano", "tfpose_s"),
    *("rtmpose_t", "vitpose_s", "vitpose_s_classic"),
)
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
    (
        "rtmpose_*",
        {"MEAN", "FULLY_CONNECTED", "BATCH_MATMUL", "TRANSPOSE", "RESHAPE", "SQRT", "MAXIMUM"},
        "gated attention between the keypoints, and attention between channels",
    ),
    ("rtmpose_*", {"DIV", "SQUARE", "STRIDED_SLICE", "SPLIT", "SUB"}, "likewise"),
    (
        "vitpose_*",
        {"FULLY_CONNECTED", "BATCH_MATMUL", "TRANSPOSE", "RESHAPE", "SOFTMAX", "GELU"},
        "a transformer",
    ),
    ("vitpose_*", {"MEAN", "NEG", "SQUARED_DIFFERENCE", "RSQRT", "SUB"}, "layer norm"),
    ("tfpose_*", {"DEPTH_TO_SPACE"}, "doubling that carries no size: the graph can be resized"),
)
# Names whose norms do not follow a convolution, so that they stay, and why.
UNFOLDED = {
    "hg_*": "its residual blocks begin with batch norm, after a sum",
    "lpn_*": "attention and layer norm",
    "tf_pose_*": "statistics of the picture",
    "rtmpose_*": "scale norm and gates",
    "vitpose_*": "layer norm",
}


def kind(name: str) -> tuple[object, ...]:
    """The family, and the switches of the variant."""
    family = models.family_of(name)
    variant = family.VARIANTS[name]
    values = {field.name: getattr(variant, field.name) for field in fields(variant)}
    return family.__name__, *((key, on) for key, on in values.items() if isinstance(on, bool))


def test_every_kind_has_one_that_is_tried() -> None:
    assert sorted(map(kind, SMALLEST), key=str) == sorted({*map(kind, models.names())}, key=str)


def matches(name: str, patterns: object) -> list[str]:
    return [pattern for pattern in patterns if fnmatchcase(name, pattern)]  # type: ignore[attr-defined]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if name in SMALLEST else pytest.mark.soak)
        for name in models.names()
    ],
)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def spec(name: str) -> PoseSpec:
    side = next((SIZES[pattern] for pattern in matches(name, SIZES)), 64)
    return models.spec(name, height=side, width=side)


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


def test_every_layer_learns_and_a_step_lowers_the_loss(model: keras.Model, spec: PoseSpec) -> None:
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:  # some start at zero, and nothing before them learns
        weight.assign_add(0.01 * rng.standard_normal(weight.shape))
    image = picture(spec, 2)
    shapes = [(2, *maps.shape[1:]) for stages in model.output.values() for maps in stages]
    targets = [rng.random(shape, np.float32) for shape in shapes]
    with tf.GradientTape() as tape:
        before = loss(model, image, targets)
    variables = [weight.value for weight in model.trainable_weights]
    gradients = tape.gradient(before, variables)
    learning = {
        weight.path.rpartition("/")[0]
        for weight, gradient in zip(model.trainable_weights, gradients, strict=True)
        if gradient is not None and np.isfinite(gradient).all() and np.any(gradient)
    }
    layers = {weight.path.rpartition("/")[0] for weight in model.trainable_weights}
    assert layers - learning == set()
    step = 1e-3 * float(before) / sum(float(np.square(g).sum()) for g in gradients)
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign_sub(step * gradient)
    fallen = float(before - loss(model, image, targets)) / float(before)
    assert fallen == pytest.approx(1e-3, rel=0.5)  # a thousandth, but for the bend


def loss(model: keras.Model, image: np.ndarray, targets: list[np.ndarray]) -> tf.Tensor:
    outputs = [maps for stages in model(image, training=True).values() for maps in stages]
    return sum(
        keras.ops.mean(keras.ops.square(maps - target))
        for maps, target in zip(outputs, targets, strict=True)
    )


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
