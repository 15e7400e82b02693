import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from estimator import skeletons
from tests.tfpose import golden_weights
from tfpose import export, models
from tfpose.blocks.layer_names import original_name
from tfpose.blocks.layers import IMAGENET_DEVIATION, IMAGENET_MEAN
from tfpose.models import hourglass, hrnet, lpn, pose_resnet
from tfpose.weights.formats.assign import TORCH, assign

NAMES = sorted({**hrnet.VARIANTS, **lpn.VARIANTS, **pose_resnet.VARIANTS, **hourglass.VARIANTS})
GOLDEN = [name for name in NAMES if name != "pose_resnet_152"]  # the one without a golden file


def trainable(model: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def pictures(name: str, x: np.ndarray) -> np.ndarray:
    """The RGB 0..255 that a network normalises to x."""
    if name in hourglass.VARIANTS:
        return np.asarray((x + hourglass.MEAN) * 255, np.float32)
    return np.asarray((x * IMAGENET_DEVIATION + IMAGENET_MEAN) * 255, np.float32)


@pytest.mark.parametrize("name", GOLDEN)
def test_every_stage_answers_like_the_original(name: str) -> None:
    expected = golden_weights.answers(name)
    image = pictures(name, golden_weights.picture(name))
    model = models.build(models.spec(name, height=image.shape[1], width=image.shape[2]))
    assert trainable(model) == golden_weights.description(name)["parameters"]
    assign(model, golden_weights.weights(name), TORCH)
    answer = model(image)["heatmaps"]
    assert len(answer) == len(expected)
    for stage, maps in enumerate(answer):
        # In float32, 4e-6 and better was found: no network needs an exception.
        assert expected[f"y{stage}"].error(np.asarray(maps)) < 2e-5


def test_pose_resnet_152_has_torchvisions_backbone_and_the_head() -> None:
    backbone = 60_192_808 - 2_049_000  # torchvision's resnet152 without its `fc`
    head = 16 * 256 * (2048 + 256 + 256) + 3 * 2 * 256 + 17 * 257
    model = models.build(models.spec("pose_resnet_152", height=32, width=32))
    assert trainable(model) == backbone + head


@pytest.mark.parametrize(("stacks", "blocks", "millions"), [(1, 1, 3.59), (4, 1, 13.02)])
def test_any_number_of_stacks_builds(stacks: int, blocks: int, millions: float) -> None:
    spec = models.spec("hg_s2_b1", height=64, width=64)
    variant = hourglass.Variant(stacks=stacks, blocks=blocks)
    model = hourglass.build(spec, 64, 64, variant=variant)
    assert len(model.output["heatmaps"]) == stacks
    assert trainable(model) / 1e6 == pytest.approx(millions, abs=0.01)


def test_more_blocks_are_named_like_the_originals() -> None:
    spec = models.spec("hg_s2_b1", height=64, width=64)
    model = hourglass.build(spec, 64, 64, variant=hourglass.Variant(stacks=1, blocks=2))
    names = {original_name(layer.name) for layer in model.layers}
    assert {"hg.0.hg.3.2.1.conv2", "hg.0.hg.0.3.1.conv2", "res.0.1.conv3"} <= names


@pytest.mark.parametrize("change", [{"stacks": 0}, {"stacks": 2, "blocks": 0}])
def test_an_hourglass_of_nothing_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="stacks and blocks must be at least 1"):
        hourglass.Variant(**change)


@pytest.mark.parametrize("name", ["hrnet_w18_v1", "lpn_18", "lpn_50", "hg_s2_b1_mobile"])
def test_an_open_size_answers_like_a_fixed_one(name: str) -> None:
    """TFLite gets the fixed one, whose upsampling is another operator."""
    spec = models.spec(name, height=64, width=128)
    fixed, flexible = models.build(spec), models.build(spec, flexible=True)
    flexible.set_weights(fixed.get_weights())
    image = np.random.default_rng(0).uniform(0, 255, (2, 64, 128, 3)).astype(np.float32)
    expected = np.asarray(fixed(image)["heatmaps"][-1])
    assert expected.shape == (2, 16, 32, len(spec.skeleton.keypoints))
    assert np.allclose(flexible(image)["heatmaps"][-1], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_input_must_fit_the_coarsest_branch(name: str) -> None:
    spec = models.spec(name)
    assert spec.image.fit == "crop"
    assert spec.channels == {"heatmaps": len(spec.skeleton.keypoints)}
    with pytest.raises(ValueError, match=f"multiple of {spec.image.multiple}, .*found"):
        models.spec(name, height=spec.image.height + 4)


def test_the_heatmaps_of_a_stack_go_into_the_next_whatever_their_number() -> None:
    skeleton = skeletons.get("coco17")
    model = models.build(models.spec("hg_s2_b1_mobile", skeleton=skeleton, height=64, width=64))
    assert model.get_layer("score_-0").kernel.shape == (1, 1, 17, 256)


def test_a_new_attention_block_adds_nothing() -> None:
    model = models.build(models.spec("lpn_18", height=32, width=32))
    for layer in model.layers:
        if layer.name.endswith("channel_add_conv-3"):
            assert not np.any(layer.kernel)
            assert not np.any(layer.bias)


@pytest.mark.parametrize(
    ("name", "multiplications"),
    [
        # 1 for the picture. Batch norm after a sum has nothing to fold into: once a residual block.
        ("hg_s2_b1_mobile", 1 + 31),
        # Three in each layer norm, and the batch norms behind the two DEPTH_TO_SPACE.
        ("lpn_18", 1 + 3 * 8 + 2),
        ("lpn_50", 1 + 3 * 16 + 2),
    ],
)
def test_every_other_batch_norm_is_folded(name: str, multiplications: int) -> None:
    spec = models.spec(name, height=128, width=128)
    model = models.build(spec)
    for layer in model.layers:  # as if trained: a norm of zeros and ones leaves nothing to fold
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(np.linspace(0.5, 1.5, layer.gamma.shape[0]))
            layer.beta.assign(np.linspace(-0.1, 0.1, layer.beta.shape[0]))
    network = export.deployed(model, spec, 128, 128)
    flatbuffer = export.to_tflite(network)
    assert export.compare(network, flatbuffer)["heatmaps"] < 1e-5
    steps = Interpreter(model_content=flatbuffer)._get_ops_details()
    assert sum(step["op_name"] == "MUL" for step in steps) == multiplications
