"""Messages between the service and its decoding process: JSON, then bytes, each by its length."""

import json
import struct
from typing import IO, Any

_LENGTH = struct.Struct("<Q")


def send(sink: IO[bytes], head: dict[str, Any], data: bytes) -> None:
    """Writes a message."""
    for part in (json.dumps(head).encode(), data):
        sink.write(_LENGTH.pack(len(part)))
        sink.write(part)
    sink.flush()


def receive(source: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Reads a message; None where the other side ended."""
    parts = []
    for _ in range(2):
        size = source.read(_LENGTH.size)
        if len(size) < _LENGTH.size:
            return None
        length = _LENGTH.unpack(size)[0]
        part = source.read(length)
        if len(part) < length:
            return None
        parts.append(part)
    return json.loads(parts[0]), parts[1]
