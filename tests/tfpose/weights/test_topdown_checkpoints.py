"""The files of HRNet, LPN, Simple Baselines and hourglasses, as their programs save them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from estimator import bundle, skeletons
from estimator.spec import PoseSpec
from tests.tfpose import golden_weights
from tests.tfpose.import_process import import_weights
from tfpose import models
from tfpose.weights import foreign

torch = pytest.importorskip("torch")
State = dict[str, Any]


def state(name: str) -> State:
    arrays = golden_weights.weights(name)
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


def network(name: str, **changes: Any) -> tuple[keras.Model, PoseSpec]:
    spec = models.spec(name, height=64, width=64, **changes)
    return models.build(spec), spec


def bare(state: State) -> State:
    """HRNet's published files, its `final_state.pth` and `model_best.pth`."""
    return state


def humanpose(state: State) -> State:
    """cavalleria/humanpose.pytorch's and HRNet's `checkpoint.pth`: "model" is the model's name."""
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    extra = {"epoch": 210, "perf": np.float64(0.71), "optimizer": {}, "best_state_dict": state}
    return {"model": "pose_hrnet", "state_dict": parallel, **extra}


def hourglass(state: State) -> State:
    """Fast Pose Distillation's `model_best.pth.tar`."""
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    return {"epoch": 90, "arch": "hg", "state_dict": parallel, "best_acc": 0.85, "optimizer": {}}


@pytest.mark.parametrize(
    ("name", "wrap", "file"),
    [
        ("hrnet_w18_v1", bare, "pose_hrnet_256x192.pth"),
        ("hrnet_w18_v1", humanpose, "checkpoint.pth"),
        ("lpn_18", humanpose, "checkpoint.pth"),
        ("hg_s2_b1_mobile", hourglass, "model_best.pth.tar"),
    ],
)
def test_a_checkpoint_loads_as_the_original_saves_it(
    tmp_path: Path, name: str, wrap: Callable[[State], State], file: str
) -> None:
    weights = state(name)
    torch.save(wrap(weights), tmp_path / file)
    model, spec = network(name)
    assert foreign.load(model, spec, tmp_path / file) == ()
    kernel = weights["conv1.weight"].numpy().transpose(2, 3, 1, 0)
    assert np.array_equal(model.get_layer("conv1").kernel, kernel)
    variance = weights["bn1.running_var"].numpy()
    assert np.array_equal(model.get_layer("bn1").moving_variance, variance)


def test_weights_of_another_skeleton_say_so_and_load_with_theirs(tmp_path: Path) -> None:
    weights = state("hrnet_w18_v1")
    for part in ("weight", "bias"):
        weights[f"final_layer.{part}"] = weights[f"final_layer.{part}"][:16]
    torch.save(weights, tmp_path / "mpii.pth")
    model, spec = network("hrnet_w18_v1")
    before = model.get_weights()
    with pytest.raises(
        ValueError, match=r"is of 16 keypoints, coco17 has 17: .*nothing was loaded"
    ):
        foreign.load(model, spec, tmp_path / "mpii.pth")
    assert all(map(np.array_equal, before, model.get_weights()))
    model, spec = network("hrnet_w18_v1", skeleton=skeletons.get("mpii16"))
    assert foreign.load(model, spec, tmp_path / "mpii.pth") == ()


def imagenet_hrnet() -> State:
    weights = {
        name: tensor
        for name, tensor in state("hrnet_w18_v1").items()
        if not name.startswith("final_layer")
    }
    weights["stage4.0.fuse_layers.1.0.0.0.weight"] = torch.zeros(32, 16, 3, 3)
    weights["incre_modules.0.0.conv1.weight"] = torch.zeros(32, 16, 1, 1)
    weights["downsamp_modules.0.0.weight"] = torch.zeros(256, 128, 3, 3)
    weights["final_layer.0.weight"] = torch.zeros(2048, 1024, 1, 1)
    weights["classifier.weight"] = torch.zeros(1000, 2048)
    return weights


def imagenet_resnet() -> State:
    weights = {
        name: tensor
        for name, tensor in state("pose_resnet_50").items()
        if not name.startswith(("deconv_layers", "final_layer"))
        and not name.endswith("num_batches_tracked")  # the file of 2017 has none
    }
    return weights | {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}


