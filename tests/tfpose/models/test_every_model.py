"""What holds for every network, told without weights: a new file in models/ is tested by itself."""

from collections.abc import Iterator

import keras
import pytest

from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec
from tfpose import models

TOY = Skeleton(
    name="toy",
    keypoints=("head", "left_hand", "right_hand", "left_foot", "right_foot"),
    limbs=((0, 1), (0, 2), (0, 3), (0, 4)),
    flip_pairs=((1, 2), (3, 4)),
    sigmas=(0.1,) * 5,
)


@pytest.fixture(scope="module", params=models.names())
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def pixels(name: str) -> int:
    return 128 if name.startswith("hg_") else 64  # 64 leave one cell inside


@pytest.fixture(scope="module")
def spec(name: str) -> PoseSpec:
    return models.spec(name, height=pixels(name), width=pixels(name))


def graph(spec: PoseSpec) -> keras.Model:
    """The network whose weights have shapes and no values: no memory, and little time."""
    with keras.StatelessScope(initialize_variables=False):
        return models.build(spec)


@pytest.fixture(scope="module")
def model(spec: PoseSpec) -> Iterator[keras.Model]:
    yield graph(spec)
    keras.backend.clear_session()


def expected_shapes(spec: PoseSpec) -> dict[str, tuple[int | None, ...]]:
    return {name: (None, *shape) for name, shape in spec.shapes().items()}


def test_outputs_are_those_of_the_spec(model: keras.Model, spec: PoseSpec) -> None:
    assert (model.input.name, model.input.shape[1:]) == (
        "image",
        (spec.image.height, spec.image.width, 3),
    )
    assert set(model.output) == set(spec.channels)
    assert len({len(stages) for stages in model.output.values()}) == 1
    for output, shape in expected_shapes(spec).items():
        assert {maps.shape for maps in model.output[output]} == {shape}


def test_every_layer_with_weights_is_named_by_us(model: keras.Model) -> None:
    """Names are what weights are imported and found by; Keras's own begin with the class's."""
    named = {layer.name for layer in model.layers if layer.weights}
    generic = ("conv2d", "depthwise_conv2d", "batch_normalization", "dense")
    assert [name for name in named if name.startswith(generic)] == []


def test_it_builds_for_another_skeleton_and_another_size(name: str, spec: PoseSpec) -> None:
    other = models.spec(
        name,
        skeleton=TOY,
        height=spec.image.height,
        width=spec.image.width + spec.image.multiple,
    )
    outputs = graph(other).output
    if "heatmaps" in other.channels:
        assert other.channels["heatmaps"] == 5 + other.outputs.background
    for output, shape in expected_shapes(other).items():
        assert {maps.shape for maps in outputs[output]} == {shape}


def test_the_default_spec_is_readable_json(name: str) -> None:
    default = models.spec(name)
    assert default.model == name
    assert PoseSpec.from_json(default.to_json()) == default
