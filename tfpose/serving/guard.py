"""What stands before every HTTP request: host, page, key, the body's limits, a line in the log."""

import re
import time
import uuid
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import ServiceError, respond
from .logs import LOGGER
from .requests import callers
from .requests.bodies import DisconnectedError, Reader
from .routes import live
from .routes.pages import OPEN_PATHS
from .service import Service

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


class Guard:
    """ASGI middleware; WebSockets pass, stream.py looks after itself."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service
        self._reader = Reader(service.settings.limits, service.metrics, service.pace)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, headers = time.monotonic(), Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        if not _ID.fullmatch(request_id):
            request_id = uuid.uuid4().hex
        scope.setdefault("state", {}).update(request_id=request_id, arrived=start)
        status, body = 0, b""

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                out = MutableHeaders(scope=message)
                out.update({"X-Request-ID": request_id, **_HEADERS})
                if self._service.draining:
                    out["Connection"] = "close"
            await send(message)

        try:
            callers.check(self._service.settings, headers, scope["method"])
            self._check_key(scope, headers)
            if scope["method"] not in _BODILESS:
                body = await self._reader.read(receive, headers)
                scope["state"].update(arrived=time.monotonic(), body=body)
            await self._app(scope, _replay(body, receive), sending)
        except DisconnectedError:
            status = 499  # as nginx logs a client that went away
        except ServiceError as error:
            await respond(scope["path"], error, request_id)(scope, receive, sending)
        except Exception:
            LOGGER.exception("a request failed", extra={"fields": {"id": request_id}})
            if not status:
                failure = ServiceError(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the service")
                await respond(scope["path"], failure, request_id)(scope, receive, sending)
        finally:
            self._reader.release(body)
            self._note(scope, request_id, status, time.monotonic() - start, len(body))

    def _check_key(self, scope: Scope, headers: Headers) -> None:
        path = scope["path"]
        if scope["method"] in _BODILESS and (path in OPEN_PATHS or live.is_open(path)):
            return
        if not callers.key_fits(self._service.settings, headers):
            raise ServiceError(
                HTTPStatus.UNAUTHORIZED,
                "this service wants its API key: Authorization: Bearer KEY, or X-API-Key: KEY",
                {"WWW-Authenticate": "Bearer"},
            )

    def _note(
        self, scope: Scope, request_id: str, status: int, seconds: float, received: int
    ) -> None:
        route = getattr(scope.get("route"), "path", "other")  # never a path that a client made up
        metrics = self._service.metrics
        metrics.requests.labels(route, scope["method"], str(status)).inc()
        metrics.seconds.labels(route).observe(seconds)
        fields = {
            "id": request_id,
            "client": (scope.get("client") or ("", 0))[0],
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(1000 * seconds, 1),
            "bytes": received,
        }
        LOGGER.info("request", extra={"fields": fields})


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, then whatever comes after it."""
    given = False

    async def replaying() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replaying
