"""A run that is killed ends as one that never was; other ends are tried in test_loop.py."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tensorflow as tf

from tfpose.weights import checkpoints

PROGRAM = Path(__file__).parents[1] / "training_process.py"
STEPS = 40
OVERRIDES = {"steps": STEPS, "log_every": 1, "checkpoint_every": 3, "model": "test_normed"}


def start(
    run: Path, tell: Path, overrides: dict[str, object] = OVERRIDES
) -> subprocess.Popen[bytes]:
    with tell.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps({str(run): overrides}), "1"],
            stdout=output,
            stderr=output,
        )


def steps_logged(run: Path) -> int:
    path = run / "log.csv"
    return len(path.read_text(encoding="utf-8").splitlines()) - 1 if path.is_file() else 0


def final_state(run: Path, step: int = STEPS) -> dict[str, bytes]:
    """Every variable of the last checkpoint, bit by bit."""
    last = checkpoints.Checkpoints(run / "checkpoints").newest()
    assert last is not None
    assert last.step == step
    reader = tf.train.load_checkpoint(str(last.folder / checkpoints.PREFIX))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("variables/")]
    return {name: reader.get_tensor(name).tobytes() for name in names}


@pytest.mark.slow
def test_a_run_killed_at_a_random_step_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole, killed, tell = tmp_path / "whole", tmp_path / "killed", tmp_path / "output"
    assert start(whole, tell).wait(timeout=1800) == 0, tell.read_text(errors="replace")[-2000:]
    dice = random.Random()
    seed = dice.randrange(10**6)
    dice.seed(seed)
    until = dice.randrange(2, STEPS // 2)
    process = start(killed, tell)
    deadline = time.monotonic() + 1800
    while steps_logged(killed) < until and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(dice.uniform(0, 0.05))  # anywhere in a step, or in the writing of a checkpoint
    assert process.poll() is None, "the run was over before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert start(killed, tell).wait(timeout=1800) == 0, tell.read_text(errors="replace")[-2000:]
    expected, found = final_state(whole), final_state(killed)
    assert found.keys() == expected.keys()
    differing = [name for name in expected if expected[name] != found[name]]
    assert not differing, f"dice seed {seed}: {differing[:5]} of {len(differing)}"
    rows = [(run / "log.csv").read_text(encoding="utf-8") for run in (whole, killed)]
    columns = [[line.split(",")[:-1] for line in text.splitlines()] for text in rows]
    assert columns[0] == columns[1], "the CSV tells another story"  # but for the speed
