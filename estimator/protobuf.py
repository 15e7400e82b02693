"""Protobuf messages read and written, and text in an .onnx file's metadata, without their packages.

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
    entry = field(KEY, key.encode()) + field(VALUE, value.encode())
    return model + field(METADATA, entry)


def read(model: bytes, key: str) -> bytes | None:
    """The value of the last entry of that key, or None.

    Raises:
      ValueError: the bytes are no protobuf message.
    """
    found = None
    try:
        for number, value in fields(memoryview(model)):
            if number == METADATA and isinstance(value, memoryview):
                entry = dict(fields(value))
                if _bytes(entry.get(KEY)) == key.encode():
                    found = _bytes(entry.get(VALUE))
    except ValueError as error:
        raise ValueError(f"no .onnx, or one cut off: {error}") from error
    return found


def _bytes(value: int | memoryview | None) -> bytes:
    return bytes(value) if isinstance(value, memoryview) else b""


def field(number: int, value: bytes) -> bytes:
    """A field of bytes, text or a message, encoded."""
    return varint(number << 3 | _BYTES) + varint(len(value)) + value


def integer(number: int, value: int) -> bytes:
    """A field of an integer that is not negative, encoded."""
    return varint(number << 3 | _VARINT) + varint(value)


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last have the eighth bit set."""
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: number and value, in the order of the bytes.

    Args:
      message: the bytes of one message.

    Yields:
      The number of a field, and its value: an integer of a varint; a view of the bytes of all else
      (text, messages, and numbers of fixed width).

    Raises:
      ValueError: the bytes are no message, or are cut off.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        start, kind = at, key & 7
        if kind == _VARINT:
            number, at = _read_varint(message, at)
            yield key >> 3, number
            continue
        if kind == _BYTES:
            length, start = _read_varint(message, at)
            at = start + length
        elif kind in (_EIGHT, _FOUR):
            at += 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"a field of kind {kind} at byte {start}")
        if at > len(message):
            raise ValueError(f"a field ends at byte {at} of {len(message)}")
        yield key >> 3, message[start:at]


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
    raise ValueError(f"a number does not end at byte {at}")
