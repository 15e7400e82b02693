"""Serves the built demo and is the browser's proxy, so that every request is seen here."""

import contextlib
import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class Handler(SimpleHTTPRequestHandler):
    """Notes each request; gives files to those for this host and refuses all others."""

    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".wasm": "application/wasm",
        ".js": "text/javascript",
        ".webmanifest": "application/manifest+json",
    }

    def do_GET(self) -> None:
        if not self._note():
            self.send_error(403)
            return
        self.path = urlsplit(self.path).path
        super().do_GET()

    def do_POST(self) -> None:
        self._note()
        self.send_error(403)

    do_CONNECT = do_OPTIONS = do_POST  # noqa: N815

    def _note(self) -> bool:
        """Notes the host that is asked for; whether it is this one."""
        of_proxy = self.path if self.command == "CONNECT" else urlsplit(self.path).netloc
        host = of_proxy or self.headers.get("Host", "")
        self.server.asked.append((host, self.path))
        return host == f"127.0.0.1:{self.server.server_port}" and not self.server.closed

    def log_message(self, *_: object) -> None:
        pass


class Site(ThreadingHTTPServer):
    """The server; `asked` has host and address of each request, `closed` makes it refuse all."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        self.asked: list[tuple[str, str]] = []
        self.closed = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def hosts(self) -> set[str]:
        return {host for host, _ in self.asked}


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Site]:
    with Site(folder) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        yield site
        site.shutdown()
        thread.join(10)
