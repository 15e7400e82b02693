"""The page to try models in, the page of documentation, and what probes and Prometheus read."""

import asyncio
from http import HTTPStatus
from importlib import resources

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from estimator import pictures

from .. import service
from ..errors import ServiceError, busy

_KINDS = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/docs": ("docs.html", "text/html"),
    "/docs.js": ("docs.js", "text/javascript"),
}
OPEN_PATHS = frozenset(_KINDS) | {
    "/sample.jpg",
    "/openapi.json",
    "/healthz",
    "/readyz",
}  # read without the key
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

router = APIRouter()


def _add_file(path: str, name: str, kind: str) -> None:
    content = resources.files("tfpose.serving").joinpath("page", name).read_bytes()

    @router.get(path, include_in_schema=False)
    async def file() -> Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return Response(content, media_type=kind, headers=headers)


for _path, (_name, _kind) in _KINDS.items():
    _add_file(_path, _name, _kind)


@router.get("/sample.jpg", include_in_schema=False)
async def sample() -> Response:
    """A photograph to try the page with."""
    return Response(await asyncio.to_thread(pictures.SAMPLE.read_bytes), media_type="image/jpeg")


@router.get("/healthz", tags=["operation"])
async def healthz(request: Request) -> dict[str, str]:
    """200 while the process works; a supervisor restarts it on anything else."""
    shared = service.of(request)
    if not shared.batcher.alive and not shared.draining:
        raise ServiceError(HTTPStatus.INTERNAL_SERVER_ERROR, "a thread of the network has ended")
    return {"status": "ok"}


@router.get("/readyz", tags=["operation"])
async def readyz(request: Request) -> dict[str, str]:
    """200 while requests should come here; 503 from SIGTERM on, for the load balancer."""
    if service.of(request).draining:
        raise busy("the service is shutting down")
    return {"status": "ready"}


@router.get("/metrics", tags=["operation"], response_class=Response)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    content = generate_latest(service.of(request).metrics.registry)
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})
