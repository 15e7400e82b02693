"""Signals, slow clients and memory: what only a process of its own shows."""

import contextlib
import http.client
import itertools
import signal
import socket
import threading
import time
from collections.abc import Callable

from tests import hostile_pictures as hostile

from .fake_service import Running, running
from .fakes import picture


def form(data: bytes) -> bytes:
    head = b"--x\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\n"
    return head + data + b"\r\n--x--\r\n"


BODY = form(picture())
HEADERS = {"Content-Type": "multipart/form-data; boundary=x"}
QUICK = {"header_seconds": 0.5, "body_seconds": 0.5, "send_seconds": 0.5}


def post(port: int, body: bytes = BODY) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/v1/pose", body, HEADERS)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


class Client(threading.Thread):
    """Asks again and again on connections that stay open; notes every answer and every loss."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port, self.statuses, self.lost, self.refused = port, [], 0, False

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while True:
            try:
                if connection.sock is None:
                    connection.connect()
            except OSError:  # it listens no more
                self.refused = True
                connection.close()
                return
            try:
                connection.request("POST", "/v1/pose", BODY, HEADERS)
                answer = connection.getresponse()
                answer.read()
                self.statuses.append(answer.status)
            except (OSError, http.client.HTTPException):
                self.lost += 1
                connection.close()


def test_every_request_that_was_accepted_is_answered_when_it_is_told_to_end() -> None:
    with running(seconds=0.05, drain_seconds=3.0) as service:
        clients = [Client(service.port) for _ in range(12)]
        for client in clients:
            client.start()
        assert within(60, lambda: all(len(client.statuses) > 2 for client in clients))
        service.process.send_signal(signal.SIGTERM)
        assert within(20, lambda: service.get("/readyz")[0] == 503)
        for client in clients:
            client.join(60)
        assert service.process.wait(60) == -signal.SIGTERM
    statuses = [status for client in clients for status in client.statuses]
    assert set(statuses) == {200}
    assert sum(client.lost for client in clients) == 0
    assert all(client.refused for client in clients)


def test_a_full_queue_answers_503_with_retry_after_and_the_rest_200() -> None:
    with running(seconds=0.1, limits={"queued_pictures": 4}) as service:
        statuses = []
        threads = [
            threading.Thread(target=lambda: statuses.append(post(service.port))) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 4
        assert service.figure('tfpose_refused_total{reason="queue"}') == statuses.count(503)
        assert service.figure("tfpose_queued_pictures") == 0


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def is_broken(client: socket.socket) -> bool:
    """The other side takes no more."""
    try:
        client.send(b"GET")
    except OSError:
        return True
    return False


def is_closed(client: socket.socket, within: float) -> bool:
    """The other side closes within so many seconds; what it says before is passed over."""
    client.settimeout(within)
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


STARTS = [
    b"",
    b"POST /v1/pose HTTP/1.1\r\nHost: localhost\r\nX-A: ",
    b"POST /v1/pose HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
]


def test_clients_that_trickle_are_closed_and_others_are_served() -> None:
    """Slow lorises: a byte every 50 ms, in the head, in the body, in a second request's head."""
    with running(limits=QUICK) as service, contextlib.ExitStack() as stack:
        place = ("127.0.0.1", service.port)
        slow = [stack.enter_context(socket.create_connection(place)) for _ in range(80)]
        for client, start in zip(slow, itertools.cycle(STARTS), strict=False):
            client.sendall(start)
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            for client in slow:
                with contextlib.suppress(OSError):
                    client.send(b"a")
            assert post(service.port) == 200
            time.sleep(0.05)
        assert all(is_closed(client, 20.0) for client in slow)


