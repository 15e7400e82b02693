"""One HTTP connection: uvicorn's, with bounds on a request's head and on what may wait.

uvicorn keeps every header that arrives, as many and as long as they are, before anybody is asked
for a key; it waits for ever for a head to end and for an answer to be read; and it queues every
request that a client sends before it reads an answer.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .settings import Limits

# Bytes that are parsed at a time, of a body and of all else; bounds are checked between two pieces.
_BODY_PIECE, _PIECE = 64 << 10, 4 << 10
_LINGER = 1.0  # seconds in which a refused client's bytes are dropped, so that it reads the answer
_MESSAGE = b"the request's head is too large, or has too many fields\n"
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(_MESSAGE), _MESSAGE)
)


class BoundedProtocol(HttpToolsProtocol):
    """A connection that holds to its limits; `bounded` gives it some."""

    limits: Limits
    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _overhead = 0  # bytes since the last that belonged to a body, or ended a head
    _fields = 0  # headers of this request, trailers too
    _in_body = False
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head = self.loop.call_later(self.limits.header_seconds, transport.abort)

    def data_received(self, data: bytes) -> None:
        start = 0
        while start < len(data):
            if self._refused or self.transport.is_closing():
                return
            piece = data[start : start + (_BODY_PIECE if self._in_body else _PIECE)]
            start += len(piece)
            self._overhead += len(piece)
            super().data_received(piece)
            if self.transport.get_protocol() is not self:  # it is a WebSocket now
                self._head = _cancelled(self._head)
                return
            if self._overhead > self.limits.head_bytes or self._is_crowded():
                self._refuse()
            elif len(self.pipeline) > self.limits.pipelined:
                self.transport.abort()
        self._watch_head()

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
        self._overhead = self._fields = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        if not self._is_crowded():
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._is_crowded():
            self._overhead, self._in_body = 0, True
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_crowded():
            self._overhead = 0
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


def bounded(limits: Limits) -> type[HttpToolsProtocol]:
    """The class of connections that hold to these limits."""
    return type("Bounded", (BoundedProtocol,), {"limits": limits})


def _cancelled(timer: asyncio.TimerHandle | None) -> Any:
    """Stops a timer, if there is one; there is none then."""
    if timer is not None:
        timer.cancel()
