"""One HTTP connection: uvicorn's, with bounds on a request's head and on what may wait.

uvicorn keeps every header that arrives, as many and as long as they are, before anybody is asked
for a key; it waits for ever for a head to end and for an answer to be read; and it takes in every
request that a client sends before it reads an answer. Here what arrives is cut where a head or a
body ends, and the next request waits unread until the last is answered.
"""

import asyncio
import time
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .pace import Pace
from .settings import Limits

# Bytes that are parsed at a time, of a body whose length is known, of a chunked one, and of all
# else; bounds are checked between two pieces.
_BODY_PIECE, _CHUNKED_PIECE, _PIECE = 256 << 10, 16 << 10, 4 << 10
_HEAD_END, _CHUNKS_END = b"\r\n\r\n", b"0\r\n\r\n"
_MOST_ENDS = 16  # that are looked for in a body: its bytes may be made of them
# Seconds of the event loop that a byte of a body takes besides parsing: to receive it, and to copy
# it to its reader and into new memory. Measured 1.6e-9 on a core of 2025; parsing took 0.1e-9.
_BYTE = 1.5e-9
_ANSWER = 0.001  # seconds of the event loop, about, that a request without pictures takes
_LINGER = 1.0  # seconds in which a refused client's bytes are dropped, so that it reads the answer
_MESSAGE = b"the request's head is too large, or has too many fields\n"
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(_MESSAGE), _MESSAGE)
)


class _Flow(FlowControl):
    """Reading may be paused by the application, which resumes it, and held by the connection."""

    held = False

    def hold(self) -> None:
        if not self.held:
            self.held = True
            self._transport.pause_reading()

    def release(self) -> None:
        self.held = False
        if not self.read_paused and not self._transport.is_closing():
            self._transport.resume_reading()

    def resume_reading(self) -> None:
        if self.held:
            self.read_paused = False
        else:
            super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """A connection that holds to its limits; `bounded` gives it some."""

    limits: Limits
    pace: Pace
    flow: _Flow
    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _rest, _place = b"", 0  # what arrived, and from where it waits to be parsed
    _pausing = False  # until `_go_on`
    _size = 0  # bytes of this request
    _overhead = 0  # bytes since the last that belonged to a body, or ended a head
    _fields = 0  # headers of this request, trailers too
    _in_body = False
    _body_left: int | None = None  # bytes; None where its end is not known before it comes
    _ends = 0  # places of a chunked body that looked like its end
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._head = self.loop.call_later(self.limits.header_seconds, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._rest, self._place = self._rest[self._place :] + data, 0
        if not self._pausing:
            self._feed()

    def _feed(self) -> None:
        """Parses what has arrived, up to the end of a request that is not answered yet."""
        start, place, data = time.monotonic(), self._place, self._rest
        while place < len(data) and not self._refused and not self._waits():
            if self.transport.is_closing():
                break
            piece = data[place : place + self._step(data, place)]
            place += len(piece)
            self._size += len(piece)
            self._overhead += len(piece)
            super().data_received(piece)
            if self.transport.get_protocol() is not self:  # it is a WebSocket now
                self._head = _cancelled(self._head)
                return
            if self._overhead > self.limits.head_bytes or self._is_crowded():
                self._refuse()
            elif len(self.pipeline) > self.limits.pipelined:
                self.transport.abort()
        if self._refused:
            self._size += len(data) - place  # what is dropped was received, too
        whole = self._refused or place == len(data)
        self._rest, self._place = (b"", 0) if whole else (data, place)
        if self._rest:
            self.flow.hold()
        elif self._size > self.limits.bulk_bytes:
            self._pause(time.monotonic() - start + _BYTE * len(data))
        self._watch_head()

    def _waits(self) -> bool:
        """A request is there whole, and its answer is not; or requests were taken in behind it."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        return bool(self.pipeline) or not self._in_body

    def _step(self, data: bytes, place: int) -> int:
        """How many bytes are parsed next: none behind the end of a head, or of a body.

        Behind a chunked body with trailers, or with many bytes that look like its end, those of one
        piece.
        """
        if self._in_body and self._body_left is not None:
            return max(1, min(_BODY_PIECE, self._body_left))
        if self._in_body and self._ends == _MOST_ENDS:
            return _CHUNKED_PIECE
        mark, most = (_CHUNKS_END, _CHUNKED_PIECE) if self._in_body else (_HEAD_END, _PIECE)
        if place == 0:  # what arrived before may have ended in the mark's beginning
            for rest in range(len(mark) - 1, 0, -1):
                if data.startswith(mark[-rest:]):
                    return rest
        end = data.find(mark, place, place + most)
        if end < 0:
            return most
        self._ends += self._in_body
        return end + len(mark) - place

    def _pause(self, spent: float) -> None:
        """Leaves time to the lanes."""
        if seconds := self.pace.pause(spent):
            self._pausing = True
            self.flow.hold()
            self.loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._pausing = False
        if self.parser is None or self.transport.is_closing():  # the connection is lost
            return
        self.flow.release()
        if self._rest:
            self._feed()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._rest and not self._pausing:
            self._pausing = True
            self.loop.call_later(self.pace.pause(_ANSWER, always=True), self._go_on)

    def _watch_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._head = _cancelled(self._head)
        elif self._head is None and not self._refused:
            self._head = self.loop.call_later(self.limits.header_seconds, self.transport.abort)

    def _is_crowded(self) -> bool:
        return self._fields > self.limits.head_fields

    def _refuse(self) -> None:
        self._refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # an answer is on its way: nothing may be put into it
            return
        self.transport.write(_REFUSAL)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER, self.transport.abort)

    def on_message_begin(self) -> None:
        self._size = self._overhead = self._fields = self._ends = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        if not self._is_crowded():
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._is_crowded():
            self._overhead, self._in_body = 0, True
            self._body_left = _length(self.headers)
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_crowded():
            self._overhead = 0
            if self._body_left is not None:
                self._body_left -= len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_crowded():
            self._overhead, self._in_body = 0, False
            super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self.limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = _cancelled(self._unread)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head, self._unread = _cancelled(self._head), _cancelled(self._unread)
        super().connection_lost(exc)


def bounded(limits: Limits, pace: Pace) -> type[HttpToolsProtocol]:
    """The class of connections that hold to these limits."""
    return type("Bounded", (BoundedProtocol,), {"limits": limits, "pace": pace})


def _length(headers: list[tuple[bytes, bytes]]) -> int | None:
    """Bytes of a body; None where it is chunked."""
    told = dict(headers)
    if b"transfer-encoding" in told:
        return None
    length = told.get(b"content-length", b"0").strip()
    return int(length) if length.isdigit() else None


def _cancelled(timer: asyncio.TimerHandle | None) -> Any:
    """Stops a timer, if there is one; there is none then."""
    if timer is not None:
        timer.cancel()
