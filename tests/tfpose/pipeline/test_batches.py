from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from augment import policy
from augment.policy import AugmentPolicy
from estimator import skeletons
from estimator.decoders import heatmap, paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec
from tests.toy_skeleton import TOY
from tfpose.data.records import Record
from tfpose.pipeline import batches as input_pipeline
from tfpose.pipeline import targets

SPEC = PoseSpec(
    model="none",
    skeleton=TOY,
    image=ImageSpec(height=64, width=80),
    outputs=OutputSpec(),
    decoder=paf.Parameters(),
)
TOP_DOWN = PoseSpec(
    model="none",
    skeleton=TOY,
    image=ImageSpec(height=64, width=48, fit="crop"),
    outputs=OutputSpec(stride=4, background=False, pafs=False),
    decoder=heatmap.Parameters(),
)
MOVING = policy.get("lightweight_openpose")


def record(number: int, people: int = 1) -> Record:
    rng = np.random.default_rng(number)
    image = rng.integers(0, 256, (30, 40, 3), np.uint8)
    keypoints = rng.uniform((5, 5, 1), (35, 25, 1), (people, 5, 3)).astype(np.float32)
    kind = ".png" if number % 2 else ".jpg"
    return Record(
        image=bytes(cv2.imencode(kind, image)[1]),
        image_id=f"{number:02d}",
        height=30,
        width=40,
        keypoints=keypoints,
        boxes=np.float32([[4, 4, 30, 22]] * people).reshape(-1, 4),
        areas=np.float32([700] * people),
    )


RECORDS = [record(number, people=number % 3) for number in range(10)]
SET = input_pipeline.from_records(RECORDS)
GIVEN = {"spec": SPEC, "skeleton": TOY, "policy": MOVING}


def training(records: tf.data.Dataset = SET, **changes: object) -> tf.data.Dataset:
    found = {name: changes.pop(name, default) for name, default in GIVEN.items()}
    numbers = {"batch": 4, "seed": 3, "shuffle": 6, "threads": 2} | changes
    options = input_pipeline.BatchOptions(**numbers)  # type: ignore[arg-type]
    return input_pipeline.training(records, options=options, **found)  # type: ignore[arg-type]


def names(batch: dict[str, tf.Tensor]) -> list[str]:
    return [name.decode() for name in batch["image_id"].numpy()]


def equal(first: dict[str, tf.Tensor], second: dict[str, tf.Tensor]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first | second)


def test_records_come_back_as_they_were() -> None:
    for kept, found in zip(RECORDS, SET, strict=True):
        assert found["image"].numpy() == kept.image
        assert found["image_id"].numpy().decode() == kept.image_id
        for name in ("height", "width", "keypoints", "boxes", "areas"):
            assert np.array_equal(found[name], getattr(kept, name))


def test_a_batch_has_what_a_bottom_up_trainer_needs() -> None:
    batch = next(iter(training()))
    people = batch["keypoints"].shape[1]
    shapes = {name: tuple(part.shape) for name, part in batch.items()}
    assert shapes == {
        "image": (4, 64, 80, 3),
        "heatmaps": (4, 8, 10, 6),
        "pafs": (4, 8, 10, 8),
        "mask": (4, 8, 10),
        "keypoints": (4, people, 5, 3),
        "matrix": (4, 3, 3),
        "image_id": (4,),
        "person": (4,),
        "skipped": (),
    }
    assert batch["image"].dtype == tf.uint8


def test_a_batch_has_what_a_top_down_trainer_needs() -> None:
    batch = next(iter(training(spec=TOP_DOWN, policy=policy.get("hrnet"))))
    assert batch["heatmaps"].shape == (4, 16, 12, 5)
    assert batch["weights"].shape == (4, 5)
    assert batch["keypoints"].shape == (4, 1, 5, 3)
    assert "pafs" not in batch
    assert "mask" not in batch


def test_graphs_know_their_shapes_beforehand() -> None:
    specs = training().element_spec
    assert specs["image"].shape == (4, 64, 80, 3)
    assert specs["heatmaps"].shape == (4, 8, 10, 6)
    assert specs["pafs"].shape == (4, 8, 10, 8)
    assert specs["mask"].shape == (4, 8, 10)


