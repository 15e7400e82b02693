"""Runs the application with uvicorn: impatient with slow clients, patient when told to end."""

import asyncio
import contextlib
import ctypes
import socket
import sys
import time
from types import FrameType

import cv2
import uvicorn
from fastapi import FastAPI

from . import logs
from .connection import bounded
from .service import Service

_FRAMES = 2  # of a stream that may wait to be taken
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_KEPT_BLOCK = 4 << 20  # bytes: more than most decoded pictures
# Seconds that a thread may keep the interpreter's lock from another; Python's 5 ms were spent many
# times a picture, at each of a lane's ways back from C, while the event loop was at work.
_SWITCH = 0.0005
_LAST_CALL = 1.0  # seconds for a client that has just connected


def run(app: FastAPI, *, port: int) -> None:
    """Serves until SIGINT or SIGTERM; returns when every request that was accepted is answered."""
    service: Service = app.state.service
    logs.to_standard_error()
    _keep_freed_memory()
    sys.setswitchinterval(_SWITCH)
    cv2.setNumThreads(1)  # every lane is a thread: OpenCV's own would only wait for cores
    config = uvicorn.Config(
        app,
        host=service.settings.host,
        port=port,
        http=bounded(service.settings.limits, service.pace),
        ws_max_queue=_FRAMES,
        ws_max_size=service.settings.limits.frame_bytes,
        ws_per_message_deflate=False,  # frames are compressed already, and could be bombs
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=service.settings.limits.connections,
        timeout_graceful_shutdown=round(service.settings.limits.answer_seconds) + 5,
    )
    Server(config, service).run(sockets=[config.bind_socket()])


class Server(uvicorn.Server):
    """On the first signal it asks clients to leave, and stops listening only after a while.

    During that while /readyz says no and every answer closes its connection, so that clients and
    load balancers go elsewhere without a request lost on a connection that closes under it. Then
    it takes whoever the system has let in already, and hears them out.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        waiting = [listening.dup() for listening in sockets or []]
        for server in self.servers:
            server.close()
        for listening in waiting:
            await self._take_all(listening)
        end = time.monotonic() + _LAST_CALL
        while self.server_state.connections and time.monotonic() < end:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    async def _take_all(self, listening: socket.socket) -> None:
        """Takes the connections that wait at a socket, and closes it before another comes."""
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        listening.setblocking(False)
        with listening, contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = listening.accept()
                await loop.connect_accepted_socket(protocol, connection)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._service.draining or self._loop is None:  # the second time, or before the start
            super().handle_exit(sig, frame)
            return
        self._service.draining = True
        logs.LOGGER.info("shutting down")
        end = super().handle_exit
        seconds = self._service.settings.drain_seconds
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, end, sig, frame)


def _keep_freed_memory() -> None:
    """Lets the C library serve the next picture from the memory of the last, and give bodies back.

    glibc raises two limits, from which memory is mapped anew and given back, to the size of the
    largest block that was freed (mallopt(3), M_MMAP_THRESHOLD): at first every decoded picture is
    fetched from the system again, 1 ms for one of 512x512, and after a body of 31 MiB no block
    below that is given back, and pieces of it lie in every thread's memory. Both are fixed here.
    """
    with contextlib.suppress(AttributeError, OSError):  # another C library
        tune = ctypes.CDLL(None).mallopt
        tune(_M_MMAP_THRESHOLD, _KEPT_BLOCK)
        tune(_M_TRIM_THRESHOLD, 2 * _KEPT_BLOCK)
