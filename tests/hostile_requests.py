"""Requests that would keep a service busy, and the honest one: what `tests.attacks` sends."""

import base64
from collections.abc import Callable
from pathlib import Path

from tests import hostile_pictures as hostile

ROOT = Path(__file__).resolve().parents[1]
HEAD = (
    b"POST /v1/pose HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\nContent-Type: %b\r\n\r\n"
)
FORM = b"multipart/form-data; boundary=x"


def photograph() -> bytes:
    return (ROOT / "estimator" / "pictures" / "sample.jpg").read_bytes()


def form(data: bytes) -> bytes:
    start = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    return start + data + b"\r\n--x--\r\n"


def head(body: bytes, kind: bytes) -> bytes:
    return HEAD % (len(body), kind)


def picture(data: bytes) -> bytes:
    return whole(form(data), FORM)


def whole(body: bytes, kind: bytes = b"application/json") -> bytes:
    return head(body, kind) + body


def attacks() -> dict[str, Callable[[], list[bytes]]]:
    """What each sends at once, by name."""
    mib = 1 << 20
    start = b"POST /v1/pose HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    get = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    return {
        "scans": lambda: [picture(hostile.many_scans(45_000))] * 2,
        "100 scans of 49 megapixels": lambda: [picture(hostile.many_scans(100, components=3))] * 4,
        "json": lambda: [whole(hostile.escapes(31 * mib))],
        "json of small parts": lambda: [whole(b'{"images":[' + b'"",' * (10 * mib) + b'""]}')],
        "base64 with blanks": lambda: [whole(b'{"images":["' + b"A " * (15 * mib) + b'"]}')],
        "31 MiB of base64 4 times": lambda: (
            [whole(b'{"images":["' + base64.b64encode(bytes(23 * mib)) + b'"]}')] * 4
        ),
        "31 MiB of escapes as base64": lambda: [
            whole(b'{"images":["' + b"\\/" * (31 * mib // 2) + b'"]}')
        ],
        "a photograph and 31 MiB": lambda: [picture(photograph() + bytes(31 * mib))],
        "the same as base64 4 times": lambda: (
            [whole(b'{"images":["' + base64.b64encode(photograph() + bytes(23 * mib)) + b'"]}')] * 4
        ),
        "headers": lambda: [start + b"X: a\r\n" * (74 * mib // 6)],
        "one long header": lambda: [start + b"X: " + b"a" * (74 * mib)],
        "pipelined requests": lambda: [get * 100_000] * 10,
        "fill bytes": lambda: [picture(hostile.fill_bytes(31 * mib))],
        "empty segments": lambda: [picture(hostile.empty_segments(31 * mib // 4))],
        "empty PNG chunks": lambda: [picture(hostile.empty_chunks(31 * mib // 12))],
        "empty WebP chunks": lambda: [picture(hostile.webp_chunks(31 * mib // 8))],
        "a part's head of 31 MiB": lambda: [
            whole(b"--x\r\n" + b"A: b\r\n" * (31 * mib // 6), FORM)
        ],
    }
