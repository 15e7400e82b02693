"""The service around a network that takes its time: a process of its own, for signals and sockets.

python -m tests.tfpose.serving.fake_service '{"port": 1, "seconds": 0.05, "limits": {}, ...}'
"""

import contextlib
import http.client
import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START = 180.0  # seconds; other programs may have the cores


def main() -> None:
    from tests.tfpose.serving.fakes import FakeNetwork, fake_app, people, standing
    from tfpose.serving import server
    from tfpose.serving.settings import Limits

    told = json.loads(sys.argv[1])
    network = FakeNetwork(people(standing(100, 60), standing(300, 60)), told.pop("seconds", 0.0))
    port, limits = told.pop("port"), Limits(**told.pop("limits", {}))
    server.run(fake_app(network, limits=limits, **told), port=port)


class Running:
    """The process, and where it listens."""

    def __init__(self, process: subprocess.Popen, port: int) -> None:
        self.process, self.port = process, port

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        status, text = answer.status, answer.read().decode()
        connection.close()
        return status, text

    def figure(self, name: str) -> float:
        rows = [row for row in self.get("/metrics")[1].splitlines() if row.startswith(name + " ")]
        return float(rows[0].split()[-1])

    @property
    def resident(self) -> int:
        """Bytes of memory."""
        return int(self.figure("process_resident_memory_bytes"))

    @property
    def resident_of_process(self) -> int:
        """The same, asked of the system: the service's own figures need its key."""
        figures = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(figures[1]) * resource.getpagesize()


@contextlib.contextmanager
def running(**told: object) -> Iterator[Running]:
    """Starts it, waits until it is ready, and ends it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "tests.tfpose.serving.fake_service"]
    process = subprocess.Popen(
        [*program, json.dumps({"port": port, **told})],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    service = Running(process, port)
    try:
        until = time.monotonic() + START
        while True:
            with contextlib.suppress(OSError):
                if service.get("/readyz")[0] == 200:
                    break
            assert process.poll() is None, "the service ended before it was ready"
            assert time.monotonic() < until, f"the service was not ready within {START:g} s"
            time.sleep(0.1)
        yield service
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
