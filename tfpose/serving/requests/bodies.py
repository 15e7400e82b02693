"""Reading a request's body whole, within its limits, before anything looks at it."""

import asyncio
import contextlib
import io
import time
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message, Receive

from ..errors import ServiceError, busy
from ..metrics import Metrics
from ..pace import Pace
from ..settings import Limits
from . import first_look
from .json_bounds import JsonBounds

_DRAINED = 8  # bodies' limits that are still read and thrown away, so that the answer is read


class DisconnectedError(Exception):
    """The client went away."""


class Reader:
    """Reads bodies, and counts the bytes that are held.

    Args:
      limits: of bodies.
      metrics: are kept up to date.
      pace: is told the time that large bodies take.
    """

    def __init__(self, limits: Limits, metrics: Metrics, pace: Pace) -> None:
        self._limits, self._metrics, self._pace = limits, metrics, pace
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
            its JSON has too many or too deep parts; what `first_look` says of its first picture.
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
        whole, size, looked = io.BytesIO(), 0, False  # it gives its bytes away without a copy
        kind = headers.get("content-type", "")
        bounds = None if kind.lower().startswith("multipart/") else JsonBounds(self._limits)
        try:
            async for part in _parts(receive):
                if size + len(part) > self._limits.body_bytes:
                    self._hold(-size)
                    return None
                start = time.monotonic()
                if bounds is not None:
                    bounds.feed(part)
                if self._held + len(part) > self._limits.buffered_bytes:
                    self._metrics.refused.labels("bytes").inc()
                    raise busy("too many large requests at once")
                whole.write(part)
                size += len(part)
                self._hold(len(part))
                if size > self._limits.bulk_bytes:
                    if not looked:
                        looked = True
                        first_look.refuse(whole.getvalue(), kind, self._limits)
                    self._pace.pause(time.monotonic() - start)  # whoever brings the next waits
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


def of(request: Request) -> bytes:
    """The body of a request, which is there whole; Starlette's `body()` would copy it."""
    body: bytes = request.scope["state"]["body"]
    return body


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    """The body's parts as they come."""
    more = True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        more = message.get("more_body", False)
        yield message.get("body", b"")
