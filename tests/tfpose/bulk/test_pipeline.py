"""The command on Beam: in this process, and on two others that are killed."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from estimator import pictures
from tests.conftest import ROOT
from tests.in_process import Tfpose, tfpose  # noqa: F401  the fixture
from tests.tfpose.bulk import made_containers

pytest.importorskip("apache_beam", reason="needs apache-beam (the extra [beam])")

QUICK = ("--model=tfpose_s", "--height=128", "--second_look=off", "--format=jsonl")
BROKEN = 3


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """60 pictures."""
    return _photographs(tmp_path / "in", 20)


def _photographs(folder: Path, each: int) -> Path:
    """A folder, and two zips in it, with so many pictures each; three of all are broken."""
    sample = pictures.SAMPLE.read_bytes()
    made = {f"{index:03}.jpg": sample for index in range(each)}
    made_containers.laid(folder, {**made, "003.jpg": sample[:3000]})
    made_containers.zipped(folder / "a.zip", {**made, "011.jpg": b"no picture"})
    made_containers.zipped(folder / "b.zip", {**made, "000.jpg": b""})
    return folder


def _files(prefix: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted(prefix.parent.iterdir())
        if path.is_file() and path.name.startswith(prefix.name)
    }


def _arguments(photographs: Path, prefix: Path) -> list[str]:
    told = [f"--input={photographs}", f"--output={prefix}", "--shard_pictures=5", *QUICK]
    return list(told)


def test_a_job_is_done_once_and_names_its_broken_pictures(
    photographs: Path,
    tmp_path: Path,
    tfpose: Tfpose,  # noqa: F811
) -> None:
    prefix = tmp_path / "out" / "poses"
    told = _arguments(photographs, prefix)
    ended = tfpose("bulk", *told)
    assert ended.returncode == 1, ended.stderr  # pictures failed
    assert "60 pictures, 3 failed (decode 3)" in ended.stdout
    summary = json.loads((tmp_path / "out" / "poses.summary.json").read_text())
    assert (summary["pictures"], summary["failed"]) == (60, {"decode": BROKEN})
    rows = [
        json.loads(line)
        for name, content in _files(prefix).items()
        if name.endswith(".jsonl") and "failed" not in name
        for line in content.splitlines()
    ]
    assert [row["number"] for row in rows] == list(range(60))
    named = {row["file"] for row in rows if "error" in row}
    letters = [
        json.loads(line)["source"]
        for name, content in _files(prefix).items()
        if "failed" in name
        for line in content.splitlines()
    ]
    assert set(letters) == named
    assert len(letters) == len(named) == BROKEN
    before = _files(prefix)
    again = tfpose("bulk", *told)
    assert "12 of 12 shards are there already" in again.stdout
    assert _files(prefix) == before
    other = tfpose("bulk", *told, "--min_score=0.7")
    assert other.returncode == 1
    assert "min_score: 0.0, now 0.7" in other.stderr


def test_a_dry_run_writes_nothing(photographs: Path, tmp_path: Path, tfpose: Tfpose) -> None:  # noqa: F811
    told = _arguments(photographs, tmp_path / "out" / "poses")
    ended = tfpose("bulk", *told, "--dry_run", "--workers=2")
    assert ended.returncode == 0, ended.stderr
    assert "60 pictures in 12 shards" in ended.stdout
    assert "core-hours" in ended.stdout
    assert not (tmp_path / "out").exists()


def _start(told: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tfpose", "bulk", *told, "--workers=2"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def _workers(driver: int) -> list[int]:
    """The processes below a driver that are no shells."""
    found = subprocess.run(
        ["ps", "-wweo", "pid=,sess=,args="], capture_output=True, text=True, check=True
    )
    rows = (line.split(None, 2) for line in found.stdout.splitlines())
    return [
        int(pid)
        for pid, session, told in rows
        if int(session) == driver and "sdk_worker_main" in told and "sh -c" not in told
    ]


def _wait_for_shards(process: "subprocess.Popen[str]", prefix: Path, number: int) -> None:
    marks = prefix.with_name(prefix.name + ".progress")
    end = time.monotonic() + 300
    while len(list(marks.glob("*-of-*.json"))) < number:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


@contextlib.contextmanager
def _running(module: str, *told: str, port: int) -> Iterator[None]:
    """A program of Beam's, once it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *told], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.mark.soak
@pytest.mark.parametrize("environment", ["LOOPBACK", "EXTERNAL"])
def test_a_job_server_and_its_workers_do_the_same(
    environment: str,
    photographs: Path,
    tmp_path: Path,
    tfpose: Tfpose,  # noqa: F811
) -> None:
    """Flink and Spark take pipelines by this protocol, and have workers in these two ways."""
    direct, prefix = tmp_path / "direct" / "poses", tmp_path / "server" / "poses"
    tfpose("bulk", *_arguments(photographs, direct))
    port, pool = _free_port(), _free_port()
    told = [
        *_arguments(photographs, prefix),
        "--runner=PortableRunner",
        f"--beam_option=--job_endpoint=localhost:{port}",
        f"--beam_option=--environment_type={environment}",
    ]
    with contextlib.ExitStack() as servers:
        server = "apache_beam.runners.portability.local_job_service_main"
        servers.enter_context(_running(server, f"--port={port}", port=port))
        if environment == "EXTERNAL":
            workers = "apache_beam.runners.worker.worker_pool_main"
            servers.enter_context(_running(workers, f"--service_port={pool}", port=pool))
            told.append(f"--beam_option=--environment_config=localhost:{pool}")
        ended = subprocess.run(
            [sys.executable, "-m", "tfpose", "bulk", *told],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert "60 pictures, 3 failed" in ended.stdout, ended.stderr
    assert _files(direct) == _files(prefix)


@pytest.mark.soak
def test_workers_and_whole_pipelines_are_killed_and_the_output_is_as_if_not(
    tmp_path: Path,
    tfpose: Tfpose,  # noqa: F811
) -> None:
    whole, prefix = tmp_path / "whole" / "poses", tmp_path / "killed" / "poses"
    photographs = _photographs(tmp_path / "in", 100)
    shards = 60
    tfpose("bulk", *_arguments(photographs, whole))
    told = _arguments(photographs, prefix)
    process = _start(told)
    _wait_for_shards(process, prefix, 2)
    os.kill(_workers(process.pid)[0], signal.SIGKILL)  # a worker
    assert process.wait(120) == 1
    assert process.stdout is not None
    process.stdout.close()
    done = len(list((tmp_path / "killed" / "poses.progress").glob("*-of-*.json")))
    assert done < shards
    process = _start(told)
    _wait_for_shards(process, prefix, done + 1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # all of it
    process.communicate()
    assert len(list((tmp_path / "killed" / "poses.progress").glob("*-of-*.json"))) < shards
    process = _start(told)
    printed, _ = process.communicate(timeout=300)
    assert "300 pictures, 3 failed" in printed
    assert _files(whole) == _files(prefix)