def test_every_record_is_seen_once_an_epoch_and_every_epoch_otherwise() -> None:
    batches = list(training(batch=5, epochs=3))
    assert len(batches) == 6
    orders = [names(batches[2 * epoch]) + names(batches[2 * epoch + 1]) for epoch in range(3)]
    assert all(sorted(order) == [one.image_id for one in RECORDS] for order in orders)
    assert len(set(map(tuple, orders))) == 3
    matrices = {
        name: {
            tuple(np.ravel(b["matrix"][i]))
            for b in batches
            for i in range(5)
            if names(b)[i] == name
        }
        for name in orders[0]
    }
    assert all(len(found) == 3 for found in matrices.values())


def test_a_top_down_epoch_is_every_labelled_person_with_a_box() -> None:
    lost, flat = record(11, people=2), record(13, people=2)
    lost.keypoints[1] = 0
    flat.boxes[0, 2] = 0
    dataset = input_pipeline.from_records([*RECORDS, lost, flat])
    batches = list(training(dataset, spec=TOP_DOWN, policy=AugmentPolicy(), batch=1, epochs=1))
    seen = sorted((names(batch)[0], int(batch["person"][0])) for batch in batches)
    expected = [(one.image_id, person) for one in RECORDS for person in range(len(one.keypoints))]
    assert seen == [*expected, ("11", 0), ("13", 1)]


def test_the_same_seed_gives_the_same_batches_whatever_the_threads() -> None:
    for first, second in zip(training().take(6), training(threads=1).take(6), strict=True):
        assert equal(first, second)


def test_another_seed_gives_another_order_and_other_samples() -> None:
    first = next(iter(training(epochs=1, batch=10)))
    second = next(iter(training(epochs=1, batch=10, seed=4)))
    assert names(first) != names(second)
    third = next(iter(training(epochs=1, batch=10, shuffle=1)))
    fourth = next(iter(training(epochs=1, batch=10, shuffle=1, seed=4)))
    assert names(third) == names(fourth) == [one.image_id for one in RECORDS]
    assert not np.allclose(third["matrix"], fourth["matrix"])


@pytest.mark.parametrize("global_seed", [0, 7])
def test_tensorflows_global_seed_changes_nothing(global_seed: int) -> None:
    before = next(iter(training(epochs=1, batch=10)))
    tf.random.set_seed(global_seed)
    assert equal(next(iter(training(epochs=1, batch=10))), before)


@pytest.mark.parametrize(("cache", "shuffle"), [(None, 6), ("", 6), ("file", 6), (None, 1)])
def test_a_checkpoint_resumes_with_the_very_next_batch(
    tmp_path: Path, cache: str | None, shuffle: int
) -> None:
    if cache == "file":
        cache = str(tmp_path / "cache")
    dataset = training(cache=cache, shuffle=shuffle)
    whole = list(dataset.take(9))  # 36 samples, more than three epochs
    iterator = iter(dataset)
    for _ in range(4):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "at4"))
    del iterator
    again = iter(training(cache=cache, shuffle=shuffle))
    tf.train.Checkpoint(iterator=again).restore(path)
    for expected in whole[4:]:
        assert equal(expected, next(again))


def test_a_top_down_checkpoint_resumes_within_a_picture(tmp_path: Path) -> None:
    options = {"spec": TOP_DOWN, "policy": policy.get("hrnet"), "batch": 1}
    whole = list(training(**options).take(12))
    iterator = iter(training(**options))
    for _ in range(5):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "at5"))
    again = iter(training(**options))
    tf.train.Checkpoint(iterator=again).restore(path)
    assert all(equal(expected, next(again)) for expected in whole[5:])


def test_a_broken_picture_is_named_counted_and_skipped(capfd: pytest.CaptureFixture[str]) -> None:
    broken = replace(record(77), image=RECORDS[0].image[:-40])
    wrong = replace(record(78), height=31)
    dataset = input_pipeline.from_records([RECORDS[0], broken, RECORDS[1], wrong, RECORDS[2]])
    batches = list(training(dataset, epochs=2, batch=3, shuffle=1))
    assert [names(batch) for batch in batches] == [["00", "01", "02"]] * 2
    assert [int(batch["skipped"]) for batch in batches] == [2, 4]
    told = capfd.readouterr().err
    assert told.count("input pipeline: skipped 77 (its picture") == 2
    assert told.count("input pipeline: skipped 78 (its picture") == 2


