"""What a connection takes in, and when it stops to."""

import asyncio
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from tfpose.serving import connection
from tfpose.serving.pace import Pace
from tfpose.serving.settings import Limits

MIB = 1 << 20
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


class Transport(asyncio.Transport):
    """A client's end that counts how often reading was stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.written, self.aborted = True, b"", False

    def get_protocol(self) -> Any:
        return self.protocol

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.reading = False

    def abort(self) -> None:
        self.aborted = True

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += bytes(data)


class Asked(Pace):
    """Notes the seconds that it is told of, and says how long to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(lambda: True, 0.2)
        self.told: list[float] = []
        self._seconds = seconds

    def pause(self, spent: float, *, always: bool = False) -> float:
        self.told.append(spent)
        return self._seconds


async def refused_at_once(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 422, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def kept(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["more_body"]:
        pass
    await refused_at_once(scope, receive, send)


def send(
    app: Any, pace: Asked, limits: Limits, pieces: list[bytes], *, answers: int = 1
) -> Transport:
    """Sends requests in pieces to an application, each as soon as reading goes on."""

    async def main() -> Transport:
        made = connection.bounded(limits, pace)
        config = Config(app, log_config=None, access_log=False)
        config.load()
        protocol = made(config=config, server_state=ServerState(), app_state={})
        transport = Transport()
        transport.protocol = protocol
        protocol.connection_made(transport)
        for piece in pieces:
            while not (transport.reading or transport.aborted):
                await asyncio.sleep(0.001)
            protocol.data_received(piece)
            await asyncio.sleep(0)
        while transport.written.count(b"HTTP/1.1 ") < answers and not transport.aborted:
            await asyncio.sleep(0.001)
        protocol.connection_lost(None)
        return transport

    return asyncio.run(asyncio.wait_for(main(), 20))


@pytest.mark.parametrize("app", [kept, refused_at_once])
def test_every_byte_of_bulk_counts_with_what_it_costs_to_receive(app: Any) -> None:
    """Also the bytes of a body that was refused while it came: they are read and dropped."""
    pace, limits = Asked(0.0), Limits(bulk_bytes=MIB)
    body = [bytes(MIB // 4)] * 8
    send(app, pace, limits, [HEAD % (2 * MIB), *body])
    counted = [spent for spent in pace.told if spent >= connection._BYTE * MIB / 4]
    assert len(counted) == 4  # of 2 MiB, the second


def test_bytes_behind_a_refused_head_count_too() -> None:
    pace, limits = Asked(0.0), Limits(bulk_bytes=MIB)
    head = b"POST / HTTP/1.1\r\n" + b"X: a\r\n" * (MIB // 24)
    transport = send(kept, pace, limits, [head] * 10)
    assert transport.written.startswith(b"HTTP/1.1 431")
    assert len(pace.told) == 6  # the first four are within the bound
    assert min(pace.told) >= connection._BYTE * len(head)


def test_what_is_small_is_never_asked_to_wait() -> None:
    pace = Asked(1.0)
    send(kept, pace, Limits(bulk_bytes=MIB), [HEAD % MIB, *[bytes(MIB // 2)] * 2])
    assert pace.told == []


def test_bulk_is_not_read_while_it_waits() -> None:
    """The client's next piece stays in the client until the pause is over."""
    pace, limits = Asked(0.01), Limits(bulk_bytes=1000)
    transport = send(kept, pace, limits, [HEAD % 5000, *[bytes(1000)] * 5])
    assert len(pace.told) >= 4
    assert b"422" in transport.written


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = (
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"1770\r\n%b\r\n" % bytes(6000)
    + b"0\r\n\r\n"
)


async def late(scope: Any, receive: Any, send: Any) -> None:
    """Answers when what was sent ahead has been parsed."""
    await asyncio.sleep(0.002)
    await kept(scope, receive, send)


@pytest.mark.parametrize("sent", [CHUNKED + GET * 20, (CHUNKED + GET) * 20, GET * 20])
def test_requests_sent_ahead_are_answered_wherever_what_arrives_is_cut(sent: bytes) -> None:
    """Also in the middle of what ends a head or a body."""
    wanted, end = sent.count(b" / HTTP/1.1"), sent.index(b"\r\n\r\nGET") + 4
    for cut in (1, *range(end - 6, end + 6), end + 1000, len(sent) - 1):
        limits = Limits(bulk_bytes=1000, pipelined=4)
        transport = send(late, Asked(0.0), limits, [sent[:cut], sent[cut:]], answers=wanted)
        assert transport.written.count(b"HTTP/1.1 422") == wanted, cut


def test_bytes_that_look_like_a_bodys_end_do_not_cut_it_to_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marks, pieces = b"0\r\n\r\n" * 2000, 0
    chunk = b"%x\r\n%b\r\n" % (len(marks), marks)
    step = connection.BoundedProtocol._step

    def counted(protocol: Any, data: bytes, place: int) -> int:
        nonlocal pieces
        pieces += 1
        return step(protocol, data, place)

    monkeypatch.setattr(connection.BoundedProtocol, "_step", counted)
    sent = CHUNKED.partition(b"1770")[0] + chunk + b"0\r\n\r\n" + GET
    transport = send(late, Asked(0.0), Limits(), [sent], answers=2)
    assert transport.written.count(b"HTTP/1.1 422") == 2
    assert pieces < 30
