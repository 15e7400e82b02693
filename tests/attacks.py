"""Attacks the service, and shows how long it was silent, what it took, and what the others got.

    python -m tests.attacks                        this checkout
    python -m tests.attacks --before=../before --rounds=3 --only=scans,json

The service is a process of its own with the shipped network, a new one for each attack. Meanwhile
one client asks for /healthz again and again, and another sends an honest photograph; "silent" is
the longest time that /healthz took, "memory" the most that the process and its children held
together. "times usual" is the honest client's median against its median just before the attack,
with the same process. "ms each" is the processor time of the service for one request of the
attacker, without that of the honest answers.

The attacker is a process of its own on the same cores. Each attack is made twice: "beside", by an
attacker of the service's own priority, which takes cores from the service as an attacker elsewhere
would not; and "remote", by one that the system lets run only where a core has nothing else to do.

With `--before`, an earlier checkout is attacked in turns with this one, so that whatever else the
machine does meets both; figures of several rounds are their medians, but for the longest silence
and the most memory.
"""

import argparse
import contextlib
import http.client
import multiprocessing
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from tests import hostile_pictures as hostile
from tests.hostile_requests import FORM, ROOT, attacks, form, head, photograph, picture

PAGE = 4096
START = 300.0  # seconds that the service may take to be ready
PATIENCE = 60.0  # seconds after which a client gives up
ROW = "{:<30} {:>6} {:>6} {:>8} {:>10} {:>8} {:>11} {:>7} {:>8}  {}"
TITLES = ("attack", "tree", "from", "silent s", "memory MiB", "median s", "times usual", "worst s")
PLACES = ("beside", "remote")  # where the attacker is; see the top
TICKS = os.sysconf("SC_CLK_TCK")


class Service:
    """The process, and what is seen of it."""

    def __init__(self, tree: Path, model: Path, port: int) -> None:
        self.port = port
        program = [sys.executable, "-m", "tfpose", "serve", f"--model=pose={model}"]
        self.process = subprocess.Popen(
            [*program, f"--port={port}"],
            cwd=tree,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(tree.resolve()), *sys.path[1:]))},
        )

    def send(self, data: bytes) -> bytes:
        return send(self.port, data)

    def memory(self) -> int:
        """Bytes that the process and its children hold."""
        return sum(int(_figures(pid, "statm")[1]) * PAGE for pid in self._family())

    def seconds(self) -> float:
        """Processor time of the process and its children, also of those that ended."""
        figures = (_figures(pid, "stat") for pid in self._family())
        return sum(sum(map(int, some[11:15])) for some in figures) / TICKS

    def _family(self) -> Iterator[int]:
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            with contextlib.suppress(OSError, ValueError, IndexError):
                for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
                    waiting += map(int, tasks.read_text().split())
                yield pid


def send(port: int, data: bytes) -> bytes:
    """The first line of the answer; "" where the connection broke."""
    said = b""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), PATIENCE) as client,
    ):
        with contextlib.suppress(OSError):
            client.sendall(data)
        said = client.recv(4096)
    return said.partition(b"\r\n")[0]


def _figures(pid: int, name: str) -> list[str]:
    """The fields of a process behind its name; zeros where it has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 15


class Watch:
    """Looks on while an attack lasts."""

    def __init__(self, service: Service) -> None:
        self.service, self.silent, self.peak = service, 0.0, 0
        self.times: list[float] = []
        self.statuses: Counter[str] = Counter()
        self._ended = False
        jobs = (self._health, self._honest, self._memory)
        self._threads = [threading.Thread(target=job, daemon=True) for job in jobs]

    def __enter__(self) -> "Watch":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        for thread in self._threads:
            thread.join(PATIENCE + 10)

    def _health(self) -> None:
        while not self._ended:
            start = time.monotonic()
            said = self.service.send(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            if b"200" in said or time.monotonic() - start > 1:
                self.silent = max(self.silent, time.monotonic() - start)
            time.sleep(0.02)

    def _honest(self) -> None:
        body = form(photograph())
        while not self._ended:
            start = time.monotonic()
            said = self.service.send(head(body, FORM) + body).decode("latin-1")
            self.times.append(time.monotonic() - start)
            self.statuses[said[9:12] or "lost"] += 1
            time.sleep(0.05)

    def _memory(self) -> None:
        while not self._ended:
            self.peak = max(self.peak, self.service.memory())
            time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="an earlier checkout, attacked in turns")
    parser.add_argument("--only", default="", help="names of attacks, with commas")
    parser.add_argument("--seconds", type=float, default=6.0, help="that an attack lasts at least")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    trees = {"before": options.before, "now": ROOT} if options.before else {"now": ROOT}
    print(ROW.format(*TITLES, "ms each", "got"), flush=True)
    for name, made in attacks().items():
        if not wanted or name in wanted:
            compare(name, made(), trees, options.rounds, options.seconds)
    others = {"model": cut_model, "rebinding": rebind, "end": end}
    for name, other in others.items():
        if not wanted or name in wanted:
            for title, tree in trees.items():
                with running(tree) as (service, model):
                    print(f"{title}: ", end="")
                    other(service, model)


def compare(
    name: str, sent: list[bytes], trees: dict[str, Path], rounds: int, seconds: float
) -> None:
    """Runs one attack on each checkout in turns, and prints a row for each."""
    with contextlib.ExitStack() as stack:
        services = {title: stack.enter_context(running(tree))[0] for title, tree in trees.items()}
        seen: dict[str, list[dict[str, Seen]]] = {title: [] for title in trees}
        for number in range(rounds):
            for title in sorted(services, reverse=number % 2 == 1):
                seen[title].append(run(services[title], sent, seconds))
        for place in PLACES:
            for title, rows in seen.items():
                report(name, title, place, [row[place] for row in rows])


def cut_model(service: Service, model: Path) -> None:
    """Cuts the model's file to nothing while it is served."""
    model.write_bytes(b"")
    said = service.send(picture(photograph()))
    time.sleep(0.5)
    fate = "alive" if service.process.poll() is None else "DEAD"
    print(f"model cut to nothing: {said.decode() or 'lost'}, {fate}", flush=True)


