from pathlib import Path

import numpy as np
import pytest

from tests.tfpose import golden_weights
from tfpose import models
from tfpose.models import lightweight_openpose
from tfpose.weights.formats import human_pose_estimation_0001
from tfpose.weights.formats.assign import TF1, TORCH, assign


@pytest.mark.parametrize(
    ("name", "golden"),
    [
        ("lightweight_openpose", "lightweight_openpose_1stage"),
        ("lightweight_openpose_3stage", "lightweight_openpose_3stage"),
    ],
)
def test_every_stage_answers_like_the_original(name: str, golden: str) -> None:
    expected = golden_weights.answers(golden)
    image = (golden_weights.picture(golden)[..., ::-1] + 0.5) * 256
    model = models.build(models.spec(name, height=image.shape[1], width=image.shape[2]))
    assert _trainable(model) == golden_weights.description(golden)["parameters"]
    assign(
        model,
        golden_weights.weights(golden),
        TORCH,
        bgr_kernel=lightweight_openpose.BGR_KERNEL,
    )
    answer = model(image)
    for stage, (heatmaps, pafs) in enumerate(zip(answer["heatmaps"], answer["pafs"], strict=True)):
        heatmaps_error = expected[f"y{2 * stage}"].error(np.asarray(heatmaps))
        pafs_error = expected[f"y{2 * stage + 1}"].error(np.asarray(pafs))
        assert max(heatmaps_error, pafs_error) < 1e-4
    assert f"y{2 * stage + 2}" not in expected


def test_trained_0001_answers_a_photograph_like_the_original(shared: Path) -> None:
    with np.load(shared / "golden/human_pose_estimation_0001.npz") as file:
        expected = dict(file)
    model = models.build(models.spec("human_pose_estimation_0001"))
    arrays = human_pose_estimation_0001.read(shared / "weights/human_pose_estimation_0001.npz")
    assign(model, arrays, TF1, bgr_kernel=lightweight_openpose.BGR_KERNEL)
    assert _trainable(model) == sum(array.size for array in arrays.values())
    answer = model(expected["x_bgr"][..., ::-1].astype(np.float32))
    for name in ("heatmaps", "pafs"):
        first, last = answer[name]
        assert np.abs(np.asarray(first) - expected[f"stage1_{name}"]).max() < 1e-4
        assert np.abs(np.asarray(last) - expected[name]).max() < 1e-4


def test_a_missing_or_foreign_npz_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no weights at"):
        human_pose_estimation_0001.read(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match=r"not a \.npz"):
        human_pose_estimation_0001.read(tmp_path / "text.npz")


@pytest.mark.parametrize(("stages", "parameters"), [(0, 2.483e6), (2, 5.70e6)])
def test_any_number_of_refinement_stages_builds(stages: int, parameters: float) -> None:
    spec = models.spec("lightweight_openpose", height=64, width=64)
    variant = lightweight_openpose.Variant(refinement_stages=stages)
    model = lightweight_openpose.build(spec, 64, 64, variant=variant)
    assert _trainable(model) == pytest.approx(parameters, rel=1e-3)  # counted by the paper's repo
    assert len(model.output["pafs"]) == stages + 1


def test_half_the_width_is_a_quarter_of_the_kernels() -> None:
    half, whole = (
        models.build(models.spec(name, height=64, width=64))
        for name in ("lightweight_openpose_half", "lightweight_openpose")
    )
    assert 0.25 < _trainable(half) / _trainable(whole) < 0.27


def test_a_variant_without_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="width positive, found 1 and 0"):
        lightweight_openpose.Variant(width=0)


def _trainable(model: object) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)  # type: ignore[attr-defined]