def ask(port: int, data: bytes) -> bytes:
    """Sends as much as is taken, and gives what is answered until the connection closes."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        with contextlib.suppress(OSError):
            client.sendall(data)
        with contextlib.suppress(OSError):
            while part := client.recv(65536):
                said += part
    return said


def test_heads_without_end_are_refused_before_the_key_and_not_held() -> None:
    start, chunked = (
        b"POST /v1/pose HTTP/1.1\r\nHost: localhost\r\n",
        b"Transfer-Encoding: chunked\r\n",
    )
    floods = {
        "fields": start + b"X: a\r\n" * 1_000_000,
        "a long field": start + b"X: " + b"a" * 8_000_000,
        "a long path": b"GET /" + b"a" * 8_000_000,
        "trailers": start + chunked + b"\r\n0\r\n" + b"X: a\r\n" * 1_000_000,
    }
    with running(api_key="a-key-of-at-least-16") as service:
        before = service.resident_of_process
        for flood in floods.values():
            said = ask(service.port, flood)
            assert said.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 401 ")) or not said
            assert service.get("/healthz")[0] == 200
        assert ask(service.port, floods["fields"]).startswith(b"HTTP/1.1 431 ")
        with socket.create_connection(("127.0.0.1", service.port), timeout=1) as ahead:
            with contextlib.suppress(OSError):
                ahead.sendall(GET * 200_000)
            assert service.get("/healthz")[0] == 200
        assert service.resident_of_process - before < 32 << 20


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"POST /v1/pose HTTP/1.1\r\nHost: localhost\r\n"


def requests_at_once(form_body: bytes) -> bytes:
    """Twenty, with and without bodies; the last closes the connection."""
    kind = b"Content-Type: multipart/form-data; boundary=x\r\n"
    known = HEAD + kind + b"Content-Length: %d\r\n\r\n" % len(form_body) + form_body
    parts = [form_body[start : start + 999] for start in range(0, len(form_body), 999)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    chunked = HEAD + kind + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    return (known + GET + chunked + GET * 2) * 3 + GET * 4 + last


def test_requests_sent_ahead_are_all_answered_in_their_order_however_they_are_cut() -> None:
    sent = requests_at_once(BODY)
    with running(seconds=0.01, limits={"bulk_bytes": 1000}) as service:
        for size in (len(sent), 1000, 61):
            with socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
                for start in range(0, len(sent), size):
                    client.sendall(sent[start : start + size])
                said = b""
                while part := client.recv(65536):
                    said += part
            assert said.count(b"HTTP/1.1 200 OK") == 20
            kinds = ["images" if b'"people"' in one else "" for one in said.split(b"HTTP/1.1 ")[1:]]
            assert kinds == ["images", "", "images", "", ""] * 3 + [""] * 5


def test_requests_sent_ahead_are_not_taken_in_before_the_last_is_answered() -> None:
    """The client's writes stop, as soon as the buffers of both sockets are full."""
    with running() as service, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", service.port))
        client.settimeout(2.0)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 64 << 20:
                sent += client.send(GET * 1000)
        assert sent < 32 << 20
        assert service.get("/healthz")[0] == 200


def test_pictures_of_thousands_of_scans_hold_nobody_up_and_it_ends_when_told() -> None:
    scans = form(hostile.many_scans(20_000, 4000, 4000))
    slow = form(hostile.many_scans(100, 7000, 7000))
    with running(limits={"decode_seconds": 0.01}) as service:
        assert post(service.port, scans) == 422
        senders = [
            threading.Thread(target=post, args=(service.port, slow), daemon=True) for _ in range(3)
        ]
        for sender in senders:
            sender.start()
        assert post(service.port) == 200
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(180) == -signal.SIGTERM


def test_a_client_that_reads_no_answer_is_closed() -> None:
    """It asks for more than the buffers of both sides' sockets hold, about 5 MB."""
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with running(limits=QUICK) as service, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", service.port))
        client.settimeout(15)
        client.sendall(ask * 500)
        assert within(15, lambda: is_broken(client))
        assert post(service.port) == 200


def test_a_client_that_goes_away_harms_nobody() -> None:
    with running(seconds=0.05) as service:
        for _ in range(20):
            client = socket.create_connection(("127.0.0.1", service.port))
            head = b"POST /v1/pose HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n" % len(
                BODY
            )
            client.sendall(head + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + BODY)
            client.close()
        assert post(service.port) == 200
        assert within(10, lambda: service.figure("tfpose_buffered_bytes") == 0)


def test_memory_stays_flat_over_many_requests() -> None:
    with running() as service:
        _many(service, 200)
        before = service.resident
        _many(service, 500)
        assert service.resident - before < 8 << 20


def _many(service: Running, count: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    for _ in range(count):
        connection.request("POST", "/v1/pose", BODY, HEADERS)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()
