import keras
import pytest

from tfpose import models
from tfpose.blocks.layer_names import keras_name, original_name, variable_name


def test_a_name_is_escaped_and_comes_back() -> None:
    for original in ("stem", "model.0.0", "MobilenetV1.Conv2d_1_depthwise.BatchNorm", "score_.0"):
        assert "." not in keras_name(original)
        assert original_name(keras_name(original)) == original


def test_a_name_that_could_not_come_back_is_refused() -> None:
    with pytest.raises(ValueError, match="name 'conv-1' without it"):
        keras_name("conv-1")


def test_a_variable_is_called_as_in_the_original() -> None:
    layer = keras.layers.Conv2D(1, 1, name=keras_name("fc.0"))
    layer.build((None, 1, 1, 1))
    assert [variable_name(variable) for variable in layer.weights] == ["fc.0/kernel", "fc.0/bias"]


@pytest.mark.parametrize("name", ["tfpose_s", "lightweight_openpose_half", "lpn_18"])
def test_no_layer_of_a_network_has_a_dot(name: str) -> None:
    model = models.build(models.spec(name, height=64, width=64))
    assert [layer.name for layer in model.layers if "." in layer.name] == []
