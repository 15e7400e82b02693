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
        self.reading, self.written = True, b""

    def get_protocol(self) -> Any:
        return self.protocol

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.reading = False

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


def send(app: Any, pace: Asked, limits: Limits, pieces: list[bytes]) -> Transport:
    """Sends a request in pieces to an application, each as soon as reading goes on."""

    async def main() -> Transport:
        made = connection.bounded(limits, pace)
        config = Config(app, log_config=None, access_log=False)
        config.load()
        protocol = made(config=config, server_state=ServerState(), app_state={})
        transport = Transport()
        transport.protocol = protocol
        protocol.connection_made(transport)
        for piece in pieces:
            while not transport.reading:
                await asyncio.sleep(0.001)
            protocol.data_received(piece)
            await asyncio.sleep(0)
        while not transport.written:
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
