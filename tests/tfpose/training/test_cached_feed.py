from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from estimator import bundle, skeletons
from tests.tfpose import small_runs, toy_cache
from tfpose.losses.hints import HintOptions
from tfpose.teacher import cache as canvas_cache
from tfpose.teacher.cache import Cache
from tfpose.training import loop
from tfpose.training.feeds import cached
from tfpose.training.feeds.feed import TAUGHT, step_inputs
from tfpose.training.feeds.opening import open_feed
from tfpose.training.recipe import Recipe
from tfpose.training.run import iterate, spec_of
from tfpose.training.update.optimisers import Optimiser
from tfpose.weights import checkpoints, keras_files

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
BATCH = 4


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    with pytest.MonkeyPatch.context() as patch:
        small_runs.add_family(patch.setattr)
        return toy_cache.make(tmp_path_factory.mktemp("toy"))


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


def recipe(cache: Cache, **changes: Any) -> Recipe:
    base = replace(small_runs.RECIPE, canvases=str(cache.folder), policy="cached", batch=BATCH)
    return replace(base, **changes)


def batches(recipe: Recipe, count: int, worker: tuple[int, int] = (0, 1)) -> list[dict[str, Any]]:
    feed = open_feed(recipe, spec_of(recipe), batch=recipe.batch // worker[1], worker=worker)
    return [
        {name: value.numpy() for name, value in batch.items()} for batch in feed.batches.take(count)
    ]


def test_a_batch_has_windows_and_the_answers_to_them(cache: Cache) -> None:
    found = recipe(cache, policy="none", hints=HintOptions(layer="initial_stage.trunk"))
    (batch,) = batches(found, 1)
    assert {name: value.shape for name, value in step_inputs(batch).items()} == {
        "image": (4, 64, 64, 3),
        "labelled": (4,),
        "taught.heatmaps": (4, 8, 8, 19),
        "taught.pafs": (4, 8, 8, 38),
        "hints": (4, 8, 8, 16),
        "hinted": (4,),
    }
    assert batch["labelled"].tolist() == [0] * 4
    assert batch["hinted"].tolist() == [1] * 4
    kept = np.load(cache.path(0))
    for index, name in enumerate(batch["image_id"]):
        canvas = kept[int(name)]
        places = [
            (top, left)
            for top in range(5)
            for left in range(9)
            if (
                canvas["image"][8 * top : 8 * top + 64, 8 * left : 8 * left + 64]
                == batch["image"][index]
            ).all()
        ]
        assert len(places) == 1
        ((top, left),) = places
        for head in ("heatmaps", "pafs", "hints"):
            cells = canvas[head][top : top + 8, left : left + 8].astype(np.float32)
            expected = canvas_cache.decoded(head, cells)
            value = batch[head if head == "hints" else TAUGHT + head][index]
            people = slice(18 if head == "heatmaps" else None)
            np.testing.assert_allclose(value[..., people], expected[..., people], atol=1e-5)


def test_the_mirrored_window_is_the_window_of_the_mirrored_canvas(cache: Cache) -> None:
    """The canvas and its answers are mirrored by hand, names and directions spelt out."""
    row = np.load(cache.path(0))[0]
    canvas = {name: tf.constant(row[name]) for name in row.dtype.names}
    skeleton, left = cache.spec.skeleton, 3
    other = [
        name.replace("left", "?").replace("right", "left").replace("?", "right")
        for name in skeleton.keypoints
    ]
    order = [skeleton.keypoints.index(name) for name in other]
    by_hand = {name: value.numpy()[:, ::-1] for name, value in canvas.items()}
    by_hand["heatmaps"] = by_hand["heatmaps"][..., [*order, 18]]
    fields = canvas_cache.decoded("pafs", by_hand["pafs"].astype(np.float32))
    turned = np.empty_like(fields)
    for index, (start, end) in enumerate(skeleton.limbs):
        source = skeleton.limbs.index((order[start], order[end]))
        turned[..., 2 * index] = -fields[..., 2 * source]
        turned[..., 2 * index + 1] = fields[..., 2 * source + 1]
    part = cached.window(canvas, 1, left, 64, 64, 8)
    found = cached.mirrored(part, cache.spec)
    beside = 16 - 8 - left  # the window's place in a mirrored canvas of 16 cells
    expected = cached.window(by_hand, 1, beside, 64, 64, 8)
    np.testing.assert_array_equal(found["image"], expected["image"])
    np.testing.assert_allclose(found["heatmaps"], expected["heatmaps"])
    np.testing.assert_allclose(found["pafs"], turned[1:9, beside : beside + 8], atol=1e-6)


def test_mirrored_windows_have_no_hints(cache: Cache) -> None:
    found = recipe(cache, hints=HintOptions(layer="initial_stage.trunk"))
    hinted = np.concatenate([batch["hinted"] for batch in batches(found, 10)])
    assert 8 < hinted.sum() < 32


def test_an_epoch_has_every_canvas_once_and_the_next_another_order(cache: Cache) -> None:
    names = [name for batch in batches(recipe(cache), 9) for name in batch["image_id"].tolist()]
    epochs = [names[:12], names[12:24], names[24:]]
    assert all(sorted(map(int, epoch)) == list(range(12)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] != [str(number).encode() for number in range(12)]


def test_the_same_seed_gives_the_same_bits_and_another_one_others(cache: Cache) -> None:
    one, two = (batches(recipe(cache), 3) for _ in range(2))
    for first, second in zip(one, two, strict=True):
        for name, value in first.items():
            np.testing.assert_array_equal(value, second[name])
    other = batches(recipe(cache, seed=8), 1)[0]
    assert (other["image"] != one[0]["image"]).any()


def test_workers_share_the_samples_of_one(cache: Cache) -> None:
    (alone,) = batches(recipe(cache), 1)
    parts = [batches(recipe(cache), 1, worker=(index, 2))[0] for index in range(2)]
    for index, part in enumerate(parts):
        np.testing.assert_array_equal(part["image"], alone["image"][index::2])
        np.testing.assert_array_equal(part["taught.pafs"], alone["taught.pafs"][index::2])


def test_the_place_in_the_data_is_a_small_part_of_a_checkpoint(
    cache: Cache, tmp_path: Path
) -> None:
    def iterator() -> Any:
        found = recipe(cache)
        return iterate(open_feed(found, spec_of(found), batch=BATCH, worker=(0, 1)))

    going = iterator()
    for _ in range(3):
        next(going)
    place = checkpoints.Checkpoints(tmp_path).save(3, {}, going, {})
    expected = next(going)
    again = iterator()
    checkpoints.restore(checkpoints.read(place), {}, again)
    found = next(again)
    for name, value in expected.items():
        np.testing.assert_array_equal(value, found[name])
    read_ahead = 16 * BATCH * cache.dtype.itemsize  # how much hangs on the machine's pace
    assert sum(path.stat().st_size for path in place.iterdir()) < read_ahead


@pytest.mark.slow
def test_a_tiny_cache_trains_and_the_hints_head_does_not_ship(cache: Cache, tmp_path: Path) -> None:
    found = recipe(
        cache,
        steps=250,
        log_every=10,
        checkpoint_every=50,
        image_every=250,
        deterministic=False,
        optimiser=Optimiser(kind="adamw", rate=3e-3),
        hints=HintOptions(layer="initial_stage.trunk"),
    )
    loop.train(found, tmp_path)
    rows = (tmp_path / "log.csv").read_text().splitlines()
    names = rows[0].split(",")
    first, last = (dict(zip(names, rows[at].split(","), strict=True)) for at in (1, -1))
    assert {"teacher.heatmaps.1", "teacher.pafs.2", "hints"} < set(names)
    assert "heatmaps.1" not in names
    for term in ("loss", "hints", "teacher.heatmaps.2"):
        assert float(last[term]) < 0.8 * float(first[term]), term
    whole = checkpoints.Checkpoints(tmp_path / "checkpoints").newest()
    assert whole is not None
    assert "weights:hints/kernel" in whole.variables
    model = keras_files.load_keras(tmp_path / loop.MODEL)
    assert not [variable.path for variable in model.variables if "hints" in variable.path]
    assert bundle.read(tmp_path / loop.MODEL) == small_runs.spec()


@pytest.mark.slow
def test_a_resumed_run_ends_as_one_that_never_stopped(cache: Cache, tmp_path: Path) -> None:
    found = recipe(cache, hints=HintOptions(layer="initial_stage.trunk"))
    whole = loop.train(found, tmp_path / "whole").get_weights()
    loop.train(replace(found, steps=4), tmp_path / "parts")
    parts = loop.train(found, tmp_path / "parts").get_weights()
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_student_of_another_skeleton_learns_what_the_teacher_knows(cache: Cache) -> None:
    found = recipe(cache, skeleton="coco17")
    feed = open_feed(found, spec_of(found), batch=BATCH, worker=(0, 1))
    assert feed.taught_channels is not None
    assert (
        feed.taught_channels["heatmaps"].tolist() == [1] * 18
    )  # COCO's 17 are among OpenPose's 18
    (batch,) = batches(found, 1)
    coco = skeletons.get("coco17")
    assert batch["taught.heatmaps"].shape == (4, 8, 8, 18)
    assert batch["taught.pafs"].shape == (4, 8, 8, 2 * len(coco.limbs))


def test_a_stranger_is_refused(cache: Cache, tmp_path: Path) -> None:
    from tests.tfpose import toy_data

    toy_data.write(tmp_path, images=1)
    found = recipe(cache, skeleton=str(tmp_path / "skeleton.json"))
    with pytest.raises(ValueError, match="share no keypoint"):
        batches(found, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 128}, "trains at 128x64, canvases are only 96x128"),
        ({"batch": 16}, "batch 16 is larger than data set"),
        ({"examples": 13}, "is not whole: of 13 canvases 0 shards are missing"),
        ({"policy": "hrnet"}, "policy 'hrnet' changes cut, rotation"),
    ],
)
def test_what_does_not_go_together_is_refused(cache: Cache, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        batches(recipe(cache, **change), 1)


def test_a_cache_that_is_not_whole_is_refused_but_for_its_first_canvases(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canvas_cache, "CANVASES_A_SHARD", 4)
    monkeypatch.setattr(cached, "CANVASES_A_SHARD", 4)
    part = toy_cache.make(tmp_path)
    part.path(1).unlink()
    with pytest.raises(ValueError, match=r"12 canvases 1 shards are missing.*canvases-00001\.npy"):
        batches(recipe(part), 1)
    (batch,) = batches(recipe(part, examples=4), 1)
    assert sorted(map(int, batch["image_id"])) == [0, 1, 2, 3]


def test_hints_that_are_not_there_are_refused(tmp_path: Path) -> None:
    bare = toy_cache.make(tmp_path, canvases=4, hints="")
    hinted = recipe(bare, hints=HintOptions(layer="initial_stage.trunk"))
    with pytest.raises(ValueError, match="has no hints: make one with --hints"):
        batches(hinted, 1)
    (batch,) = batches(recipe(bare), 1)
    assert "hints" not in batch


def test_no_cache_is_refused(tmp_path: Path) -> None:
    found = replace(small_runs.RECIPE, canvases=str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"make them with tfpose cache-teacher"):
        batches(found, 1)


def test_a_cache_beside_a_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match="give no dataset and no teacher"):
        Recipe(model="tfpose_s", steps=1, canvases="a", dataset="coco")
