"""RTMPose and ViTPose answer like mmpose's and transformers' own networks."""

import keras
import numpy as np
import pytest

from tests.tfpose import golden_weights
from tfpose import models
from tfpose.blocks.layers import IMAGENET_DEVIATION, IMAGENET_MEAN
from tfpose.models import vitpose
from tfpose.weights.formats.assign import TORCH, assign


@pytest.mark.parametrize(
    "name",
    [
        "rtmpose_t",
        pytest.param("rtmpose_m", marks=pytest.mark.soak),
        "vitpose_s",
        pytest.param("vitpose_b", marks=pytest.mark.soak),
    ],
)
def test_a_network_answers_like_the_original(name: str) -> None:
    x = golden_weights.picture(name)
    image = np.asarray((x * IMAGENET_DEVIATION + IMAGENET_MEAN) * 255, np.float32)
    model = models.build(models.spec(name))
    parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert parameters == golden_weights.description(name)["parameters"]
    assign(model, golden_weights.weights(name), TORCH)
    expected = golden_weights.answers(name)
    outputs = [stages[-1] for stages in model(image).values()]
    assert len(outputs) == len(expected)
    for index, output in enumerate(outputs):
        assert expected[f"y{index}"].error(np.asarray(output)) < 2e-5
    keras.backend.clear_session()


def test_an_untrained_rtmpose_answers_nearly_nothing() -> None:
    """As mmpose's. With Keras's first weights bins were up to 60, and no keypoint was learnt."""
    keras.utils.set_random_seed(0)
    model = models.build(models.spec("rtmpose_t", height=64, width=64))
    noise = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    for (bins,) in model(noise, training=True).values():
        assert float(np.abs(bins).max()) < 1


@pytest.mark.parametrize("name", ["rtmpose_t", "vitpose_s"])
def test_an_open_size_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="one size of input"):
        models.build(models.spec(name), flexible=True)


def original_names(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same weights as ViTPose's own program saves them."""
    found = {}
    for name, array in state.items():
        layer = name.replace("backbone.encoder.layer.", "backbone.blocks.")
        for ours, theirs in (
            ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
            ("embeddings.position_embeddings", "pos_embed"),
            ("backbone.layernorm.", "backbone.last_norm."),
            ("layernorm_before", "norm1"),
            ("layernorm_after", "norm2"),
            ("attention.output.dense", "attn.proj"),
            ("head.deconv1.", "keypoint_head.deconv_layers.0."),
            ("head.batchnorm1.", "keypoint_head.deconv_layers.1."),
            ("head.deconv2.", "keypoint_head.deconv_layers.3."),
            ("head.batchnorm2.", "keypoint_head.deconv_layers.4."),
            ("head.conv.", "keypoint_head.final_layer."),
        ):
            layer = layer.replace(ours, theirs)
        if ".attention.attention.query." in layer:
            parts = [name.replace("query", part) for part in ("query", "key", "value")]
            layer = layer.replace(".attention.attention.query.", ".attn.qkv.")
            array = np.concatenate([state[part] for part in parts])
        if ".attention.attention." not in layer:
            found[layer] = array
    return found


def test_the_original_programs_names_are_read() -> None:
    state = {
        name: np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        for name, shape in golden_weights.description("vitpose_b")["state_dict"]
        if "encoder" not in name or ".layer.0." in name
    }
    theirs = original_names(state)
    assert "backbone.blocks.0.attn.qkv.weight" in theirs
    again = vitpose.renamed(theirs)
    assert again.keys() == state.keys()
    assert all(np.array_equal(again[name], state[name]) for name in state)
    assert vitpose.renamed(state).keys() == state.keys()


def test_the_autoencoder_that_vitpose_starts_from_has_the_backbones_names() -> None:
    found = vitpose.renamed({"blocks.0.norm1.weight": np.ones(3), "norm.bias": np.ones(3)})
    assert list(found) == [
        "backbone.encoder.layer.0.layernorm_before.weight",
        "backbone.layernorm.bias",
    ]
