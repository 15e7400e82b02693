"""The HTTP service under load, against the network alone on the same cores.

    tfpose benchmark serve --model=pose.tflite --pictures=photos --connections=1,8,64

The service is a process of its own on 127.0.0.1; every connection asks again as soon as it is
answered. In turns with it, the network alone runs on the same pictures' inputs: one caller with
all cores for one connection, a caller a core otherwise. `ratio` is the service's pictures a second
over the network's; `CPU` is what a picture costs the service over what it costs the network alone,
which other programs on the machine disturb less.
"""

import asyncio
import contextlib
import http.client
import itertools
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from absl import app, flags

from estimator import bundle, pictures
from estimator.arrays import UInt8
from estimator.engines.checks import usable_cores
from estimator.engines.litert import LiteRtRunner
from estimator.inputs import preprocess
from estimator.pose_estimator import model_path
from estimator.program import run

from .. import timing

FLAGS = run.new_flags()

MODEL = flags.DEFINE_string("model", None, "A .tflite that carries its spec.", flag_values=FLAGS)
PICTURES = flags.DEFINE_multi_string(
    "pictures", [str(pictures.SAMPLE)], "Files, folders, globs.", flag_values=FLAGS
)
CONNECTIONS = flags.DEFINE_list(
    "connections", ["1", "8", "64"], "How many at once.", flag_values=FLAGS
)
SECONDS = flags.DEFINE_float(
    "seconds", 60.0, "Of load, for each number of connections.", flag_values=FLAGS
)
WINDOW = flags.DEFINE_float(
    "window", 15.0, "Seconds of load before it is the network's turn.", flag_values=FLAGS
)
TOGETHER = flags.DEFINE_integer("together", 1, "Pictures a request.", flag_values=FLAGS)

HEAD = (
    *("connections", "pictures/s", "alone/s", "ratio", "CPU", "p50 ms", "p99 ms", "answers"),
    *("MiB before", "after"),
)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass(kw_only=True)
class Load:
    """What was measured of one number of connections; rates are pictures a second by window."""

    rates: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


def main(_: list[str]) -> None:
    """Prints a row for each number of connections."""
    if not MODEL.value:
        raise app.UsageError("give --model=FILE.tflite")
    files = [file.read_bytes() for file in pictures.find(PICTURES.value).files]
    spec = bundle.read(model_path(MODEL.value))
    inputs = [preprocess.letterbox(pictures.read(file), spec.image)[0] for file in files]
    with service(MODEL.value) as port:
        rows = [
            _measure(MODEL.value, int(count), port, files, inputs) for count in CONNECTIONS.value
        ]
    print(timing.table(HEAD, rows))


def _measure(
    model: str, connections: int, port: int, files: Sequence[bytes], inputs: Sequence[UInt8]
) -> tuple[str, ...]:
    cores = usable_cores()
    callers = 1 if connections == 1 else cores
    path = model_path(model)
    spec = bundle.read(path)
    runners = [LiteRtRunner(path, spec, threads=cores // callers) for _ in range(callers)]
    turn = itertools.cycle(requests(files, TOGETHER.value))
    load = Load()
    asyncio.run(ask(port, connections, turn, 2.0, Load()))  # unmeasured
    before = figures(port)["process_resident_memory_bytes"]
    for _ in range(max(1, round(SECONDS.value / WINDOW.value))):
        rate, alone_cpu = _alone(runners, inputs, WINDOW.value / 2)
        load.alone.append(rate)
        start, done = figures(port)["process_cpu_seconds_total"], sum(load.statuses.values())
        asyncio.run(ask(port, connections, turn, WINDOW.value, load, together=TOGETHER.value))
        cpu = figures(port)["process_cpu_seconds_total"] - start
        asked = sum(load.statuses.values()) - done
        load.cpu.append(cpu / (asked * TOGETHER.value) / alone_cpu)
    after = figures(port)["process_resident_memory_bytes"]
    p50, p99 = np.percentile(load.times, [50, 99])
    return (
        str(connections),
        f"{np.mean(load.rates):.2f}",
        f"{np.mean(load.alone):.2f}",
        f"{np.mean(load.rates) / np.mean(load.alone):.3f}",
        f"{np.mean(load.cpu):.3f}",
        f"{1000 * p50:.0f}",
        f"{1000 * p99:.0f}",
        " ".join(f"{status}:{count}" for status, count in sorted(load.statuses.items())),
        f"{before / (1 << 20):.0f}",
        f"{after / (1 << 20):.0f}",
    )


def requests(files: Sequence[bytes], together: int) -> list[bytes]:
    """Multipart requests of so many pictures each, every picture as often as any other."""
    turn = itertools.cycle(files)
    made = []
    for _ in files:
        body = b"".join(
            b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n%b\r\n'
            % next(turn)
            for _ in range(together)
        )
        body += b"--x--\r\n"
        made.append(
            b"POST /v1/pose HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n" % len(body)
            + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            + body
        )
    return made


async def ask(
    port: int,
    connections: int,
    turn: Iterator[bytes],
    seconds: float,
    load: Load,
    *,
    together: int = 1,
) -> None:
    """Asks on every connection until the time is over, and waits for the last answers.

    Args:
      port: of the service.
      connections: how many.
      turn: requests, one after the other, of `together` pictures each.
      seconds: after which nobody asks again.
      load: gets the answers.
      together: pictures a request.
    """
    start = time.monotonic()
    done = sum(load.statuses.values())

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        while time.monotonic() < start + seconds:
            asked = time.monotonic()
            writer.write(next(turn))
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await reader.readexactly(int(length.group(1)) if length else 0)
            load.statuses[int(head[9:12])] += 1
            load.times.append(time.monotonic() - asked)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    asked = sum(load.statuses.values()) - done
    load.rates.append(asked * together / (time.monotonic() - start))


def _alone(
    runners: Sequence[LiteRtRunner], inputs: Sequence[UInt8], seconds: float
) -> tuple[float, float]:
    """Pictures a second, and processor seconds a picture, of the network in as many threads."""
    counts = [0] * len(runners)
    start, cpu = time.monotonic(), time.process_time()

    def call(index: int) -> None:
        while time.monotonic() < start + seconds:
            runners[index](inputs[(counts[index] + index) % len(inputs)])
            counts[index] += 1

    threads = [threading.Thread(target=call, args=(index,)) for index in range(len(runners))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = sum(counts)
    return done / (time.monotonic() - start), (time.process_time() - cpu) / done


def figures(port: int) -> dict[str, float]:
    """The service's metrics by name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    rows = connection.getresponse().read().decode().splitlines()
    connection.close()
    pairs = (row.rsplit(" ", 1) for row in rows if not row.startswith("#"))
    return {name: float(value) for name, value in pairs}


@contextlib.contextmanager
def service(model: str) -> Iterator[int]:
    """Starts the service on a free port of 127.0.0.1, and ends it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    program = [sys.executable, "-m", "tfpose", "serve", f"--model={model}", f"--port={port}"]
    process = subprocess.Popen(
        program, cwd=Path(__file__).resolve().parents[3], stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(3000):
            with contextlib.suppress(OSError):
                figures(port)
                break
            if process.poll() is not None:
                raise ValueError(f"the service did not start: {' '.join(program)}")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(60)
