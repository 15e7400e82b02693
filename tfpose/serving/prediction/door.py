"""The gRPC server: who may call, how much is taken, and what an error is called there.

A unary call is one message each way, so that the server may take it as a stream of one: then the
key is looked at, and room is made, before a byte of the message is read.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import grpc
from starlette.datastructures import Headers

from ..errors import ServiceError, busy
from ..logs import LOGGER
from ..requests import callers
from ..service import Service
from ..settings import Limits
from . import calls

_FRAMES = 16 << 10  # bytes of a message's own framing and fields besides its pictures
_MESSAGE = 8 << 20  # bytes, at most: how large a message becomes is not known before it is there
_TURN = 1.0  # seconds that a message may take to come while others wait for room
_LOOK = 0.1  # seconds between two looks whether others wait
_PINGS = 30_000  # milliseconds between a client's pings
_CODES = {
    HTTPStatus.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.UNPROCESSABLE_ENTITY: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
Call = Callable[[Service, bytes], Awaitable[bytes]]
_SERVICES: Mapping[str, Mapping[str, Call]] = {
    "tensorflow.serving.PredictionService": {
        "Predict": calls.predict,
        "GetModelMetadata": calls.metadata,
    },
    "tensorflow.serving.ModelService": {"GetModelStatus": calls.status},
}


@asynccontextmanager
async def open_door(service: Service, port: int) -> AsyncIterator[int]:
    """Serves in this event loop until the context is left; then answers what it has taken.

    Args:
      service: that answers.
      port: to listen at, at the service's host; 0 takes a free one.

    Yields:
      The port.

    Raises:
      OSError: the port is taken.
    """
    settings = service.settings
    server = grpc.aio.server(
        options=_options(settings.limits), maximum_concurrent_rpcs=settings.limits.connections
    )
    room = _Room(settings.limits)
    for name, methods in _SERVICES.items():
        handlers = {
            method: grpc.stream_unary_rpc_method_handler(
                _Answer(service, room, method, call).answer
            )
            for method, call in methods.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(f"gRPC cannot listen at {host}:{port}: is the port taken?") from error
    await server.start()
    LOGGER.info("gRPC running on %s:%d", host, bound)
    try:
        yield bound
    finally:
        await server.stop(settings.limits.answer_seconds)


def _options(limits: Limits) -> list[tuple[str, Any]]:
    """gRPC's own bounds (grpc/impl/channel_arg_names.h)."""
    return [
        ("grpc.so_reuseport", 0),  # a second service on the port is refused, not mixed in
        ("grpc.max_receive_message_length", _most(limits) + _FRAMES),
        ("grpc.max_metadata_size", limits.head_bytes),
        ("grpc.absolute_max_metadata_size", limits.head_bytes),
        ("grpc.max_concurrent_streams", limits.pipelined),
        ("grpc.max_connection_idle_ms", round(1000 * limits.idle_seconds)),
        ("grpc.server_handshake_timeout_ms", round(1000 * limits.header_seconds)),
        ("grpc.compression_enabled_algorithms_bitset", 1),  # none: compressed, it could be a bomb
        ("grpc.http2.bdp_probe", 0),  # no more of a message is taken in than somebody reads
        ("grpc.http2.min_ping_interval_without_data_ms", _PINGS),
    ]


def _most(limits: Limits) -> int:
    """Bytes of a message, at most."""
    return min(limits.body_bytes, _MESSAGE)


