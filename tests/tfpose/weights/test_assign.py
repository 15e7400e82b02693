import keras
import numpy as np
import pytest

from tfpose.weights.formats.assign import TF1, TORCH, assign

torch = pytest.importorskip("torch")
layers, nn = keras.layers, torch.nn

PAIRS = {
    "convolution": (
        lambda: layers.Conv2D(6, (3, 5), name="unit"),
        lambda: nn.Conv2d(4, 6, (3, 5)),
    ),
    "grouped convolution": (
        lambda: layers.Conv2D(6, 3, groups=2, use_bias=False, name="unit"),
        lambda: nn.Conv2d(4, 6, 3, groups=2, bias=False),
    ),
    "depthwise": (
        lambda: layers.DepthwiseConv2D(3, name="unit"),
        lambda: nn.Conv2d(4, 4, 3, groups=4),
    ),
    "depthwise with a multiplier": (
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, name="unit"),
        lambda: nn.Conv2d(4, 8, 3, groups=4),
    ),
    "transposed": (
        lambda: layers.Conv2DTranspose(5, 3, strides=2, name="unit"),
        lambda: nn.ConvTranspose2d(4, 5, 3, stride=2),
    ),
    "batch norm": (
        lambda: layers.BatchNormalization(epsilon=1e-5, name="unit"),
        lambda: nn.BatchNorm2d(4),
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_a_layer_answers_like_its_torch_original(kind: str) -> None:
    make_keras, make_torch = PAIRS[kind]
    original = make_torch().eval()
    with torch.no_grad():
        for weight in original.state_dict().values():
            if weight.is_floating_point():
                weight.copy_(torch.rand_like(weight) + 0.5)
    model = keras.Sequential([keras.Input((7, 9, 4)), make_keras()])
    state = {f"unit.{name}": weight.numpy() for name, weight in original.state_dict().items()}
    assert assign(model, state, TORCH) == ()
    x = np.random.default_rng(0).random((2, 7, 9, 4), np.float32)
    with torch.no_grad():
        expected = original(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy()
    assert np.allclose(model(x), expected.transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)


def test_dense_and_layer_norm_answer_like_their_torch_originals() -> None:
    original = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3))
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, name="0"),
            layers.LayerNormalization(epsilon=1e-5, name="1"),
        ]
    )
    state = {name: weight.numpy() for name, weight in original.state_dict().items()}
    state["1.weight"] = np.array([1, 2, 3], np.float32)[:, np.newaxis, np.newaxis]
    original[1].weight.data = torch.tensor([1.0, 2.0, 3.0])
    assign(model, state, TORCH)
    x = np.random.default_rng(0).random((2, 4), np.float32)
    expected = original(torch.from_numpy(x)).detach().numpy()
    assert np.allclose(model(x), expected, rtol=1e-5, atol=1e-5)


def two_layers() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 1, name="stem-conv"),
            layers.BatchNormalization(scale=False, name="stem-conv-BatchNorm"),
            layers.Conv2D(2, 1, use_bias=False, name="head"),
        ],
        name="small",
    )


def two_layers_arrays() -> dict[str, np.ndarray]:
    return {
        "stem/conv/weights": np.full((1, 1, 3, 4), 2, np.float32),
        "stem/conv/biases": np.full(4, 3, np.float32),
        "stem/conv/BatchNorm/beta": np.full(4, 4, np.float32),
        "stem/conv/BatchNorm/moving_mean": np.full(4, 5, np.float32),
        "stem/conv/BatchNorm/moving_variance": np.full(4, 6, np.float32),
        "head/weights": np.full((1, 1, 4, 2), 7, np.float32),
    }


def test_scopes_of_tensorflow_1_find_layers_of_the_same_names() -> None:
    model = two_layers()
    assign(model, two_layers_arrays(), TF1)
    assert [float(np.ravel(variable)[0]) for variable in model.variables] == [2, 3, 4, 5, 6, 7]


def test_every_problem_is_listed_and_nothing_is_loaded() -> None:
    model, arrays = two_layers(), two_layers_arrays()
    before = model.get_weights()
    del arrays["head/weights"]
    arrays["head/bias"] = np.zeros(2, np.float32)
    arrays["stem/conv/biases"] = np.zeros(5, np.float32)
    with pytest.raises(ValueError, match="nothing was loaded") as error:
        assign(model, arrays, TF1)
    assert "missing from the file (1):\n    head.weights" in str(error.value)
    assert "left over in the file (1):\n    head.bias" in str(error.value)
    assert "stem.conv.biases: (5,) in the file, (4,) here" in str(error.value)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(old, new)


def test_a_part_is_loaded_only_when_asked_for() -> None:
    model, arrays = two_layers(), two_layers_arrays()
    del arrays["head/weights"]
    arrays["classifier/weights"] = np.zeros((4, 1000), np.float32)
    with pytest.raises(ValueError, match=r"left over in the file \(1\):\n    classifier.weights"):
        assign(model, arrays, TF1, only=["stem"])
    assert assign(model, arrays, TF1, only=["stem"], ignore=["classifier"]) == ("head",)
    assert float(np.ravel(model.get_layer("stem-conv").kernel)[0]) == 2


def test_a_part_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no layer of 'small' with weights lies under backbone"):
        assign(two_layers(), {}, TF1, only=["backbone"])


def test_kernel_of_a_bgr_network_is_reversed() -> None:
    model, arrays = two_layers(), two_layers_arrays()
    arrays["stem/conv/weights"] = np.arange(3, dtype=np.float32).reshape(1, 1, 3, 1).repeat(4, 3)
    assign(model, arrays, TF1, bgr_kernel="stem.conv")
    assert np.asarray(model.get_layer("stem-conv").kernel)[0, 0, :, 0].tolist() == [2, 1, 0]
