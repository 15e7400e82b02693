"""Compares the service's throughput with that of an earlier checkout, in one run.

    git worktree add ../before 739020b
    python -m tests.throughput --before=../before

Both services run the same model; windows of load alternate between them, so that whatever else the
machine does meets both. Medians over the rounds: pictures per second, and processor time per
picture, which other programs disturb less. Checkouts before 0.2 need python-multipart besides.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tfpose.benchmarks.runtime import serve

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "saved_models" / "tfpose_s" / "model.tflite"
PICTURE = ROOT / "estimator" / "pictures" / "sample.jpg"
ROW = "{:>11} {:>7} {:>10} {:>15} {:>8} {:>8}  {}"
TITLES = ("connections", "service", "pictures/s", "CPU ms/picture", "p50 ms", "p99 ms", "answers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, required=True, help="the earlier checkout")
    parser.add_argument("--connections", default="1,8,64")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load in each window")
    options = parser.parse_args()
    serve.FLAGS(["throughput"])  # its own, at their defaults
    with running(options.before) as before, running(ROOT) as after:
        print(ROW.format(*TITLES), flush=True)
        for count in map(int, options.connections.split(",")):
            compare({"before": before, "after": after}, count, options.rounds, options.seconds)


def compare(ports: dict[str, int], connections: int, rounds: int, seconds: float) -> None:
    """Prints a row for each service, and the ratios of their medians."""
    loads = {name: serve.Load() for name in ports}
    cpu: dict[str, list[float]] = {name: [] for name in ports}
    turn = itertools.cycle(serve.requests([PICTURE.read_bytes()], 1))
    for port in ports.values():
        asyncio.run(serve.ask(port, connections, turn, 2.0, serve.Load()))  # unmeasured
    for number in range(rounds):
        for name in sorted(ports, reverse=number % 2 == 1):
            load, port = loads[name], ports[name]
            start, done = _cpu(port), load.statuses[200]
            asyncio.run(serve.ask(port, connections, turn, seconds, load))
            cpu[name].append(1000 * (_cpu(port) - start) / max(1, load.statuses[200] - done))
    for name, load in loads.items():
        times = statistics.quantiles(load.times, n=100, method="inclusive")
        told = (f"{1000 * times[49]:.0f}", f"{1000 * times[98]:.0f}", _told(load.statuses))
        rate, cost = statistics.median(load.rates), statistics.median(cpu[name])
        print(ROW.format(connections, name, f"{rate:.2f}", f"{cost:.2f}", *told), flush=True)
    rates = [statistics.median(loads[name].rates) for name in ("after", "before")]
    costs = [statistics.median(cpu[name]) for name in ("after", "before")]
    ratios = f"{rates[0] / rates[1]:.3f}", f"{costs[0] / costs[1]:.3f}"
    print(ROW.format(connections, "ratio", *ratios, "", "", ""), flush=True)


def _cpu(port: int) -> float:
    return serve.figures(port)["process_cpu_seconds_total"]


def _told(statuses: Counter[int]) -> str:
    return " ".join(f"{status}:{count}" for status, count in sorted(statuses.items()))


@contextlib.contextmanager
def running(tree: Path) -> Iterator[int]:
    """The service of a checkout; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    program = [sys.executable, "-m", "scripts.serve", f"--model={MODEL}", f"--port={port}"]
    if (tree / "estimator" / "second_look").is_dir():  # what earlier services do not have
        program.append("--second_look=off")
    process = subprocess.Popen(
        program,
        cwd=tree,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(tree.resolve()), *sys.path[1:]))},
    )
    try:
        until = time.monotonic() + 300
        while True:
            with contextlib.suppress(OSError):
                serve.figures(port)
                break
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the service of {tree} did not start")
            time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