class _Room:
    """Bytes of messages that are held: of those being read, whose size nobody knows, the most.

    Calls wait for room to read in; who is answered gives it back.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits, self._held = limits, 0
        self._waiting: list[asyncio.Future[None]] = []

    async def read(self, messages: AsyncIterator[bytes]) -> bytes:
        """The call's message, whose bytes count as held until `release`.

        Raises:
          ServiceError: 400, there is none; 408, it came too slowly; 503, there was no room.
        """
        most, seconds = _most(self._limits), self._limits.body_seconds
        try:
            await asyncio.wait_for(self._take(most), seconds)
        except (TimeoutError, asyncio.TimeoutError) as error:
            raise busy("too many large requests at once") from error
        message = b""
        coming = asyncio.ensure_future(anext(messages, b""))
        try:
            start = time.monotonic()
            while not coming.done():
                await asyncio.wait({coming}, timeout=_LOOK)
                if time.monotonic() - start > min(seconds, _TURN if self._waiting else seconds):
                    break
            if not coming.done():
                raise ServiceError(HTTPStatus.REQUEST_TIMEOUT, "the message came too slowly")
            message = coming.result()
        finally:
            coming.cancel()
            self.release(most - len(message))
        if not message:
            raise ServiceError(HTTPStatus.BAD_REQUEST, "the call has no message")
        return message

    async def _take(self, count: int) -> None:
        while self._held and self._held + count > self._limits.buffered_bytes:
            news = asyncio.get_running_loop().create_future()
            self._waiting.append(news)
            await news
        self._held += count

    def release(self, count: int) -> None:
        """Gives bytes back. Nothing is awaited, so that no cancelled call can keep its room."""
        self._held -= count
        waiting, self._waiting = self._waiting, []
        for news in waiting:
            if not news.done():
                news.set_result(None)


@dataclass(frozen=True)
class _Fault:
    """How a call ends: its code, why, and what goes with it."""

    code: grpc.StatusCode
    said: str = ""
    trailing: tuple[tuple[str, str], ...] = ()


class _Answer:
    """Answers the calls of one method."""

    def __init__(self, service: Service, room: _Room, method: str, call: Call) -> None:
        self._service, self._room = service, room
        self._method, self._call = method, call

    async def answer(
        self, messages: AsyncIterator[bytes], context: "grpc.aio.ServicerContext"
    ) -> bytes:
        start, size, fault = time.monotonic(), 0, _Fault(grpc.StatusCode.CANCELLED)
        try:
            self._check_key(context)
            message = await self._room.read(messages)
            size = len(message)
            seconds = self._service.settings.limits.answer_seconds
            answer = await asyncio.wait_for(self._call(self._service, message), seconds)
            fault = _Fault(grpc.StatusCode.OK)
        except (TimeoutError, asyncio.TimeoutError):
            fault = _Fault(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time")
        except ServiceError as error:
            code = _CODES.get(error.status, grpc.StatusCode.INTERNAL)
            fault = _Fault(code, error.message, _retry(error))
        except ValueError as error:  # of the message's parts
            said = f"the message cannot be read: {error}"
            fault = _Fault(grpc.StatusCode.INVALID_ARGUMENT, said)
        except Exception:
            LOGGER.exception("a call failed", extra={"fields": {"method": self._method}})
            fault = _Fault(grpc.StatusCode.INTERNAL, "an error of the service")
        finally:  # also where the client went away, which cancels this
            self._room.release(size)
            self._note(fault.code, time.monotonic() - start, size, context)
        if fault.code is not grpc.StatusCode.OK:
            await context.abort(fault.code, fault.said, fault.trailing)
        return answer

    def _check_key(self, context: "grpc.aio.ServicerContext") -> None:
        headers = Headers(dict(_texts(context.invocation_metadata())))
        if not callers.key_fits(self._service.settings, headers):
            raise ServiceError(
                HTTPStatus.UNAUTHORIZED,
                "this service wants its API key as metadata: authorization: Bearer KEY, or "
                "x-api-key: KEY",
            )

    def _note(self, code: grpc.StatusCode, seconds: float, size: int, context: Any) -> None:
        metrics, route = self._service.metrics, f"grpc/{self._method}"
        metrics.requests.labels(route, "GRPC", code.name).inc()
        metrics.seconds.labels(route).observe(seconds)
        fields = {
            "client": context.peer(),
            "method": "GRPC",
            "route": route,
            "status": code.name,
            "ms": round(1000 * seconds, 1),
            "bytes": size,
        }
        LOGGER.info("request", extra={"fields": fields})


def _texts(metadata: Any) -> list[tuple[str, str]]:
    return [(key, value) for key, value in metadata or () if isinstance(value, str)]


def _retry(error: ServiceError) -> tuple[tuple[str, str], ...]:
    """When to come again, as gRPC's retries read it."""
    seconds = error.headers.get("Retry-After", "")
    return (("grpc-retry-pushback-ms", f"{seconds}000"),) if seconds else ()
