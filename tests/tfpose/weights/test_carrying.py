"""Weights carried over to other keypoints, on the small network of the tests."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from estimator import skeletons
from estimator.skeleton import Skeleton
from tests.tfpose import small_runs
from tfpose.weights import keras_files, loading, shipped

IMAGE = np.random.default_rng(3).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
OWN = Skeleton(
    name="own",
    keypoints=("left_wrist", "tail", "right_wrist", "right_elbow"),
    limbs=((2, 3), (0, 1)),  # the first is openpose18's elbow to wrist, the other way
    flip_pairs=((0, 2),),
    sigmas=(0.06, 0.06, 0.06, 0.07),
)


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


def saved(tmp_path: Path) -> tuple[keras.Model, Path]:
    """A network of openpose18 with weights that are far from zero."""
    model = small_runs.build(small_runs.spec(), 64, 64)
    random = np.random.default_rng(1)
    for variable in model.variables:
        variable.assign(random.normal(0, 0.1, variable.shape))
    path = tmp_path / "source.keras"
    keras_files.save_keras(model, small_runs.spec(), path)
    return model, path


def maps(model: keras.Model, head: str) -> Any:
    return np.asarray(model(IMAGE)[head][-1])[0]


def test_shared_keypoints_and_limbs_answer_as_before_and_new_ones_are_near_zero(
    tmp_path: Path,
) -> None:
    source, path = saved(tmp_path)
    spec = replace(small_runs.spec(), skeleton=OWN)
    model = small_runs.build(spec, 64, 64)
    for layer in ("initial_stage-heatmaps", "refinement_stages-0-heatmaps"):
        kernel = model.get_layer(layer).kernel
        kernel.assign(np.zeros(kernel.shape))  # so that new maps are 0
    for layer in ("initial_stage-pafs", "refinement_stages-0-pafs"):
        kernel = model.get_layer(layer).kernel
        kernel.assign(np.zeros(kernel.shape))
    loading.load_weights(model, spec, path)
    there = skeletons.get("openpose18").keypoints
    found, before = maps(model, "heatmaps"), maps(source, "heatmaps")
    first = np.asarray(model(IMAGE)["heatmaps"][0])[0]
    first_before = np.asarray(source(IMAGE)["heatmaps"][0])[0]
    for index, name in enumerate(OWN.keypoints):
        if name in there:
            column = there.index(name)
            assert np.allclose(first[..., index], first_before[..., column], atol=1e-5)
            assert np.ptp(found[..., index]) > 0.01
    assert not first[..., OWN.keypoints.index("tail")].any()
    assert np.allclose(first[..., -1], first_before[..., -1], atol=1e-5)  # the background
    limb = skeletons.get("openpose18").limbs.index((3, 4))
    field = np.asarray(model(IMAGE)["pafs"][0])[0][..., :2]
    field_before = np.asarray(source(IMAGE)["pafs"][0])[0][..., 2 * limb : 2 * limb + 2]
    assert np.allclose(field, -field_before, atol=1e-5)
    assert before.shape[:2] == found.shape[:2]


def test_a_later_stage_reads_shared_maps_as_before(tmp_path: Path) -> None:
    """With all of openpose18's keypoints and limbs in another order, every answer is the same."""
    source, path = saved(tmp_path)
    old = skeletons.get("openpose18")
    order = [*range(5, 18), *range(5)]
    place = {index: order.index(index) for index in range(18)}
    turned = Skeleton(
        name="turned",
        keypoints=tuple(old.keypoints[index] for index in order),
        limbs=tuple((place[end], place[start]) for start, end in old.limbs[::-1]),
        flip_pairs=tuple((place[a], place[b]) for a, b in old.flip_pairs),
        sigmas=tuple(old.sigmas[index] for index in order),
    )
    spec = replace(small_runs.spec(), skeleton=turned)
    model = small_runs.build(spec, 64, 64)
    loading.load_weights(model, spec, path)
    found, before = maps(model, "heatmaps"), maps(source, "heatmaps")
    assert np.allclose(found[..., :-1], before[..., order], atol=1e-4)
    fields = maps(model, "pafs").reshape(8, 8, 19, 2)
    fields_before = maps(source, "pafs").reshape(8, 8, 19, 2)
    assert np.allclose(fields, -fields_before[:, :, ::-1], atol=1e-4)


def test_another_network_is_refused_and_nothing_is_loaded(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    spec = replace(small_runs.spec("test_longer"), skeleton=OWN)
    with pytest.raises(ValueError, match="does not fit"):
        loading.load_weights(small_runs.build(spec, 64, 64), spec, path)


def test_training_begins_with_the_shipped_weights_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shipped.start("test_plain", "") == ""
    folder = tmp_path / "test_plain"
    folder.mkdir()
    (folder / shipped.FILE).touch()
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path)
    assert shipped.start("test_plain", "") == str(folder / shipped.FILE)
    assert shipped.start("test_plain", "none") == ""
    assert shipped.start("test_plain", "mine.keras") == "mine.keras"