def rebind(service: Service, _: Path) -> None:
    """Asks under another host's name, and as another site's page."""
    foreign = b"Host: 127.0.0.1\r\nOrigin: https://evil.example"
    for header in (b"Host: evil.example", foreign):
        said = service.send(b"POST /v1/pose HTTP/1.1\r\n%b\r\n\r\n" % header)
        print(f"{header!r}: {said.decode()}", flush=True)


def end(service: Service, _: Path) -> None:
    """Tells it to end while both lanes have pictures of 45,000 scans."""
    scans = picture(hostile.many_scans(45_000))
    for _ in range(2):
        threading.Thread(target=service.send, args=(scans,), daemon=True).start()
    time.sleep(2)
    start = time.monotonic()
    service.process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        service.process.wait(PATIENCE)
    ended = service.process.poll() is not None
    print(f"SIGTERM under scans: {time.monotonic() - start:.1f} s, ended: {ended}", flush=True)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One window of an attack: the honest client's times beside what is usual, and the answers."""

    silent: float
    peak: int
    usual: float
    times: list[float]
    statuses: Counter[str]
    attacker: Counter[str]
    seconds: float  # of the processor, for the attacker alone
    fate: str

    @property
    def median(self) -> float:
        return statistics.median(self.times) if self.times else float("nan")


def run(service: Service, sent: list[bytes], seconds: float) -> dict[str, Seen]:
    """What is usual, and then one attack from each place, until its time is over."""
    start = service.seconds()
    with Watch(service) as usual:
        time.sleep(seconds)
    cost = (service.seconds() - start) / len(usual.times)  # of an honest answer
    return {place: attack(service, sent, seconds, place, usual, cost) for place in PLACES}


def attack(
    service: Service, sent: list[bytes], seconds: float, place: str, usual: Watch, cost: float
) -> Seen:
    """Sends all of `sent` at once, each again and again."""
    fork = multiprocessing.get_context("fork")  # what is sent need not be copied
    here, there = fork.Pipe()
    attacker = fork.Process(
        target=attack_on, args=(service.port, sent, seconds, place, there), daemon=True
    )
    attacker.start()
    start = service.seconds()
    with Watch(service) as watch:
        here.send(None)
        answers: Counter[str] = here.recv() if here.poll(seconds + PATIENCE + 10) else Counter()
    used = service.seconds() - start
    attacker.kill()
    attacker.join()
    return Seen(
        silent=watch.silent,
        peak=watch.peak,
        usual=statistics.median(usual.times),
        times=watch.times,
        statuses=watch.statuses,
        attacker=answers,
        seconds=max(0.0, used - cost * len(watch.times)),
        fate="" if service.process.poll() is None else "THE SERVICE ENDED",
    )


def attack_on(port: int, sent: list[bytes], seconds: float, place: str, said: Connection) -> None:
    """The attacker's process."""
    if place == "remote":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    answers: Counter[str] = Counter()
    said.recv()
    until = time.monotonic() + seconds

    def go_on(data: bytes) -> None:
        while time.monotonic() < until:
            answers[send(port, data).decode("latin-1")[9:12] or "closed"] += 1

    threads = [threading.Thread(target=go_on, args=(data,), daemon=True) for data in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE + 5)
    said.send(answers)


def report(name: str, title: str, place: str, rows: list[Seen]) -> None:
    statuses = sum((row.statuses for row in rows), Counter())
    attacker = sum((row.attacker for row in rows), Counter())
    fate = next((row.fate for row in rows if row.fate), "")
    each = 1000 * sum(row.seconds for row in rows) / max(1, attacker.total())
    print(
        ROW.format(
            name,
            title,
            place,
            f"{max(row.silent for row in rows):.2f}",
            f"{max(row.peak for row in rows) >> 20}",
            f"{statistics.median(row.median for row in rows):.3f}",
            f"{statistics.median(row.median / row.usual for row in rows):.1f}",
            f"{max(max(row.times, default=0) for row in rows):.2f}",
            f"{each:.1f}",
            f"{dict(statuses)} attacker {dict(attacker)} {fate}",
        ),
        flush=True,
    )


@contextlib.contextmanager
def running(tree: Path) -> Iterator[tuple[Service, Path]]:
    """The service, with a model file that may be spoilt."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model.tflite")
        shutil.copy(ROOT / "saved_models" / "tfpose_s" / "model.tflite", model)
        service = Service(tree, model, port)
        try:
            until = time.monotonic() + START
            while True:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    if b"200" in service.send(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"):
                        break
                if service.process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"the service of {tree} did not start")
                time.sleep(0.1)
            yield service, model
        finally:
            service.process.kill()
            service.process.wait()


if __name__ == "__main__":
    main()
