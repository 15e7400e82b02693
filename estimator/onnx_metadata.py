"""Text in an .onnx file's metadata, read and appended without the onnx package.

An .onnx is one protobuf message, `ModelProto` (onnx/onnx.proto): fields, each a key (number and
kind of value) and a value. `metadata_props` is field 14, an entry a message of its own: key in
field 1, value in field 2. A repeated field may stand anywhere, so an entry can be appended.
Encoding: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator

METADATA = 14
KEY, VALUE = 1, 2
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # kinds of values


def append(model: bytes, key: str, value: str) -> bytes:
    """The file with one more entry."""
    entry = _field(KEY, key.encode()) + _field(VALUE, value.encode())
    return model + _field(METADATA, entry)


def read(model: bytes, key: str) -> str | None:
    """The last entry of that key, or None.

    Raises:
      ValueError: the bytes are no protobuf message.
    """
    found = None
    for number, value in _fields(memoryview(model)):
        if number == METADATA:
            entry = dict(_fields(value))
            if bytes(entry.get(KEY, b"")).decode("utf-8", "replace") == key:
                found = bytes(entry.get(VALUE, b"")).decode("utf-8")
    return found


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last have the eighth bit set."""
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Numbers and values of a message's fields; only those of bytes have a value here."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        start, kind = at, key & 7
        if kind == _VARINT:
            _, at = _read_varint(message, at)
        elif kind == _BYTES:
            length, start = _read_varint(message, at)
            at = start + length
        elif kind in (_EIGHT, _FOUR):
            at += 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"no .onnx: it has a field of kind {kind} at byte {start}")
        if at > len(message):
            raise ValueError(f"no .onnx, or one cut off: a field ends at {at} of {len(message)}")
        yield key >> 3, message[start:at] if kind == _BYTES else message[:0]


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
    raise ValueError(f"no .onnx, or one cut off: a number does not end at byte {at}")
