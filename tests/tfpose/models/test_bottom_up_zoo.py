import numpy as np
import pytest

from tests.tfpose import golden_weights
from tfpose import models
from tfpose.models import mobilenet
from tfpose.weights.formats.assign import TF1, assign

NAMES = ("cmu", "dsconv", "mobilenet", "mobilenet_accurate", "mobilenet_fast", "mobilenet_thin")


@pytest.mark.parametrize("name", NAMES)
def test_network_answers_like_the_original(name: str) -> None:
    expected = golden_weights.answers(name)
    x = golden_weights.picture(name)
    x = x if name == "cmu" else (x + 1) * 128
    image = x[..., ::-1].astype(np.float32)
    model = models.build(models.spec(name, height=image.shape[1], width=image.shape[2]))
    weights = golden_weights.weights(name)
    family = models.family_of(name)
    ignore = getattr(family, "UNUSED", ())
    assign(model, weights, TF1, bgr_kernel=family.BGR_KERNEL, ignore=ignore)
    answer = {key: [np.asarray(maps) for maps in stages] for key, stages in model(image).items()}
    last = np.concatenate((answer["heatmaps"][-1], answer["pafs"][-1]), axis=-1)
    errors = {
        "first_heatmaps": expected["first_heatmaps"].error(answer["heatmaps"][0]),
        "first_pafs": expected["first_pafs"].error(answer["pafs"][0]),
        "output": expected["output"].error(last),
    }
    assert max(errors.values()) < 1e-4, errors


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_the_originals_but_for_a_layer_that_nothing_reads(name: str) -> None:
    unused = sum(
        int(np.prod(shape))
        for variable, shape in golden_weights.description(name)["variables"]
        if name != "mobilenet_thin"
        and variable.replace("/", ".").startswith(mobilenet.UNUSED)
        and "moving" not in variable
    )
    model = models.build(models.spec(name, height=64, width=64))
    found = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert found == golden_weights.description(name)["parameters"] - unused
