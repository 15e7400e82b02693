"""A camera in the network: a server on 127.0.0.1 that sends numbered JPEGs, and can die."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np


def numbered(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A picture that says its number: 16 blocks, one a bit, white for 1."""
    bits = [(index >> bit) & 1 for bit in range(16)]
    blocks = np.array(bits, np.uint8).reshape(4, 4) * 255
    picture = blocks.repeat(height // 4, axis=0).repeat(width // 4, axis=1)
    return np.repeat(picture[..., None], 3, axis=2)


def number(picture: np.ndarray) -> int:
    """The number that `numbered` wrote."""
    height, width = picture.shape[0] // 4, picture.shape[1] // 4
    blocks = picture[height // 2 :: height, width // 2 :: width, 0] > 127
    return int((blocks.ravel().astype(np.int64) << np.arange(16)).sum())


class Camera:
    """Sends a frame every 1/rate seconds to whoever connects; `die` and `revive` it."""

    def __init__(self, rate: float) -> None:
        self.rate, self.sent, self._alive = rate, 0, False
        self.port = 0  # any free one, taken once and for all: others look for ports meanwhile
        self.revive()
        self.url = f"http://127.0.0.1:{self.port}/stream"

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *_: object) -> None:
        if self._alive:
            self.die()

    def revive(self) -> None:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                kind = "multipart/x-mixed-replace; boundary=frame"
                self.send_header("Content-Type", kind)
                self.end_headers()
                camera._send(self.wfile)

            def log_message(self, *_: object) -> None:
                pass

        self._alive = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def die(self) -> None:
        self._alive = False
        self._server.shutdown()
        self._server.server_close()

    def _send(self, stream: object) -> None:
        due = time.monotonic()
        while self._alive:
            data = cv2.imencode(".jpg", numbered(self.sent))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                stream.write(head.encode() + data + b"\r\n")
            except OSError:
                return
            self.sent += 1
            due += 1 / self.rate
            time.sleep(max(0.0, due - time.monotonic()))
