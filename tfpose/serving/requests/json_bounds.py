"""Bounds on JSON while it arrives: how deep it nests and how many parts it has.

A parser builds an object per part, so that 32 MiB of `[],` would become gigabytes, and a nested one
calls itself. Here every byte is looked at once, by searches that run in C; what is kept between two
pieces of a body is five numbers. The grammar is RFC 8259's; whether the rest of it is right is the
parser's to say.
"""

from http import HTTPStatus

from ..errors import ServiceError
from ..settings import Limits

_BRACKETS = b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))


class JsonBounds:
    """Counts arrays, objects, strings and commas outside of strings.

    Args:
      limits: `json_depth`, `json_parts` (arrays and objects) and `json_values` (strings, numbers).
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inside = False  # of a string
        self._escaped = False  # the last byte was a backslash that escapes the next
        self._depth = self._parts = self._values = 0

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes of a body.

        Raises:
          ServiceError: 400, there are too many parts, or they nest too deep.
        """
        if self._inside and not self._escaped and b'"' not in piece and b"\\" not in piece:
            return  # of a picture as base64
        if self._escaped and piece:
            piece, self._escaped = piece[1:], False
        piece = piece.replace(b"\\\\", b"")  # an escaped backslash escapes nothing
        if piece.endswith(b"\\"):
            piece, self._escaped = piece[:-1], True
        piece = piece.replace(b'\\"', b"")
        self._count(values=piece.count(b'"'))
        strings = piece.split(b'"')
        outside = b"".join(strings[self._inside :: 2])
        self._inside ^= len(strings) % 2 == 0
        brackets = outside.translate(None, _OTHERS)
        self._count(values=outside.count(b","), parts=brackets.count(b"[") + brackets.count(b"{"))
        self._nest(brackets)

    def _count(self, *, values: int, parts: int = 0) -> None:
        self._values, self._parts = self._values + values, self._parts + parts
        if self._values > self._limits.json_values or self._parts > self._limits.json_parts:
            raise self._fault()

    def _nest(self, brackets: bytes) -> None:
        for bracket in brackets:
            self._depth += 1 if bracket in b"[{" else -1
            if self._depth > self._limits.json_depth:
                raise self._fault()

    def _fault(self) -> ServiceError:
        limits = self._limits
        return ServiceError(
            HTTPStatus.BAD_REQUEST,
            f"JSON may nest {limits.json_depth} deep and have {limits.json_parts} arrays and "
            f"objects and {limits.json_values} values",
        )
