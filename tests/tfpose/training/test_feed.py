from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from estimator import skeletons
from tfpose import datasets, models
from tfpose.data.records import Record
from tfpose.losses.distillation import TeacherOptions
from tfpose.losses.maps import LossOptions, label_terms
from tfpose.pipeline import batches
from tfpose.training.feeds.feed import check_size, step_inputs
from tfpose.training.feeds.opening import open_feed
from tfpose.training.recipe import Recipe

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
    records = batches.from_records([record(index) for index in range(5)])
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


def crowd(index: int) -> Record:
    """Three people, whom nobody is to see: more than in the other set."""
    alone = record(index)
    people = {name: np.repeat(getattr(alone, name), 3, 0) for name in ("keypoints", "boxes")}
    areas = np.repeat(alone.areas, 3)
    return replace(alone, image_id=f"other {index}", areas=areas, **people)


@pytest.fixture
def two_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = {
        "made": batches.from_records([record(index) for index in range(5)]),
        "others": batches.from_records([crowd(index) for index in range(3)]),
    }
    skeleton = skeletons.get("openpose18")

    def load(name: str, *_: str, labelled: bool) -> tuple[tf.data.Dataset, object]:
        if labelled and name == "others":
            raise ValueError("others has no labels")
        return sets[name], skeleton

    monkeypatch.setattr(datasets, "load", load)


TAUGHT = replace(
    RECIPE,
    batch=4,
    unlabelled="others",
    unlabelled_share=0.25,
    teacher=TeacherOptions(model="lightweight_openpose_half"),
)


@pytest.mark.usefixtures("two_sets")
@pytest.mark.parametrize("encoder", ["default", "none"])
def test_unlabelled_pictures_are_a_share_of_every_batch(encoder: str) -> None:
    feed = open_feed(replace(TAUGHT, encoder=encoder), SPEC, batch=4, worker=(0, 1))
    assert feed.examples == 5 * 4 // 3
    for batch in feed.batches.take(3):
        names = [name.decode() for name in batch["image_id"].numpy()]
        assert [name.startswith("other") for name in names] == [False, False, False, True]
        inputs = step_inputs(batch)
        assert inputs["labelled"].numpy().tolist() == [1, 1, 1, 0]
        assert inputs["image"].shape == (4, 64, 64, 3)
        assert batch["keypoints"].shape == (4, 3, 18, 3)


@pytest.mark.usefixtures("two_sets")
def test_labels_of_unlabelled_pictures_do_not_count() -> None:
    batch = next(iter(open_feed(TAUGHT, SPEC, batch=4, worker=(0, 1)).batches))
    inputs = step_inputs(batch)
    outputs = {head: [tf.zeros_like(inputs[head])] for head in ("heatmaps", "pafs")}
    terms = label_terms(outputs, inputs, LossOptions(), background=True)
    for errors in terms.values():
        assert (errors.numpy() > 0).tolist() == [True, True, True, False]


@pytest.mark.usefixtures("two_sets")
def test_a_set_without_labels_cannot_be_both() -> None:
    with pytest.raises(ValueError, match="others has no labels"):
        open_feed(replace(TAUGHT, dataset="others"), SPEC, batch=4, worker=(0, 1))


@pytest.mark.usefixtures("two_sets")
def test_fewer_unlabelled_pictures_than_all_workers_take_are_refused() -> None:
    recipe = replace(TAUGHT, batch=8, unlabelled_share=0.5)
    with pytest.raises(ValueError, match=r"batch 4 is larger than data set others .* with 3"):
        open_feed(recipe, SPEC, batch=4, worker=(0, 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher": TeacherOptions()}, "unlabelled pictures .others. are for a teacher"),
        ({"unlabelled_share": 1.0}, "unlabelled_share must be between 0 and 1, found 1"),
    ],
)
def test_unlabelled_pictures_need_a_teacher_and_a_share(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TAUGHT, **changes)


def test_a_batch_without_room_for_both_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 1 has no room for unlabelled pictures"):
        open_feed(replace(TAUGHT, batch=1), SPEC, batch=1, worker=(0, 1))


@pytest.mark.usefixtures("two_sets")
def test_a_top_down_network_learns_from_whole_unlabelled_pictures() -> None:
    """As Fast Pose Distillation does: the picture fills the input, and no label counts."""
    top_down = models.spec("hg_s2_b1_mobile", skeleton=SPEC.skeleton, height=64, width=64)
    recipe = replace(TAUGHT, model=top_down.model)
    feed = open_feed(recipe, top_down, batch=4, worker=(0, 1))
    batch = next(iter(feed.batches))
    inputs = step_inputs(batch)
    assert inputs["labelled"].numpy().tolist() == [1, 1, 1, 0]
    assert inputs["weights"].numpy().any(axis=1).tolist() == [True, True, True, False]
    # From picture to input: the longer side fills it, and nothing is cut off.
    longer = max(crowd(0).height, crowd(0).width)
    assert batch["matrix"].numpy()[3, 0, 0] == pytest.approx(64 / longer, rel=1e-4)
    terms = label_terms({"heatmaps": [tf.zeros_like(inputs["heatmaps"])]}, inputs, LossOptions())
    assert (terms["heatmaps.1"].numpy() > 0).tolist() == [True, True, True, False]


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
