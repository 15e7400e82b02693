import collections
import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from augment import policy
from estimator import skeleton_file
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec
from tests.conftest import ROOT
from tests.tfpose import data_service_client, toy_data
from tfpose.data.records import Record
from tfpose.pipeline import batches, data_service

EARLY = 6 * data_service_client.STEP  # elements seen when something is killed
TIMEOUT = 240  # seconds for one pass, on a busy machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """A dispatcher, two workers and a client, each a process; loopback only."""

    def __init__(self, mode: str, work_dir: Path, stack: contextlib.ExitStack) -> None:
        self.mode, self.work_dir, self.stack = mode, work_dir, stack
        self.dispatcher_port = free_port()
        self.worker_ports = [free_port(), free_port()]
        self.dispatcher = self.start_dispatcher()
        self.workers = [self.start_worker(index) for index in range(2)]
        for process in (self.dispatcher, *self.workers):
            self.wait_for_line(process)

    def start(self, *command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.stack.enter_context(process)  # closes the pipe, waits
        self.stack.callback(process.kill)  # before that
        return process

    def start_dispatcher(self) -> subprocess.Popen[str]:
        fixed = ",".join(f"127.0.0.1:{port}" for port in self.worker_ports)
        return self.start(
            *("-m", "scripts.data_worker", "--role=dispatcher", f"--port={self.dispatcher_port}"),
            *([f"--workers={fixed}"] if self.mode == "static" else []),
            f"--work_dir={self.work_dir}",
        )

    def start_worker(self, index: int) -> subprocess.Popen[str]:
        return self.start(
            *("-m", "scripts.data_worker", "--role=worker", "--host=127.0.0.1"),
            f"--dispatcher=127.0.0.1:{self.dispatcher_port}",
            f"--port={self.worker_ports[index]}",
        )

    def wait_for_line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        timer = threading.Timer(TIMEOUT, process.kill)
        timer.start()
        try:
            line = process.stdout.readline()
        finally:
            timer.cancel()
        assert line, "the process ended, or did not answer in time"
        return line

    def read(self, kill: Callable[["Service", Callable[[], int]], None]) -> dict[int, int]:
        """One pass; `kill` is called early, and may wait for more elements. Element to count."""
        client = self.start(
            *("-m", "tests.tfpose.data_service_client"),
            *(f"127.0.0.1:{self.dispatcher_port}", self.mode),
        )
        while int(self.wait_for_line(client)) < EARLY:
            pass
        kill(self, lambda: int(self.wait_for_line(client)))
        while not (line := self.wait_for_line(client)).startswith("{"):
            pass
        return {int(number): count for number, count in json.loads(line).items()}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Service]]:
    with contextlib.ExitStack() as stack:
        yield lambda mode: Service(mode, tmp_path, stack)


def kill_worker(service: Service, progress: Callable[[], int]) -> None:
    service.workers[0].kill()
    service.workers[0].wait()
    for _ in range(4):  # what the client held already is less
        progress()
    service.wait_for_line(service.start_worker(0))


def kill_dispatcher(service: Service, progress: Callable[[], int]) -> None:
    service.dispatcher.kill()
    service.dispatcher.wait()
    service.wait_for_line(service.start_dispatcher())


@pytest.mark.slow
def test_dynamic_goes_on_without_a_worker_and_repeats_nothing(start: Callable) -> None:
    seen = start("dynamic").read(kill_worker)
    assert set(seen.values()) == {1}
    assert set(seen) <= set(range(data_service_client.COUNT))
    assert len(seen) > data_service_client.COUNT - 100  # only what the worker held is lost


@pytest.mark.slow
def test_static_goes_on_without_a_worker_and_loses_nothing(start: Callable) -> None:
    seen = start("static").read(kill_worker)
    assert set(seen) == set(range(data_service_client.COUNT))
    assert set(seen.values()) == {1, 2}  # the worker that came back began its part again
    assert sum(count == 2 for count in seen.values()) < data_service_client.COUNT / 2


@pytest.mark.slow
def test_off_goes_on_without_a_worker_and_loses_nothing(start: Callable) -> None:
    seen = start("off").read(kill_worker)
    assert set(seen) == set(range(data_service_client.COUNT))
    assert min(seen.values()) == 2  # once each worker
    assert max(seen.values()) == 3


@pytest.mark.slow
def test_dispatcher_with_a_work_dir_survives(start: Callable) -> None:
    seen = start("dynamic").read(kill_dispatcher)
    assert set(seen.values()) == {1}
    assert set(seen) == set(range(data_service_client.COUNT))


@pytest.mark.parametrize(("mode", "passes"), [("dynamic", 1), ("off", 2)])
def test_input_pipeline_runs_on_workers(mode: str, passes: int) -> None:
    dispatcher = data_service.start_dispatcher(0)
    address = dispatcher.target.removeprefix("grpc://")
    workers = [
        data_service.start_worker(address, host="localhost", port=free_port()) for _ in range(2)
    ]
    spec = PoseSpec(
        model="none",
        skeleton=skeleton_file.from_tree(toy_data.SKELETON),
        image=ImageSpec(height=64, width=64),
        outputs=OutputSpec(),
        decoder=paf.Parameters(),
    )
    records = [
        Record(
            image=toy_data.picture(number),
            image_id=str(number),
            height=60,
            width=64,
            keypoints=np.reshape(np.float32(toy_data.PERSON), (1, 5, 3)),
            boxes=np.float32([toy_data.BOX]),
            areas=np.float32([800]),
        )
        for number in range(6)
    ]
    pipeline = batches.training(
        batches.from_records(records),
        spec,
        skeleton=spec.skeleton,
        policy=policy.get("lightweight_openpose"),
        options=batches.BatchOptions(batch=1, epochs=4),
    )
    distributed = data_service.distribute(pipeline, address, mode=mode)
    seen = collections.Counter(int(batch["image_id"][0]) for batch in distributed)
    assert seen == dict.fromkeys(range(6), 4 * passes)
    del workers  # they serve until here


def test_wrong_mode_and_address_are_refused() -> None:
    dataset = tf.data.Dataset.range(1)
    with pytest.raises(ValueError, match=r"no mode 'fast' .* there are dynamic, static, off"):
        data_service.distribute(dataset, "localhost:5000", mode="fast")
    for address in ("localhost", "grpc://localhost:5000"):
        with pytest.raises(ValueError, match="must be host:port"):
            data_service.distribute(dataset, address)


def test_nobody_at_the_address_is_an_error_within_seconds() -> None:
    with pytest.raises(ConnectionError, match=r"no dispatcher answers at localhost:\d+ for 0\.3 s"):
        data_service.check_answers(f"localhost:{free_port()}", patience=0.3)
