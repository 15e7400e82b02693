"""/v1/stream: frames of a camera in, people with identities out; only the latest frame counts.

The client sends every frame as one binary message, a JPEG, PNG, WebP or BMP. Each answer is one
JSON text: `frame`, which of the frames sent it is (0, 1, ...), `dropped`, how many were passed
over so far because a later one was there, and `width`, `height` and `people` as of /v1/pose, each
with an `id`; or `error`. While an answer waits to be read, frames go on to replace one another.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from estimator import Poses, Smoother, Tracker

from .. import answers, service
from ..errors import ServiceError
from ..requests import callers, encoded_pictures, off_loop
from ..service import Seen, Service

PROTOCOL = "tfpose"  # browsers cannot send the key in a header: they offer "tfpose" and "key.KEY"
_POLICY, _TOO_MANY, _AWAY = 1008, 1013, 1001  # RFC 6455, section 7.4; IANA's registry of codes
_REASON = 120  # bytes; RFC 6455, section 5.5 allows 123

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """An encoded frame: which it is, and when it came, in seconds."""

    data: bytes
    index: int
    time: float


class Latest:
    """Holds one frame: a later one takes its place."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._news = asyncio.Event()
        self._ended = False
        self.dropped = 0

    def put(self, frame: Frame) -> None:
        self.dropped += self._frame is not None
        self._frame = frame
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def take(self) -> Frame | None:
        """The latest frame, as soon as there is one; None at the end."""
        await self._news.wait()
        self._news.clear()
        frame, self._frame = self._frame, None
        return None if self._ended else frame


@router.websocket("/v1/stream")
async def stream(websocket: WebSocket, model: str | None = None, smooth: bool = False) -> None:
    """See the top of this file; `smooth=1` steadies the keypoints."""
    shared = service.of(websocket)
    refusal = _refusal(websocket, shared)
    try:
        name = shared.catalogue.find(model)
    except ServiceError as error:
        refusal = (_POLICY, _short(error))
    if refusal:
        await websocket.close(*refusal)
        return
    offered = websocket.scope.get("subprotocols", [])
    await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    shared.streams += 1
    shared.metrics.streams.set(shared.streams)
    latest = Latest()
    reader = asyncio.create_task(_read(websocket, latest, shared))
    try:
        await _answer(websocket, latest, shared, name, _People(smooth))
        code, reason = reader.result() if reader.done() else (_AWAY, "an answer was not read")
        if code:
            await websocket.close(code, reason)
    except (WebSocketDisconnect, RuntimeError):  # it went away while it was answered
        pass
    finally:
        reader.cancel()
        shared.streams -= 1
        shared.metrics.streams.set(shared.streams)


def _refusal(websocket: WebSocket, shared: Service) -> tuple[int, str] | None:
    """Why this client gets no stream: a foreign page, no key, too many."""
    try:
        callers.check(shared.settings, websocket.headers, "GET")
    except ServiceError as error:
        return _POLICY, _short(error)
    offered = websocket.scope.get("subprotocols", [])
    keys = [one.removeprefix("key.") for one in offered if one.startswith("key.")]
    if not callers.key_fits(shared.settings, websocket.headers, keys[0] if keys else None):
        return _POLICY, "this service wants its API key"
    if shared.draining or shared.streams >= shared.settings.limits.streams:
        return _TOO_MANY, "too many streams; try again later"
    return None


def _short(error: ServiceError) -> str:
    return error.message.encode("ascii", "replace")[:_REASON].decode()


async def _read(websocket: WebSocket, latest: Latest, shared: Service) -> tuple[int, str]:
    """Keeps the latest frame until the client leaves; how to close, or 0 where it is closed."""
    index = 0
    try:
        while True:
            message = await asyncio.wait_for(
                websocket.receive(), shared.settings.limits.idle_seconds
            )
            if message["type"] == "websocket.disconnect":
                return 0, ""
            data = message.get("bytes")
            if data is None:
                return 1003, "frames are binary messages: an encoded picture each"
            latest.put(Frame(data=data, index=index, time=time.monotonic()))
            index += 1
    except (TimeoutError, asyncio.TimeoutError):
        return _AWAY, "no frames"
    finally:
        latest.end()


async def _answer(
    websocket: WebSocket, latest: Latest, shared: Service, model: str, follow: "_People"
) -> None:
    """Answers the latest frame, again and again, until there are no more or nobody reads."""
    counted = 0
    while (frame := await latest.take()) is not None:
        try:
            text = await _look(frame, shared, model, follow)
        except ServiceError as error:
            text = {"error": error.message}
        shared.metrics.frames.labels("answered").inc()
        shared.metrics.frames.labels("dropped").inc(latest.dropped - counted)
        counted = latest.dropped
        answer = json.dumps({"frame": frame.index, "dropped": latest.dropped, **text})
        try:
            await asyncio.wait_for(websocket.send_text(answer), shared.settings.limits.send_seconds)
        except (TimeoutError, asyncio.TimeoutError):
            return


async def _look(frame: Frame, shared: Service, model: str, follow: "_People") -> dict[str, Any]:
    limits = shared.settings.limits
    await off_loop.run(
        len(frame.data),
        lambda: encoded_pictures.check(frame.data, "the frame", limits, pixels=limits.frame_pixels),
    )
    (done,) = await shared.look([("the frame", frame.data)], model, lambda seen: seen)
    seen: Seen = done.value
    poses = follow(seen.poses, frame.time)
    return {**answers.people(poses, seen.height, seen.width), "ms": round(1000 * done.took, 1)}


class _People:
    """Who is who from frame to frame of one stream."""

    def __init__(self, smooth: bool) -> None:
        self._tracker, self._smoother = Tracker(), Smoother() if smooth else None

    def __call__(self, poses: Poses, moment: float) -> Poses:
        poses = self._tracker(poses, moment)
        return self._smoother(poses, moment) if self._smoother else poses
