"""The loop, on a network of a few thousand weights."""

import csv
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from estimator import bundle
from tests.tfpose import small_runs
from tfpose import recipes
from tfpose.evaluation import network
from tfpose.training import loop, run, run_folder
from tfpose.training.feeds.feed import Feed
from tfpose.training.logs import Logs
from tfpose.training.loop import train as run_training
from tfpose.training.recipe import Recipe, override
from tfpose.training.update.optimisers import Group, Optimiser
from tfpose.training.update.schedule import Schedule
from tfpose.weights import checkpoints, keras_files

SMALL = replace(small_runs.RECIPE, deterministic=False, steps=4, log_every=1)
SPEC = small_runs.spec()
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # Keras


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


def trained(recipe: Recipe, run: Path, **options: Any) -> list[dict[str, float]]:
    """Trains, and gives the rows of the CSV."""
    options.setdefault("feed", small_runs.feed(SPEC, recipe.batch))
    run_training(recipe, run, **options)
    return rows(run)


def rows(run: Path) -> list[dict[str, float]]:
    with (run / "log.csv").open(encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


def losses(found: list[dict[str, float]]) -> list[float]:
    return [row["loss"] for row in found]


def test_a_run_leaves_its_recipe_logs_checkpoints_and_model(tmp_path: Path) -> None:
    recipe = replace(SMALL, steps=8, image_every=4, checkpoint_every=2, keep=2)
    found = trained(recipe, tmp_path)
    assert [row["step"] for row in found] == list(range(1, 9))
    assert found[-1]["loss"] < found[0]["loss"]
    parts = ("heatmaps.1", "heatmaps.2", "pafs.1", "pafs.2")
    assert sum(found[0][part] for part in parts) == pytest.approx(found[0]["loss"], rel=1e-6)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["000000006", "000000008"]
    assert '"checkpoint_every": 2' in (tmp_path / "recipe.json").read_text(encoding="utf-8")
    assert any((tmp_path / "tensorboard").iterdir())
    spec = bundle.read(tmp_path / loop.MODEL)
    assert spec == SPEC
    model = network.load(tmp_path / loop.MODEL)
    assert model.runner(np.zeros((1, 64, 64, 3), np.uint8))["pafs"].shape == (1, 8, 8, 38)


def test_a_finished_run_goes_no_further(tmp_path: Path) -> None:
    before = trained(SMALL, tmp_path)
    assert trained(SMALL, tmp_path) == before


def test_a_run_goes_on_for_longer_when_told(tmp_path: Path) -> None:
    whole = trained(replace(SMALL, steps=6), tmp_path / "whole")
    trained(SMALL, tmp_path / "parts")
    parts = trained(replace(SMALL, steps=6), tmp_path / "parts")
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-6)


def test_another_recipe_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    trained(SMALL, tmp_path)
    other = replace(SMALL, optimiser=Optimiser(rate=0.5))
    with pytest.raises(ValueError, match=r"optimiser\.rate: 0\.001, now 0\.5"):
        trained(other, tmp_path)


def test_a_folder_in_which_another_process_trains_is_refused(tmp_path: Path) -> None:
    with (
        run_folder.claimed(tmp_path, SMALL, 0),
        pytest.raises(BlockingIOError, match=f"another process is training in {tmp_path}: wait"),
    ):
        run_training(SMALL, tmp_path)