@pytest.mark.parametrize(
    ("name", "weights", "left"),
    [
        ("hrnet_w18_v1", imagenet_hrnet, {"final_layer"}),
        (
            "pose_resnet_50",
            imagenet_resnet,
            {"final_layer", *(f"deconv_layers.{place}" for place in (0, 1, 3, 4, 6, 7))},
        ),
    ],
)
def test_a_classifier_gives_its_backbone_when_asked_and_only_then(
    tmp_path: Path, name: str, weights: Callable[[], State], left: set[str]
) -> None:
    torch.save(weights(), tmp_path / "imagenet.pth")
    model, spec = network(name)
    with pytest.raises(ValueError, match=r"missing from the file(.|\n)*left over in the file"):
        foreign.load(model, spec, tmp_path / "imagenet.pth")
    head = np.asarray(model.get_layer("final_layer").kernel)
    assert set(foreign.load(model, spec, tmp_path / "imagenet.pth", backbone=True)) == left
    assert np.array_equal(model.get_layer("final_layer").kernel, head)


def test_a_classifier_that_lacks_a_layer_is_refused(tmp_path: Path) -> None:
    weights = imagenet_hrnet()
    del weights["stage3.0.branches.1.0.conv1.weight"]
    torch.save(weights, tmp_path / "imagenet.pth")
    model, spec = network("hrnet_w18_v1")
    with pytest.raises(ValueError, match=r"\(1\):\n +stage3\.0\.branches\.1\.0\.conv1\.weight$"):
        foreign.load(model, spec, tmp_path / "imagenet.pth", backbone=True)


def test_lpn_starts_from_no_classifier(tmp_path: Path) -> None:
    model, spec = network("lpn_18")
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="lpn_18 starts from no classifier"):
        foreign.load(model, spec, tmp_path / "a.pth", backbone=True)


def without_a_layer(weights: State) -> State:
    return {name: tensor for name, tensor in weights.items() if not name.startswith("layer2.0.bn2")}


def misshapen(weights: State) -> State:
    return weights | {"layer3.0.conv1.weight": torch.zeros(256, 4, 3, 3)}


def with_an_extra_layer(weights: State) -> State:
    return weights | {"layer5.0.conv1.weight": torch.zeros(1)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_a_layer, r"missing from the file \(4\):\n +layer2\.0\.bn2\.weight"),
        (misshapen, r"layer3\.0\.conv1\.weight: \(256, 4, 3, 3\) in the file, \(3, 3, 2, 256\)"),
        (with_an_extra_layer, r"left over in the file \(1\):\n +layer5\.0\.conv1\.weight"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(
    tmp_path: Path, change: Callable[[State], State], message: str
) -> None:
    torch.save(change(state("lpn_18")), tmp_path / "lpn.pth")
    model, spec = network("lpn_18")
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        foreign.load(model, spec, tmp_path / "lpn.pth")
    assert all(map(np.array_equal, before, model.get_weights()))


def test_another_network_and_half_a_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hg.pth.tar"
    torch.save(hourglass(state("hg_s2_b1_mobile")), path)
    model, spec = network("lpn_18")
    before = model.get_weights()
    with pytest.raises(ValueError, match="do not fit 'lpn_18', and nothing was loaded"):
        foreign.load(model, spec, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="is cut off: it begins as a zip"):
        foreign.load(model, spec, path)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_imported_maps_are_read_where_the_original_reads_them(tmp_path: Path) -> None:
    source, out = tmp_path / "mpii.pth", tmp_path / "hrnet.tflite"
    weights = state("hrnet_w18_v1")
    for part in ("weight", "bias"):
        weights[f"final_layer.{part}"] = weights[f"final_layer.{part}"][:16]
    torch.save(weights, source)
    flags = ("--skeleton=mpii16", "--height=64", "--width=64")
    done = import_weights("hrnet_w18_v1", source, out, *flags)
    assert done.returncode == 0, done.stderr
    spec = bundle.read(out)
    assert (spec.skeleton.name, spec.decoder.offset) == ("mpii16", -1.5)


def test_the_hourglass_and_what_we_train_need_no_offset() -> None:
    for name in ("hg_s8_b1", "lightweight_openpose"):
        assert foreign.original_spec(models.spec(name)) == models.spec(name)
    assert models.spec("hrnet_w32").decoder.offset == 0
