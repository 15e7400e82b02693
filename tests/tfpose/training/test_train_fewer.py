"""One of two processes dies: the other stops, and one process alone goes on from the checkpoint."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tfpose.training.test_train_replicas import PROGRAM, free_ports, losses

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


@pytest.mark.soak
def test_a_process_dies_the_other_stops_and_fewer_go_on(tmp_path: Path) -> None:
    run, tell = tmp_path / "run", tmp_path / "output"
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in (0, 1)]
    first, second = (_start(run, tell, 100000, json.dumps(task)) for task in tasks)
    end = time.monotonic() + 900
    while not list((run / "checkpoints").glob("*")) or not (run / "log.csv").exists():
        assert first.poll() is None, tell.read_text(errors="replace")[-3000:]
        assert time.monotonic() < end
        time.sleep(0.1)
    time.sleep(2)
    second.send_signal(signal.SIGKILL)
    begun = time.monotonic()
    try:
        code = first.wait(timeout=300)
    finally:
        print(f"stopped after {time.monotonic() - begun:.1f} s")
        first.kill()
        second.wait()
    print(tell.read_text(errors="replace")[-1500:])
    assert code not in (0, -signal.SIGKILL)  # it stopped by itself, with an error
    before = losses(run)
    alone = _start(run, tell, len(before) + 5)
    assert alone.wait(timeout=600) == 0, tell.read_text(errors="replace")[-3000:]
    after = losses(run)
    assert len(after) == len(before) + 5
    assert "going on from step" in tell.read_text(errors="replace")
