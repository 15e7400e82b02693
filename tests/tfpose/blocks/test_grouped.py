from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfpose.blocks.grouped import GroupedConv2D, GroupedConv2DTranspose
from tfpose.weights.formats.assign import TORCH, assign

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)


def pair(
    layer: keras.layers.Layer, original: object, channels: int
) -> tuple[keras.Model, np.ndarray, np.ndarray]:
    """A network of the layer with the original's weights, a picture, and the original's answer."""
    model = keras.Sequential([keras.Input((6, 7, channels)), layer])
    state = original.state_dict()  # type: ignore[attr-defined]
    assign(model, {f"unit.{name}": tensor.numpy() for name, tensor in state.items()}, TORCH)
    x = RNG.standard_normal((2, 6, 7, channels)).astype(np.float32)
    with torch.no_grad():
        expected = original(torch.from_numpy(x.transpose(0, 3, 1, 2)))  # type: ignore[operator]
    return model, x, expected.numpy().transpose(0, 2, 3, 1)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("channels", "filters", "groups"), [(8, 8, 4), (8, 16, 4), (6, 4, 2)])
@pytest.mark.parametrize(
    ("stride", "dilation", "bias"), [(1, 1, False), (2, 1, True), (1, 2, False)]
)
def test_both_forms_are_the_grouped_convolution_of_torch(
    channels: int, filters: int, groups: int, stride: int, dilation: int, bias: bool, training: bool
) -> None:
    model, x, expected = pair(
        GroupedConv2D(
            filters,
            3,
            groups=groups,
            strides=stride,
            dilation_rate=dilation,
            use_bias=bias,
            name="unit",
        ),
        torch.nn.Conv2d(
            channels, filters, 3, groups=groups, stride=stride, dilation=dilation, bias=bias
        ),
        channels,
    )
    assert np.allclose(model(x, training=training), expected, atol=1e-5)


def test_an_activation_is_applied_in_both_forms() -> None:
    layer = GroupedConv2D(4, 3, groups=2, activation="relu", padding="same")
    x = RNG.standard_normal((1, 5, 5, 4)).astype(np.float32)
    plain, trained = np.asarray(layer(x)), np.asarray(layer(x, training=True))
    assert plain.min() == trained.min() == 0
    assert np.allclose(plain, trained, atol=1e-6)


@pytest.mark.parametrize(("channels", "filters"), [(8, 4), (4, 4), (12, 4)])
def test_the_transposed_convolution_is_that_of_torch(channels: int, filters: int) -> None:
    model, x, expected = pair(
        GroupedConv2DTranspose(filters, name="unit"),
        torch.nn.ConvTranspose2d(
            channels, filters, 4, stride=2, padding=1, groups=filters, bias=False
        ),
        channels,
    )
    assert expected.shape == (2, 12, 14, filters)
    assert np.allclose(model(x), expected, atol=1e-5)
    assert model.output_shape == (None, 12, 14, filters)


@pytest.mark.parametrize("compiled", [False, True])
def test_training_reaches_every_number_of_the_kernels(compiled: bool) -> None:
    model = keras.Sequential(
        [
            keras.Input((6, 8, 8)),
            GroupedConv2D(8, 3, groups=4, padding="same"),
            GroupedConv2DTranspose(4),
        ]
    )

    def gradients(x: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True)))
        found: list[tf.Tensor] = tape.gradient(loss, model.trainable_variables)
        return found

    x = tf.constant(RNG.standard_normal((2, 6, 8, 8)), tf.float32)
    for gradient in (tf.function(gradients) if compiled else gradients)(x):
        assert np.all(np.asarray(gradient) != 0)


def test_a_saved_network_answers_the_same(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((None, None, 8)),
            GroupedConv2D(8, 3, groups=4),
            GroupedConv2DTranspose(4),
        ]
    )
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    x = RNG.standard_normal((1, 6, 8, 8)).astype(np.float32)
    assert np.array_equal(again(x), model(x))


def test_channels_that_make_no_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of its 4 groups, found 6"):
        GroupedConv2DTranspose(4)(np.zeros((1, 2, 2, 6), np.float32))