def test_the_count_of_skipped_pictures_survives_a_checkpoint(tmp_path: Path) -> None:
    broken = replace(record(77), image=b"")
    dataset = input_pipeline.from_records([broken, RECORDS[0]])
    iterator = iter(training(dataset, batch=1, shuffle=1))
    assert [int(next(iterator)["skipped"]) for _ in range(2)] == [1, 2]
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "at2"))
    again = iter(training(dataset, batch=1, shuffle=1))
    tf.train.Checkpoint(iterator=again).restore(path)
    assert int(next(again)["skipped"]) == 3


def test_a_share_of_the_pictures_without_people_is_kept() -> None:
    empty = [record(number, people=0) for number in range(60)]
    dataset = input_pipeline.from_records([*empty, record(99)])
    chosen = AugmentPolicy(empty=0.2)
    epochs = [
        {
            names(batch)[0]
            for batch in training(dataset, policy=chosen, batch=1, epochs=1, seed=seed)
        }
        for seed in (0, 1)
    ]
    assert all(3 < len(seen) < 26 for seen in epochs)
    assert all("99" in seen for seen in epochs)
    assert epochs[0] != epochs[1]


def test_targets_in_the_trainers_graph_are_the_pipelines() -> None:
    with_targets, without = next(iter(training())), next(iter(training(encoder="none")))
    assert "heatmaps" not in without
    drawn = tf.function(lambda keypoints: targets.render(keypoints, SPEC))(without["keypoints"])
    for name, value in drawn.items():
        np.testing.assert_allclose(with_targets[name], value, atol=1e-6)


def test_the_encoder_is_a_choice() -> None:
    default, legacy = (
        next(iter(training(encoder=encoder))) for encoder in ("default", "lightweight_openpose")
    )
    assert legacy["pafs"].shape == default["pafs"].shape
    assert not np.allclose(legacy["pafs"], default["pafs"])


def test_evaluation_is_every_record_once_in_order_and_whole() -> None:
    batches = list(
        input_pipeline.evaluation(
            SET, SPEC, skeleton=TOY, options=input_pipeline.BatchOptions(batch=4)
        )
    )
    assert [len(names(batch)) for batch in batches] == [4, 4, 2]
    assert [name for batch in batches for name in names(batch)] == [one.image_id for one in RECORDS]
    # 40x30 into 80x64: doubled, two pixels of padding above and below, the second one blended.
    for batch in batches:
        np.testing.assert_allclose(batch["matrix"][0], [[2, 0, 0.5], [0, 2, 2.5], [0, 0, 1]])
        assert (batch["image"][:, :1].numpy() == 128).all()


def test_a_record_without_people_trains() -> None:
    dataset = input_pipeline.from_records([record(0, people=0)])
    batch = next(iter(training(dataset, batch=2)))
    assert batch["keypoints"].shape == (2, 0, 5, 3)
    assert (batch["heatmaps"][..., -1].numpy() == 1).all()


def test_the_datas_skeleton_may_be_another() -> None:
    coco, openpose = skeletons.get("coco17"), skeletons.get("openpose18")
    whole = record(1)
    keypoints = np.tile(np.float32([20, 15, 2]), (1, 17, 1))
    dataset = input_pipeline.from_records([replace(whole, keypoints=keypoints)])
    batch = next(iter(training(dataset, skeleton=coco, spec=replace(SPEC, skeleton=openpose))))
    assert batch["heatmaps"].shape == (4, 8, 10, 19)
    assert (batch["keypoints"][0, 0, openpose.keypoints.index("neck"), 2] == 2).numpy()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 0}, "batch must be at least 1, found 0"),
        ({"shuffle": 0}, "shuffle must be at least 1, found 0"),
        ({"epochs": 0}, "epochs must be at least 1, found 0"),
        ({"encoder": "none of these"}, "encoder must be one of default"),
        ({"records": SET.take(0)}, "there are no records"),
        ({"spec": TOP_DOWN}, "a top-down sample shows a person's box, not the frame 'person'"),
    ],
)
def test_an_impossible_pipeline_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        training(**change)  # type: ignore[arg-type]


def test_no_records_are_refused() -> None:
    with pytest.raises(ValueError, match="there are no records"):
        input_pipeline.from_records([])
