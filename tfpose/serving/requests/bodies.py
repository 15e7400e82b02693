"""Reading a request's body whole, within its limits, before anything looks at it."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from ..errors import ServiceError, busy
from ..metrics import Metrics
from ..settings import Limits
from .json_bounds import JsonBounds

_DRAINED = 8  # bodies' limits that are still read and thrown away, so that the answer is read


class DisconnectedError(Exception):
    """The client went away."""


class Reader:
    """Reads bodies, and counts the bytes that are held."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits, self._metrics = limits, metrics
        self._held = 0

    def release(self, body: bytes) -> None:
        """The request is over."""
        self._hold(-len(body))

    def _hold(self, count: int) -> None:
        self._held += count
        self._metrics.buffered.set(self._held)

    async def read(self, receive: Receive, headers: Headers) -> bytes:
        """The body, which counts as held until `release`.

        Raises:
          DisconnectedError: the client went away.
          ServiceError: 413, it is too large; 408, it came too slowly; 503, too many are held; 400,
            its JSON has too many or too deep parts.
        """
        seconds = self._limits.body_seconds
        try:
            body = await asyncio.wait_for(self._collect(receive, headers), seconds)
        except (TimeoutError, asyncio.TimeoutError) as error:
            raise ServiceError(
                HTTPStatus.REQUEST_TIMEOUT, "the body came too slowly", {"Connection": "close"}
            ) from error
        if body is None:
            if "expect" not in headers:
                with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                    await asyncio.wait_for(self._drain(receive), seconds)
            raise ServiceError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body is larger than {self._limits.body_bytes} bytes",
                {"Connection": "close"},
            )
        return body

    async def _collect(self, receive: Receive, headers: Headers) -> bytes | None:
        """The body, or None where it is too large."""
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limits.body_bytes:
            return None
        whole, size = io.BytesIO(), 0  # it gives its bytes away without a copy
        multipart = headers.get("content-type", "").lower().startswith("multipart/")
        bounds = None if multipart else JsonBounds(self._limits)
        try:
            async for part in _parts(receive):
                if size + len(part) > self._limits.body_bytes:
                    self._hold(-size)
                    return None
                if bounds is not None:
                    bounds.feed(part)
                if self._held + len(part) > self._limits.buffered_bytes:
                    self._metrics.refused.labels("bytes").inc()
                    raise busy("too many large requests at once")
                whole.write(part)
                size += len(part)
                self._hold(len(part))
        except BaseException:
            self._hold(-size)
            raise
        return whole.getvalue()

    async def _drain(self, receive: Receive) -> None:
        """Reads on for a while: a client that still writes would not read an answer."""
        left = _DRAINED * self._limits.body_bytes
        async for part in _parts(receive):
            left -= len(part)
            if left < 0:
                return


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    """The body's parts as they come."""
    more = True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        more = message.get("more_body", False)
        yield message.get("body", b"")
