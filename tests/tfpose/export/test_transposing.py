import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tfpose.export import tflite
from tfpose.export.transposing import without_depth_to_space


def network(size: int | None = 8, *, bias: bool = True) -> keras.Model:
    """Two doublings behind 1x1 convolutions, and one behind a ReLU, which stays."""
    image = keras.Input(batch_shape=(1, size, size, 3), name="image")
    x = keras.layers.Conv2D(8, 1, use_bias=bias, name="up")(image)
    x = keras.layers.ReLU()(keras.ops.depth_to_space(x, 2))
    y = keras.layers.Conv2D(12, 1, name="up_again")(x)
    y = keras.ops.depth_to_space(y, 2)
    z = keras.ops.depth_to_space(keras.layers.Conv2D(4, 1, activation="relu")(x), 2)
    model = keras.Model(image, {"heatmaps": y, "pafs": z})
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.standard_normal(weight.shape))
    return model


@pytest.mark.parametrize("bias", [True, False])
def test_the_answers_stay_and_the_operation_goes(bias: bool) -> None:
    before = network(bias=bias)
    after = without_depth_to_space(before)
    image = np.random.default_rng(1).uniform(0, 1, (1, 8, 8, 3)).astype(np.float32)
    for name, expected in before(image).items():
        assert np.allclose(after(image)[name], expected, atol=1e-5)
    flatbuffer = tflite.to_tflite(after)
    steps = [s["op_name"] for s in Interpreter(model_content=flatbuffer)._get_ops_details()]
    assert steps.count("TRANSPOSE_CONV") == 2
    assert steps.count("DEPTH_TO_SPACE") == 1


def test_an_open_size_is_refused() -> None:
    with pytest.raises(ValueError, match="--fixed"):
        without_depth_to_space(network(None))
