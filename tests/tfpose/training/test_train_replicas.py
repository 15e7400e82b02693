"""Two devices, and two processes, lose what one device loses on the same batches."""

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "training_process.py"
OVERRIDES = {"steps": 6, "log_every": 1, "checkpoint_every": 3, "clip": 0.1}
# Batch norm's shared variance is a difference of means, so its rounding is coarser.
TOLERANCE = {"plain": 1e-5, "normed": 5e-3}


CASES = {  # model, and parts of a batch
    "plain": ("test_plain", 1),
    "normed": ("test_normed", 1),
    "parts": ("test_plain", 2),
}


def start(
    folder: Path, tell: Path, name: str, *, devices: int = 1, cluster: str = ""
) -> subprocess.Popen[bytes]:
    """The cases of that name, one after the other in one process; runs lie in folder/name."""
    runs = {
        str(folder / name / case): OVERRIDES | {"model": model, "accumulate": parts}
        for case, (model, parts) in CASES.items()
        if not (name == "one" and parts > 1)  # whole batches are compared with
    }
    environment = {**os.environ, "TF_CONFIG": cluster} if cluster else dict(os.environ)
    with tell.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(runs), str(devices)],
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


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs: one device's, those of two devices, and those of two processes."""
    folder = tmp_path_factory.mktemp("replicas")
    tell = folder / "output"
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    workers = [
        json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        for index in range(2)
    ]
    processes = [start(folder, tell, "two", cluster=worker) for worker in workers]
    try:
        codes = [process.wait(timeout=1800) for process in processes]
        for devices, name in ((1, "one"), (2, "mirrored")):
            processes.append(start(folder, tell, name, devices=devices))
            codes.append(processes[-1].wait(timeout=1800))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert codes == [0, 0, 0, 0], tell.read_text(errors="replace")[-3000:]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "whole"), [("plain", "plain"), ("normed", "normed"), ("parts", "plain")]
)
def test_two_devices_and_two_processes_lose_what_one_device_does(
    runs: Path, case: str, whole: str
) -> None:
    expected = losses(runs / "one" / whole)
    assert len(expected) == OVERRIDES["steps"]
    assert expected[-1] < expected[0]
    for name in ("mirrored", "two"):
        assert losses(runs / name / case) == pytest.approx(expected, rel=TOLERANCE[whole]), name
