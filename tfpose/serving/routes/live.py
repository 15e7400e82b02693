"""The live demo of `web/` at /live: the built site's files, of which the service runs nothing.

The network runs in the visitor's browser. The folder's files are listed once, at the start; no path
of a request is opened.
"""

import mimetypes
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, RedirectResponse, Response

from ..errors import ServiceError

PREFIX = "/live"
BUILD = "npm --prefix web ci && npm --prefix web run build"
_KINDS = {  # whatever the machine's own table says
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".tflite": "application/octet-stream",
}
_HEADERS = {
    "Cache-Control": "no-cache",  # the page's service worker keeps the files
    # Threads in WebAssembly need memory that workers share: isolated pages only have it.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


def is_open(path: str) -> bool:
    """Whether a path is the demo's, which is read without the API key."""
    return path == PREFIX or path.startswith(PREFIX + "/")


def router(folder: Path | None) -> APIRouter:
    """The demo's routes; without a folder they say how to have one.

    Raises:
      ValueError: the folder is not a built site.
    """
    routes = APIRouter(include_in_schema=False)
    files = {} if folder is None else _files(folder)

    @routes.get(PREFIX)
    async def live() -> Response:
        return RedirectResponse(PREFIX[1:] + "/", HTTPStatus.PERMANENT_REDIRECT)

    @routes.get(PREFIX + "/{name:path}")
    async def file(name: str) -> Response:
        if not files:
            raise ServiceError(
                HTTPStatus.NOT_FOUND,
                f"the live demo is not served here: build it in a checkout ({BUILD}) and start "
                "with tfpose serve --live=web/build/site",
            )
        if (found := files.get(name or "index.html")) is None:
            raise ServiceError(HTTPStatus.NOT_FOUND, "the live demo has no such file")
        return FileResponse(found, media_type=_kind(found), headers=_HEADERS)

    return routes


def _files(folder: Path) -> dict[str, Path]:
    """The site's files by their names below /live/."""
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if "index.html" not in files or "worker.js" not in files:
        raise ValueError(f"{folder} is not the built live demo: {BUILD} writes web/build/site")
    return files


def _kind(path: Path) -> str:
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _KINDS.get(path.suffix, guessed)