@pytest.mark.parametrize(
    ("edited", "message"),
    [
        ("", "is no recipe"),
        ("[1]", "is no recipe"),
        ('{"batch": 4', "is no recipe"),
        ("[" * 200_000, "is no recipe"),
        ('{"batch": 8}', r"another recipe:(.|\n)*batch: 8, now 4"),
    ],
)
def test_an_edited_recipe_is_refused_by_its_name(edited: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / run_folder.RECIPE).write_text(edited)
    with pytest.raises(ValueError, match=message) as caught:
        run_training(SMALL, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert (tmp_path / run_folder.RECIPE).read_text() == edited


def test_a_folder_in_which_nothing_was_trained_takes_another_recipe(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is empty"):
        trained(SMALL, tmp_path, feed=empty())
    assert len(trained(replace(SMALL, optimiser=Optimiser(rate=0.01)), tmp_path)) == SMALL.steps


def test_accumulated_parts_are_as_the_whole_batch(tmp_path: Path) -> None:
    whole = trained(replace(SMALL, clip=0.05), tmp_path / "whole")
    parts = trained(replace(SMALL, clip=0.05, accumulate=2), tmp_path / "parts")
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-5)


def test_targets_drawn_in_the_step_are_those_of_the_pipeline(tmp_path: Path) -> None:
    drawn = trained(SMALL, tmp_path / "pipeline")
    feed = small_runs.feed(SPEC, SMALL.batch)
    bare = feed.batches.map(lambda batch: {k: batch[k] for k in ("image", "keypoints", "mask")})
    found = trained(SMALL, tmp_path / "step", feed=replace(feed, batches=bare))
    assert losses(found) == pytest.approx(losses(drawn), rel=1e-5)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns_as_float32_does(tmp_path: Path, precision: str) -> None:
    full = trained(SMALL, tmp_path / "full")
    mixed = trained(replace(SMALL, precision=precision), tmp_path / "mixed")
    assert losses(mixed) == pytest.approx(losses(full), rel=0.02)
    assert losses(mixed) != losses(full)


def test_a_frozen_group_stays_and_the_others_move(tmp_path: Path) -> None:
    recipe = replace(SMALL, ema=0.0, groups=(Group(pattern="^model", rate=0.0),))
    run_training(replace(recipe, steps=1), tmp_path, feed=small_runs.feed(SPEC, 4))
    first = weights_of(tmp_path, "weights:")
    run_training(recipe, tmp_path, feed=small_runs.feed(SPEC, 4))
    last = weights_of(tmp_path, "weights:")
    moved = {name for name in first if first[name] != last[name]}
    assert moved
    assert not any(name.startswith("weights:model") for name in moved)


def weights_of(run: Path, prefix: str) -> dict[str, bytes]:
    newest = checkpoints.Checkpoints(run / "checkpoints").newest()
    assert newest is not None
    found = {
        name: tf.Variable(tf.zeros(shape))
        for name, shape in newest.variables.items()
        if name.startswith(prefix)
    }
    checkpoints.restore_some(newest, found)
    return {name: variable.numpy().tobytes() for name, variable in found.items()}


def test_validation_sees_the_average_and_keeps_the_best(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def validate(model: Any, spec: Any, step: int) -> dict[str, float]:
        seen.append(model.get_layer("model-0-0").kernel.numpy().tobytes())
        return {"AP": {2: 0.1, 4: 0.3, 6: 0.2}[step]}

    recipe = replace(SMALL, steps=6, validate_every=2, checkpoint_every=2)
    found = trained(recipe, tmp_path, validate=validate)
    best = checkpoints.read(tmp_path / "checkpoints" / checkpoints.BEST)
    assert (best.step, best.notes["best"]) == (4, 0.3)
    assert [row["validation.AP"] for row in found if "validation.AP" in row] == [0.1, 0.3, 0.2]
    assert seen[-1] == weights_of(tmp_path, "average:")["average:model.0.0/kernel"]
    assert seen[-1] != weights_of(tmp_path, "weights:")["weights:model.0.0/kernel"]


def test_sigterm_saves_and_the_same_command_goes_on(tmp_path: Path) -> None:
    feed = small_runs.feed(SPEC, SMALL.batch)
    recipe = replace(SMALL, steps=6, checkpoint_every=0)

    def validate(*_: Any) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        return {}

    trained(replace(recipe, validate_every=2), tmp_path, feed=feed, validate=validate)
    newest = checkpoints.Checkpoints(tmp_path / "checkpoints").newest()
    assert newest is not None
    assert newest.step in (2, 3)
    assert not (tmp_path / loop.MODEL).exists()
    steps = [row["step"] for row in trained(recipe, tmp_path) if "loss" in row]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_what_is_not_finite_stops_and_names_step_terms_and_pictures(
    tmp_path: Path,
) -> None:
    data = small_runs.samples(SPEC, 12)
    data["heatmaps"][9] = np.nan
    data["image_id"] = np.array([f"picture {index}" for index in range(12)])
    batches = tf.data.Dataset.from_tensor_slices(data).batch(4).repeat()
    with pytest.raises(FloatingPointError, match=r"step 3: heatmaps\.1 nan.*picture 8, picture 9"):
        trained(SMALL, tmp_path, feed=Feed(batches=batches, examples=12))
    assert all(np.isfinite(np.frombuffer(v, "f4")).all() for v in weights_of(tmp_path, "").values())


def test_a_full_disk_costs_a_checkpoint_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    save = checkpoints.Checkpoints.save

    def full_at_two(self: Any, step: int, *rest: Any) -> Path:
        if step == 2:
            raise OSError(28, "No space left on device")
        return save(self, step, *rest)

    monkeypatch.setattr(checkpoints.Checkpoints, "save", full_at_two)
    trained(replace(SMALL, checkpoint_every=2), tmp_path)
    assert "no checkpoint of step 2, training goes on" in caplog.text
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["000000004"]


def test_a_row_that_a_full_disk_did_not_take_is_written_with_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, file = Logs(tmp_path, step=0, steps=3, batch=1), tmp_path / "log.csv"
    log.scalars(1, {"loss": 1.5}, pictures=1)
    file.unlink()
    file.symlink_to("/dev/full")
    log.scalars(2, {"loss": 2.5}, pictures=1)
    assert "log.csv could not be written, training goes on: [Errno 28]" in caplog.text
    file.unlink()
    log.scalars(3, {"loss": 3.5}, pictures=1)
    log.close()
    assert losses(rows(tmp_path)) == [1.5, 2.5, 3.5]


class KilledError(BaseException):
    """Takes a kill's place: nothing catches it."""


def test_a_run_that_ends_in_the_writing_of_a_checkpoint_goes_on_from_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(SMALL, steps=6, checkpoint_every=2)
    whole = trained(recipe, tmp_path / "whole")
    move = os.replace

    def ending(source: Any, place: Any) -> None:
        if Path(place).name == "000000004":
            raise KilledError
        move(source, place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", ending)
        with pytest.raises(KilledError):
            trained(recipe, tmp_path / "ended")
    newest = checkpoints.Checkpoints(tmp_path / "ended" / "checkpoints").newest()
    assert newest is not None
    assert newest.step == 2
    assert losses(trained(recipe, tmp_path / "ended")) == pytest.approx(losses(whole), rel=1e-6)


@pytest.mark.parametrize("suffix", [".keras", ".tflite"])
def test_who_starts_as_its_teacher_has_nothing_to_learn_from_it(
    tmp_path: Path, suffix: str
) -> None:
    run_training(SMALL, tmp_path / "teacher", feed=small_runs.feed(SPEC, 4))
    start = tmp_path / "teacher" / loop.MODEL
    teacher = start if suffix == ".keras" else small_runs.as_tflite(start, tmp_path / "t.tflite")
    recipe = override(
        replace(SMALL, steps=1),
        {"start": str(start), "teacher.model": str(teacher), "loss.stages": "0,1"},
    )
    (row,) = trained(recipe, tmp_path / "student")
    assert row["teacher.pafs.2"] < 1e-9
    assert row["pafs.2"] > 1e-3
    # The background is made anew from the keypoints, which random maps do not obey.
    assert row["teacher.heatmaps.2"] < row["heatmaps.2"]


@pytest.mark.parametrize("part", ["", loop.MODEL])
def test_a_longer_network_starts_from_the_layers_of_a_shorter_one(
    tmp_path: Path, part: str
) -> None:
    run_training(SMALL, tmp_path / "short", feed=small_runs.feed(SPEC, 4))
    recipe = replace(SMALL, model="test_longer", start=str(tmp_path / "short" / part), steps=1)
    with pytest.raises(ValueError, match=r"(model or recipe|does not fit).*refinement_stages\.1"):
        trained(recipe, tmp_path / "refused")
    with pytest.raises(ValueError, match=r"refinement_stages\.1"):
        trained(replace(recipe, start_layers=("refinement_stages",)), tmp_path / "refused")
    recipe = replace(recipe, start_layers=("*",), optimiser=Optimiser(rate=1e-12), ema=0.0)
    trained(recipe, tmp_path / "long")
    name = "model.0.0/kernel"
    short = np.frombuffer(weights_of(tmp_path / "short", "average:")[f"average:{name}"], "f4")
    long = np.frombuffer(weights_of(tmp_path / "long", "weights:")[f"weights:{name}"], "f4")
    np.testing.assert_allclose(long, short, atol=1e-6)


def test_a_file_of_keras_without_names_gives_no_layers(tmp_path: Path) -> None:
    run_training(SMALL, tmp_path / "short", feed=small_runs.feed(SPEC, 4))
    weights = tmp_path / "short.weights.h5"
    keras_files.load_keras(tmp_path / "short" / loop.MODEL).save_weights(weights)
    recipe = replace(SMALL, start=str(weights), start_layers=("model",), steps=1)
    with pytest.raises(ValueError, match=r"no names to take start_layers by: give the \.keras"):
        trained(recipe, tmp_path / "refused")


def empty() -> Feed:
    return Feed(batches=small_runs.feed(SPEC, 4).batches.take(0), examples=None)


def ending() -> Feed:
    return Feed(batches=small_runs.feed(SPEC, 4).batches.take(2), examples=None)


def of_another_skeleton() -> Feed:
    return small_runs.feed(small_runs.spec(skeleton="coco17"), 4)


@pytest.mark.parametrize(
    ("recipe", "feed", "message"),
    [
        (SMALL, empty(), "gives no batch of 4: it is empty"),
        (SMALL, ending(), "ended at step 2 of 4"),
        (replace(SMALL, batch=16), small_runs.feed(SPEC, 16), "16 is larger than data set"),
        (SMALL, of_another_skeleton(), "heatmaps of .8, 8, 19.*targets are .8, 8, 18"),
        (
            replace(SMALL, epochs=1.0, steps=0),
            empty(),
            "the number of samples per epoch is unknown",
        ),
        (replace(SMALL, accumulate=3), small_runs.feed(SPEC, 4), "multiple of 1 replicas times 3"),
        (replace(SMALL, model="nobody"), empty(), "no model 'nobody'"),
        (replace(SMALL, height=60), empty(), "multiple of 8, .*found 60"),
        (replace(SMALL, dataset="coco", data_dir="nowhere"), None, "no prepared data set"),
        (replace(SMALL, start="nowhere.npz"), small_runs.feed(SPEC, 4), "no weights at nowhere"),
    ],
)
def test_what_cannot_be_trained_stops_and_says_why(
    tmp_path: Path, recipe: Recipe, feed: Feed | None, message: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        run_training(recipe, tmp_path, feed=feed)


def test_an_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no recipe 'mine'; there are .*lightweight_openpose"):
        recipes.get("mine")


def test_pictures_a_second_and_time_left_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="absl"):
        trained(SMALL, tmp_path)
    assert "step 4/4" in caplog.text
    assert "pictures/s" in caplog.text


def test_checkpoints_name_their_variables_as_those_before_and_go_on(tmp_path: Path) -> None:
    """A run folder that an earlier version wrote must resume: the names are the contract."""
    run_training(replace(SMALL, checkpoint_every=2), tmp_path, feed=small_runs.feed(SPEC, 4))
    (newest,) = list(checkpoints.Checkpoints(tmp_path / "checkpoints").whole())[:1]
    kinds = {name.partition(":")[0] for name in newest.variables}
    assert kinds >= {"weights", "updates", "scale", "scale_good"}
    noted = {"best", "skipped", "data", "workers", "epoch", "random", "recipe"}
    assert set(newest.notes) == noted
    before = json.loads((tmp_path / run_folder.RECIPE).read_text())
    assert before == newest.notes["recipe"]
    longer = replace(SMALL, checkpoint_every=2, steps=SMALL.steps + 1)
    run_training(longer, tmp_path, feed=small_runs.feed(SPEC, 4))
    assert checkpoints.Checkpoints(tmp_path / "checkpoints").newest().step == SMALL.steps + 1


@pytest.mark.parametrize(("steps", "warns"), [(1000, True), (1001, False)])
def test_a_run_within_its_warm_up_is_told(
    steps: int, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = replace(SMALL, steps=steps, schedule=Schedule(shape="cosine", warmup=1000))
    with caplog.at_level("WARNING", logger="absl"):
        assert run._steps(recipe, Feed(batches=empty().batches, examples=None)) == steps
    assert ("never reaches its rate" in caplog.text) == warns
