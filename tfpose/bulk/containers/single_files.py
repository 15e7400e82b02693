"""Single picture files."""

from collections.abc import Iterator, Sequence
from functools import partial

from .. import storage
from ..pieces import Item, Piece, cut
from ..storage import Stored
from . import Reading


def list_pieces(stored: Stored, most: int, reading: Reading) -> Sequence[Piece]:
    """One file is one piece; `together` lays many into one."""
    del most, reading
    return [Piece(kind="single_files", path="", count=1, size=stored.size, names=(stored.path,))]


def together(found: Sequence[Stored], most: int) -> list[Piece]:
    """The pieces of many files, in their order."""
    return [
        Piece(
            kind="single_files",
            path="",
            first=first,
            count=count,
            size=sum(one.size for one in found[first : first + count]),
            names=tuple(one.path for one in found[first : first + count]),
        )
        for first, count in cut(len(found), most)
    ]


def read(piece: Piece, reading: Reading) -> Iterator[Item]:
    """The files of a piece."""
    del reading
    for place, name in enumerate(piece.names):
        yield Item(place=place, source=name, load=partial(storage.read, name))
