from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from estimator import skeletons
from tfpose import datasets, input_pipeline, models
from tfpose.feed import check_size, open_feed, step_inputs
from tfpose.recipe import Recipe
from tfpose.records import Record

SPEC = models.spec("lightweight_openpose_half", height=64, width=64)
RECIPE = Recipe(model=SPEC.model, dataset="made", batch=2, steps=1, height=64, width=64)


def record(index: int) -> Record:
    image = np.full((48, 64, 3), 40 * index, np.uint8)
    keypoints = np.zeros((1, 18, 3), np.float32)
    keypoints[0, :, 0], keypoints[0, :, 1], keypoints[0, :, 2] = 30, np.arange(18) + 10, 2
    return Record(
        image=tf.io.encode_png(image).numpy(),
        image_id=str(index),
        height=48,
        width=64,
        keypoints=keypoints,
        boxes=np.array([[20, 5, 20, 30]], np.float32),
        areas=np.array([600], np.float32),
    )


@pytest.fixture
def five(monkeypatch: pytest.MonkeyPatch) -> None:
    records = input_pipeline.from_records([record(index) for index in range(5)])
    loaded = records, skeletons.get("openpose18")
    monkeypatch.setattr(datasets, "load", lambda *_, **__: loaded)


@pytest.mark.usefixtures("five")
def test_a_feed_has_what_the_step_reads_and_counts_an_epoch() -> None:
    feed = open_feed(RECIPE, SPEC, batch=2, worker=(0, 1))
    assert feed.examples == 5
    inputs = step_inputs(next(iter(feed.batches)))
    shapes = {name: tuple(value.shape) for name, value in inputs.items()}
    assert shapes == {
        "image": (2, 64, 64, 3),
        "heatmaps": (2, 8, 8, 19),
        "pafs": (2, 8, 8, 38),
        "mask": (2, 8, 8),
    }


@pytest.mark.usefixtures("five")
def test_workers_read_different_records() -> None:
    seen = []
    for index in range(2):
        feed = open_feed(RECIPE, SPEC, batch=1, worker=(index, 2))
        seen.append({name for b in feed.batches.take(12) for name in b["image_id"].numpy()})
    assert seen == [{b"0", b"2", b"4"}, {b"1", b"3"}]


@pytest.mark.usefixtures("five")
def test_a_batch_larger_than_the_data_is_refused_though_the_recipe_knows_better() -> None:
    with pytest.raises(ValueError, match=r"batch 8 is larger than data set made .train. with 5"):
        open_feed(replace(RECIPE, batch=8, examples=1000), SPEC, batch=8, worker=(0, 1))


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="data set made is empty"):
        check_size(0, 4, "made")


def test_a_recipe_without_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match=r"names no data set.*coco"):
        open_feed(Recipe(model=SPEC.model, steps=1), SPEC, batch=1, worker=(0, 1))
