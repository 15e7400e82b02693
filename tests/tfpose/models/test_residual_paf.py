from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from estimator.spec import PoseSpec
from tfpose import models
from tfpose.evaluation import network as networks
from tfpose.weights import keras_files, loading


def with_boxes(name: str = "tfpose_s", stride: int = 16) -> PoseSpec:
    """A small network's spec that wants a map of boxes."""
    spec = models.spec(name, height=64, width=64)
    return replace(spec, outputs=replace(spec.outputs, boxes=stride))


def test_an_untrained_network_answers_near_zero() -> None:
    """Keras' own start of the heads gives maps of about 1: ten times the loss of a blank answer."""
    keras.utils.set_random_seed(1)
    model = models.build(models.spec("tfpose_s", height=64, width=64))
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    answer = model(image, training=True)
    for head, stages in answer.items():
        for stage in stages:
            assert float(np.abs(stage).mean()) < 0.2, head


def test_the_context_of_stride_32_adds_nothing_before_training() -> None:
    """So a network without it goes on from its weights unchanged (--start_layers=*)."""
    model = models.build(models.spec("tfpose_s", height=64, width=64))
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    before = model(image, training=False)["pafs"][-1]
    kernel = model.get_layer("stride32-0-conv1").kernel
    kernel.assign(10 * kernel)
    after = model(image, training=False)["pafs"][-1]
    np.testing.assert_array_equal(before, after)
    model.get_layer("up32").kernel.assign(model.get_layer("up32").kernel + 1)
    changed = model(image, training=False)["pafs"][-1]
    assert np.abs(np.asarray(changed) - np.asarray(after)).max() > 1e-3


def test_boxes_are_a_map_of_their_own_stride_and_leave_the_others_as_they_are() -> None:
    spec = with_boxes()
    model = models.build(spec)
    image = np.zeros((1, 64, 64, 3), np.float32)
    answer = {name: stages[-1].shape[1:] for name, stages in model(image).items()}
    assert (
        answer
        == spec.shapes()
        == models.spec("tfpose_s", height=64, width=64).shapes() | {"person_boxes": (4, 4, 5)}
    )


def test_a_stride_or_a_network_without_boxes_is_refused() -> None:
    for spec in (with_boxes(stride=32), with_boxes("mobilenet_v2_small")):
        with pytest.raises(ValueError, match="boxes at stride"):
            models.build(spec)


def test_weights_with_boxes_start_a_network_without(tmp_path: Path) -> None:
    """Whoever trains `tfpose_s` on their own keypoints starts from the file that ships."""
    spec = with_boxes()
    source = models.build(spec)
    keras_files.save_keras(source, spec, tmp_path / "boxes.keras")
    plain = replace(spec, outputs=replace(spec.outputs, boxes=0))
    target = models.build(plain)
    loading.load_weights(target, plain, tmp_path / "boxes.keras")
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    for head, stages in target(image).items():
        np.testing.assert_allclose(stages[-1], source(image)[head][-1], atol=2e-3)
    opened = networks.load(str(tmp_path / "boxes.keras"))
    assert set(opened.runner(image.astype(np.uint8))) == set(spec.channels)
