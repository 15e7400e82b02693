import keras
import numpy as np
import pytest

from tfpose import models
from tfpose.losses import hints
from tfpose.losses.hints import HintOptions


def test_the_error_is_the_mean_over_a_picture_where_hints_hold() -> None:
    predicted = np.zeros((2, 1, 2, 1), np.float32)
    target = np.array([[[[1.0], [3.0]]]] * 2, np.float32)  # mean square 5
    batch = {"hints": target, "hinted": np.array([1, 0], np.float32)}
    terms = hints.terms(predicted, batch, HintOptions(weight=0.5))
    assert np.asarray(terms["hints"]).tolist() == [2.5, 0]


def test_without_a_head_there_is_no_term() -> None:
    assert hints.terms(None, {}, HintOptions()) == {}


def test_the_head_reads_what_enters_the_layer_and_leaves_the_model_alone() -> None:
    model = models.build(models.spec("tfpose_s", height=32, width=32))
    before = [variable.path for variable in model.variables]
    network = hints.with_head(model, "stage1.0", 5)
    assert [variable.path for variable in model.variables] == before
    extra = {variable.path for variable in network.variables} - set(before)
    assert extra == {"hints/kernel", "hints/bias"}
    answer = network(np.zeros((1, 32, 32, 3), np.float32))
    assert answer["hints"].shape == (1, 4, 4, 5)
    assert list(model.output) == ["heatmaps", "pafs"]


def test_a_layer_that_is_not_there_is_refused() -> None:
    model = models.build(models.spec("tfpose_s", height=32, width=32))
    with pytest.raises(ValueError, match=r"tfpose_s has no layer 'neckk'; it has .*neck"):
        hints.entering(model, "neckk")
    with pytest.raises(ValueError, match="reads 3 tensors, not one"):
        hints.entering(model, "stage2.inputs")


def test_features_of_another_stride_are_refused() -> None:
    batch = {"hints": np.zeros((1, 4, 4, 2), np.float32), "hinted": np.ones(1, np.float32)}
    with pytest.raises(ValueError, match=r"features of \(2, 2\) cells.*the hints have \(4, 4\)"):
        hints.terms(keras.ops.zeros((1, 2, 2, 2)), batch, HintOptions(layer="x"))


def test_a_weight_must_be_positive() -> None:
    with pytest.raises(ValueError, match=r"hints\.weight must be positive"):
        HintOptions(layer="x", weight=0)
