"""Files of RTMPose and ViTPose, as mmpose, ViTPose's program and transformers save them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from estimator import skeletons
from estimator.spec import PoseSpec
from tests.tfpose import golden_weights
from tests.tfpose.models.test_modern_networks import original_names
from tfpose import models
from tfpose.weights import foreign

torch = pytest.importorskip("torch")


def mmpose(count: int = 17) -> dict[str, Any]:
    """A published rtmpose_t of so many keypoints: what mmpose's `publish_model.py` leaves."""
    weights = golden_weights.weights("rtmpose_t")
    for part in ("weight", "bias"):
        name = f"head.final_layer.{part}"
        weights[name] = golden_weights.torch_weight(name, (count, *weights[name].shape[1:]))
    weights["data_preprocessor.mean"] = np.zeros((3, 1, 1), np.float32)
    return {
        "meta": {
            "epoch": 420,
            "cfg": "model = dict(type='TopdownPoseEstimator')",
            "dataset_meta": {
                "dataset_name": "coco",
                "sigmas": np.full(count, 0.1, np.float32),
                "keypoint_colors": np.zeros((count, 3), np.uint8),
            },
        },
        "state_dict": {name: torch.from_numpy(np.asarray(a)) for name, a in weights.items()},
    }


def network(name: str, skeleton: str | None = None) -> tuple[keras.Model, PoseSpec]:
    spec = models.spec(name, skeleton=skeletons.get(skeleton) if skeleton else None)
    return models.build(spec), spec


@pytest.mark.parametrize(
    ("skeleton", "file"),
    [  # body7's and body8's are COCO's 17 keypoints
        ("coco17", "rtmpose-t_simcc-body7_pt-body7_420e-256x192-026a1439_20230504.pth"),
        ("halpe26", "rtmpose-t_simcc-body7_pt-body7-halpe26_700e-256x192-6020f8a6_20230605.pth"),
        ("coco_wholebody133", "rtmpose-t_simcc-ucoco_dw-ucoco_270e-256x192-dcf277bf.pth"),
    ],
)
def test_a_published_rtmpose_of_any_skeleton_loads(
    tmp_path: Path, skeleton: str, file: str
) -> None:
    count = len(skeletons.get(skeleton).keypoints)
    saved = mmpose(count)
    torch.save(saved, tmp_path / file)
    model, spec = network("rtmpose_t", skeleton)
    assert foreign.load(model, spec, tmp_path / file) == ()
    state = saved["state_dict"]
    assert np.array_equal(model.get_layer("head-gau").gamma, state["head.gau.gamma"].numpy())
    kernel = state["head.cls_x.weight"].numpy().T
    assert np.array_equal(model.get_layer("head-cls_x").kernel, kernel)
    assert foreign.original_spec(spec).decoder.offset == 0.25
    assert model.output["simcc_y"][0].shape == (None, count, 512)


def test_weights_of_another_skeleton_name_the_flag(tmp_path: Path) -> None:
    torch.save(mmpose(26), tmp_path / "halpe.pth")
    model, spec = network("rtmpose_t")
    with pytest.raises(ValueError, match=r"is of 26 keypoints, coco17 has 17: .*--skeleton"):
        foreign.load(model, spec, tmp_path / "halpe.pth")


def small_vitpose() -> tuple[keras.Model, PoseSpec, dict[str, np.ndarray]]:
    """A ViTPose of one block and its weights by transformers' names."""
    from tfpose.models import vitpose

    spec = models.spec("vitpose_s_classic")
    variant = vitpose.Variant(width=48, layers=1, heads=4)
    model = vitpose.build(spec, 256, 192, variant=variant)
    weights = {}
    for name, shape in golden_weights.description("vitpose_b")["state_dict"]:
        if "encoder" in name and ".layer.0." not in name:
            continue
        size = tuple({768: 48, 3072: 192}.get(length, length) for length in shape)
        weights[name] = golden_weights.torch_weight(name, size)
    return model, spec, weights


@pytest.mark.parametrize("file", ["model.safetensors", "vitpose-b.pth"])
def test_a_vitpose_loads_by_transformers_names_and_by_its_own(tmp_path: Path, file: str) -> None:
    model, spec, weights = small_vitpose()
    path = tmp_path / file
    if path.suffix == ".safetensors":
        safetensors = pytest.importorskip("safetensors.numpy")
        safetensors.save_file(weights, path)
    else:
        named = original_names(weights)
        torch.save(
            {"state_dict": {name: torch.from_numpy(array) for name, array in named.items()}}, path
        )
    assert foreign.load(model, spec, path) == ()
    query = model.get_layer("backbone-encoder-layer-0-attention-attention-query")
    wanted = weights["backbone.encoder.layer.0.attention.attention.query.weight"].T
    assert np.array_equal(query.kernel, wanted)
    assert foreign.original_spec(spec).decoder.corners


def test_a_vitpose_starts_from_an_autoencoder_of_another_size(tmp_path: Path) -> None:
    model, spec, weights = small_vitpose()
    theirs = {
        name.removeprefix("backbone.").replace("last_norm", "norm"): torch.from_numpy(array)
        for name, array in original_names(weights).items()
        if name.startswith("backbone.")
    }
    theirs |= {"cls_token": torch.zeros(1, 1, 48), "pos_embed": torch.zeros(1, 197, 48)}
    torch.save({"model": theirs}, tmp_path / "mae.pth")
    untouched = foreign.load(model, spec, tmp_path / "mae.pth", backbone=True)
    assert {name.partition(".")[0] for name in untouched} == {"backbone", "head"}
    assert [name for name in untouched if name.startswith("backbone")] == ["backbone.embeddings"]


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"not at all")
    model, spec, _ = small_vitpose()
    with pytest.raises(ValueError, match=r"cannot be read as a \.safetensors file"):
        foreign.load(model, spec, path)
    with pytest.raises(FileNotFoundError, match="no weights at"):
        foreign.load(model, spec, tmp_path / "none.safetensors")
