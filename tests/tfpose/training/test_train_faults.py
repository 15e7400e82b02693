"""Trainings that are killed again and again, run twice at once, or find damage and full disks.

`pytest -m faults`, by hand and nightly.
"""

import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.small_disk import SmallDisk, small_disk
from tests.tfpose import small_runs
from tfpose.training import loop
from tfpose.weights import checkpoints, keras_files

from . import test_train_killed as process
from .test_loop import losses, rows, trained

__all__ = ["small_disk"]  # a fixture
pytestmark = [
    pytest.mark.soak,
    pytest.mark.faults,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras
]
STEPS, KILLS = 150, 4
LONG = process.OVERRIDES | {"steps": STEPS}
SMALL = replace(small_runs.RECIPE, deterministic=False, log_every=1, checkpoint_every=2)


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The last checkpoint of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    ended = process.start(folder / "run", folder / "output", LONG).wait(timeout=600)
    assert ended == 0, (folder / "output").read_text(errors="replace")[-2000:]
    return process.final_state(folder / "run", STEPS)


def newest_step(run: Path) -> int:
    """Of the checkpoints that are there; 0 without one."""
    return max((int(one.name) for one in run.glob("checkpoints/[0-9]*")), default=0)


def test_a_run_killed_again_and_again_ends_with_the_same_bits(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """Each time at a random moment after a checkpoint that the attempt wrote itself."""
    run, tell = tmp_path / "run", tmp_path / "output"
    seed = random.randrange(10**6)
    dice, killed = random.Random(seed), 0
    for _ in range(KILLS):
        before, attempt = newest_step(run), process.start(run, tell, LONG)
        while newest_step(run) <= before and attempt.poll() is None:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.5))
        killed += attempt.poll() is None
        attempt.send_signal(signal.SIGKILL)
        attempt.wait()
    assert killed > 1, "the run was over before it could be killed"
    assert process.start(run, tell, LONG).wait(timeout=600) == 0, tell.read_text()[-2000:]
    found = process.final_state(run, STEPS)
    assert found.keys() == whole.keys()
    differing = [name for name in whole if whole[name] != found[name]]
    assert not differing, f"dice seed {seed}: {differing[:5]} of {len(differing)}"


def test_a_second_trainer_is_refused_and_the_first_is_not_disturbed(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    run, tell = tmp_path / "run", tmp_path / "output"
    first = process.start(run, tmp_path / "first", LONG)
    while not (run / "recipe.json").is_file() and first.poll() is None:
        time.sleep(0.01)
    assert process.start(run, tell, LONG).wait(timeout=600) == 1
    assert f"another process is training in {run}: wait for it" in tell.read_text()
    assert first.wait(timeout=600) == 0
    found = process.final_state(run, STEPS)
    assert [name for name in whole if whole[name] != found.get(name)] == []


@pytest.mark.parametrize("harm", ["flipped", "cut", "gone"])
def test_a_run_whose_newest_checkpoint_is_damaged_repeats_its_steps(
    harm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = trained(replace(SMALL, steps=6), tmp_path / "whole")
    trained(replace(SMALL, steps=4), tmp_path / "run")
    data = tmp_path / "run/checkpoints/000000004/state.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content if harm == "flipped" else content[:100])
    if harm == "gone":
        data.unlink()
    found = trained(replace(SMALL, steps=6), tmp_path / "run")
    assert "skipped a damaged checkpoint" in caplog.text
    assert "000000004" in caplog.text
    assert [row["step"] for row in found] == [1, 2, 3, 4, 5, 6]
    assert losses(found) == pytest.approx(losses(expected), rel=1e-6)


def test_a_disk_that_fills_costs_checkpoints_and_rows_and_not_the_run(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Full from step 3 to step 7: what is written before stays, and what comes after is whole."""
    small_disk.grow(16)
    save, run = checkpoints.Checkpoints.save, small_disk.place / "run"

    def meanwhile(self: checkpoints.Checkpoints, step: int, *rest: object) -> Path:
        if step == 4:
            small_disk.fill(0)
        if step == 8:
            small_disk.free()
        return save(self, step, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoints.Checkpoints, "save", meanwhile)
    trained(replace(SMALL, steps=10, image_every=5), run)
    for step in (4, 6):
        assert f"no checkpoint of step {step}, training goes on" in caplog.text
    assert str(run / "checkpoints" / "000000004") in caplog.text
    assert "tensorboard could not be written, training goes on" in caplog.text
    assert f"no {run / loop.PREDICTIONS}: " in caplog.text
    assert [row["step"] for row in rows(run)] == list(range(1, 11))
    names = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert names == ["000000002", "000000008", "000000010"]
    assert not small_disk.half_written()


def test_a_disk_full_at_the_end_is_an_error_and_the_run_goes_on_when_there_is_room(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_disk.grow(16)
    run, recipe = small_disk.place / "run", replace(SMALL, steps=4)
    save = checkpoints.Checkpoints.save

    def full(self: checkpoints.Checkpoints, step: int, *rest: object) -> Path:
        if step == 4:
            small_disk.fill(0)
        return save(self, step, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.Checkpoints, "save", full)
        with pytest.raises(OSError, match="000000004") as caught:
            trained(recipe, run)
    assert "No space left" in str(caught.value)
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["000000002"]
    assert not small_disk.half_written()
    small_disk.free()
    trained(recipe, run)
    assert newest_step(run) == 4
    assert np.isfinite(keras_files.load_keras(run / loop.MODEL).get_weights()[0]).all()


@pytest.mark.parametrize("left", [0, 4096, 16384, 65536])
def test_a_disk_full_when_the_network_is_written_leaves_the_one_before(
    left: int, small_disk: SmallDisk
) -> None:
    path, spec = small_disk.place / "model.keras", small_runs.spec()
    model = small_runs.build(spec, None, None)
    keras_files.save_keras(model, spec, path)
    before = path.read_bytes()
    assert len(before) > left
    small_disk.fill(left)
    with pytest.raises(OSError, match=r"model\.keras"):
        keras_files.save_keras(model, spec, path)
    assert path.read_bytes() == before
    assert not small_disk.half_written()
