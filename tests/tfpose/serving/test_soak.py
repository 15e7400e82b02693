"""Minutes of what the world sends: mixed requests, endless bodies, many sockets, kills under load.

`pytest -m faults`, by hand and nightly.
"""

import contextlib
import http.client
import json
import random
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests import hostile_pictures as hostile

from .fake_service import running
from .fakes import encoded, picture
from .test_process import BODY, HEADERS, form, is_closed, post, within

pytestmark = [pytest.mark.soak, pytest.mark.faults]
MIXED = 2000
SOCKETS = 100


def kinds() -> list[tuple[str, str, bytes, dict[str, str]]]:
    """Requests of every kind: honest, wrong and hostile; small enough for two thousand of them."""
    json_kind = {"Content-Type": "application/json"}
    images = json.dumps({"images": [encoded(picture())] * 2}).encode()
    rows = json.dumps({"inputs": [{"b64": encoded(picture(kind=".png"))}]}).encode()
    hats = json.dumps({"hat_location": [], "img": encoded(picture())}).encode()
    return [
        ("POST", "/v1/pose", BODY, HEADERS),
        ("POST", "/v1/pose?draw=1", form(picture(900, 1200)), HEADERS),
        ("POST", "/v1/pose", form(picture(3000, 4000, ".png")), HEADERS),  # by the other process
        ("POST", "/v1/pose", images, json_kind),
        ("POST", "/v1/models/pose:predict", rows, json_kind),
        ("POST", "/", hats, json_kind),
        ("GET", "/openapi.json", b"", {}),
        ("GET", "/nowhere", b"", {}),
        ("POST", "/v1/pose", form(hostile.many_scans(101, 400, 400)), HEADERS),
        ("POST", "/v1/pose", form(hostile.empty_segments(20_000)), HEADERS),
        ("POST", "/v1/pose", form(b"hello"), HEADERS),
        ("POST", "/v1/pose", b"[" * 10_000, json_kind),
        ("POST", "/v1/pose", hostile.deep_escapes(100_000), json_kind),
        ("POST", "/v1/pose", b"--x\r\n" + b"A: b\r\n" * 10_000, HEADERS),
    ]


def test_two_thousand_mixed_requests_leave_memory_flat() -> None:
    sent, statuses = kinds(), Counter()
    with (
        running() as service,
        contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        ) as connection,
    ):
        order = random.Random(0)

        def ask(count: int) -> None:
            for _ in range(count):
                method, path, body, headers = order.choice(sent)
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                answer.read()
                statuses[answer.status] += 1

        ask(MIXED // 4)
        before = service.resident
        ask(3 * MIXED // 4)
        assert service.resident - before < 32 << 20
        assert set(statuses) <= {200, 400, 404, 413, 415, 422}
        assert statuses[200] > MIXED // 4
        assert service.figure("tfpose_buffered_bytes") == 0
        assert service.figure("tfpose_costly_pictures") == 0


def test_bodies_without_end_are_closed_and_a_hundred_sockets_are_served() -> None:
    start = b"POST /v1/pose HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with running(limits={"body_bytes": 1 << 20, "body_seconds": 5.0}) as service:
        ended, until = threading.Event(), time.monotonic() + 20

        def pour(chunk: bytes) -> None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", service.port), 20) as client,
            ):
                client.sendall(start)
                while not ended.is_set() and time.monotonic() < until:
                    client.sendall(chunk)

        chunks = (b"10000\r\n" + bytes(0x10000) + b"\r\n", b"1\r\na\r\n", b"1;x=y\r\na\r\n")
        pouring = [threading.Thread(target=pour, args=(chunk,)) for chunk in chunks]
        for thread in pouring:
            thread.start()
        statuses: list[int] = []
        asking = [
            threading.Thread(target=lambda: statuses.append(post(service.port)))
            for _ in range(SOCKETS)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(60)
        ended.set()
        for thread in pouring:
            thread.join(30)
        assert statuses == [200] * SOCKETS
        assert service.resident < 400 << 20
        assert within(30, lambda: service.figure("tfpose_buffered_bytes") == 0)


def test_readers_that_take_a_byte_now_and_then_are_closed() -> None:
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with running(limits={"send_seconds": 1.0}) as service, contextlib.ExitStack() as stack:
        slow = []
        for _ in range(30):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", service.port))
            client.sendall(ask * 16)
            slow.append(client)
        for _ in range(20):
            for client in slow:
                with contextlib.suppress(OSError):
                    client.recv(1)
            assert post(service.port) == 200
            time.sleep(0.1)
        assert all(is_closed(client, 30.0) for client in slow)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_service_that_is_ended_under_load(number: signal.Signals) -> None:
    """The decoding process, too: it ends when its input does."""
    large = form(picture(4000, 5000, ".png"))
    with running(seconds=0.02, drain_seconds=0.5) as service:
        assert post(service.port, large) == 200
        tasks = Path(f"/proc/{service.process.pid}/task").glob("*/children")
        children = [int(pid) for task in tasks for pid in task.read_text().split()]
        assert len(children) == 1
        senders = [
            threading.Thread(target=_ask_on, args=(service.port, body), daemon=True)
            for body in (large, BODY, BODY, BODY)
        ]
        for sender in senders:
            sender.start()
        time.sleep(1)
        service.process.send_signal(number)
        assert service.process.wait(90) == -number
        assert within(20, lambda: not any(_runs(pid) for pid in children))
        for sender in senders:
            sender.join(90)


def _ask_on(port: int, body: bytes) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        while True:
            post(port, body)


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
