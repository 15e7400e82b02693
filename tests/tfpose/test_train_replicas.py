"""Two devices, and two processes, lose what one device loses on the same batches."""

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "training_process.py"
OVERRIDES = {"steps": 6, "log_every": 1, "checkpoint_every": 3, "clip": 0.1}
# Batch norm's shared variance is a difference of means, so its rounding is coarser.
TOLERANCE = {"test_plain": 1e-5, "test_normed": 5e-3}


def start(
    run: Path, tell: Path, overrides: dict[str, object], *, devices: int = 1, cluster: str = ""
) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TF_CONFIG": cluster} if cluster else dict(os.environ)
    with tell.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), str(run), json.dumps(overrides), str(devices)],
            stdout=output,
            stderr=output,
            env=environment,
        )


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def losses(run: Path) -> list[float]:
    with (run / "log.csv").open(encoding="utf-8", newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "accumulate"), [("test_plain", 1), ("test_normed", 1), ("test_plain", 2)]
)
def test_two_devices_and_two_processes_lose_what_one_device_does(
    tmp_path: Path, model: str, accumulate: int
) -> None:
    tell, overrides = tmp_path / "output", OVERRIDES | {"model": model}
    several = overrides | {"accumulate": accumulate}
    ports = free_ports(2)
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    workers = [
        json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        for index in range(2)
    ]
    processes = [start(tmp_path / "two", tell, several, cluster=worker) for worker in workers]
    codes = [process.wait(timeout=400) for process in processes]
    for devices, name, options in ((1, "one", overrides), (2, "mirrored", several)):
        codes.append(start(tmp_path / name, tell, options, devices=devices).wait(timeout=300))
    assert codes == [0, 0, 0, 0], tell.read_text(errors="replace")[-3000:]
    expected = losses(tmp_path / "one")
    assert len(expected) == OVERRIDES["steps"]
    assert expected[-1] < expected[0]
    for name in ("mirrored", "two"):
        assert losses(tmp_path / name) == pytest.approx(expected, rel=TOLERANCE[model]), name
