"""One of two processes dies: the other stops; one alone goes on, and then two again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tfpose.training.test_train_replicas import PROGRAM, free_ports, losses
from tfpose.weights.checkpoints import Checkpoints

OVERRIDES = {"log_every": 1, "checkpoint_every": 3, "model": "test_plain"}


def _start(run: Path, tell: Path, steps: int, cluster: str = "") -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TF_CONFIG": cluster} if cluster else dict(os.environ)
    with tell.open("ab") as output:
        return subprocess.Popen(
            [
                sys.executable,
                str(PROGRAM),
                json.dumps({str(run): OVERRIDES | {"steps": steps}}),
                "1",
            ],
            stdout=output,
            stderr=output,
            env=environment,
        )


def _tasks() -> list[dict[str, Any]]:
    """TF_CONFIG of two processes."""
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    return [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in (0, 1)]


@pytest.mark.soak
def test_a_process_dies_the_other_stops_and_fewer_or_more_go_on(tmp_path: Path) -> None:
    run, tell = tmp_path / "run", tmp_path / "output"
    first, second = (_start(run, tell, 100000, json.dumps(task)) for task in _tasks())
    end = time.monotonic() + 900
    while not list((run / "checkpoints").glob("*")) or not (run / "log.csv").exists():
        assert first.poll() is None, tell.read_text(errors="replace")[-3000:]
        assert time.monotonic() < end
        time.sleep(0.1)
    second.send_signal(signal.SIGKILL)
    try:
        code = first.wait(timeout=300)
    finally:
        first.kill()
        second.wait()
    assert code not in (0, -signal.SIGKILL)  # it stopped by itself, with an error
    assert "Collective ops is aborted" in tell.read_text(errors="replace")
    steps = len(losses(run)) + 5
    alone = _start(run, tell, steps)
    assert alone.wait(timeout=600) == 0, tell.read_text(errors="replace")[-3000:]
    assert len(losses(run)) == steps
    assert "is of another number of processes" in tell.read_text(errors="replace")
    both = [_start(run, tell, steps + 5, json.dumps(task)) for task in _tasks()]
    assert [one.wait(timeout=600) for one in both] == [0, 0]
    assert len(losses(run)) == steps + 5
    newest = [
        notes.newest() for notes in map(Checkpoints, (run / "checkpoints", run / "checkpoints-1"))
    ]
    assert [one and one.step for one in newest] == [steps + 5, steps + 5]
