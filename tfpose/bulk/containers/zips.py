"""Zips of pictures, read where they lie; other members are passed over."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import partial

from ...data import picture_files
from .. import storage
from ..pieces import Item, Piece, cut
from ..storage import Stored
from . import Reading, is_picture

# An encrypted member is a RuntimeError, one of an unknown compression a NotImplementedError.
UNREADABLE = (EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


def list_pieces(stored: Stored, most: int, reading: Reading) -> Sequence[Piece]:
    """Reads the zip's directory; pictures keep its order."""
    del reading
    try:
        with storage.opened(stored.path) as file, zipfile.ZipFile(file) as archive:
            members = _members(archive)
    except (*UNREADABLE, OSError, ValueError) as error:
        return [Piece(kind="zips", path=stored.path, count=1, size=0, fault=f"no zip: {error}")]
    return [
        Piece(
            kind="zips",
            path=stored.path,
            first=first,
            count=count,
            size=sum(one.compress_size for one in members[first : first + count]),
        )
        for first, count in cut(len(members), most)
    ]


def read(piece: Piece, reading: Reading) -> Iterator[Item]:
    """The pictures of a piece.

    Raises:
      OSError: the zip cannot be opened any more.
    """
    del reading
    with storage.opened(piece.path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except UNREADABLE as error:
            raise OSError(str(error)) from error
        with archive:
            members = _members(archive)[piece.first : piece.first + piece.count]
            for place, member in enumerate(members):
                source = f"{piece.path}!{member.filename}"
                load = partial(_load, archive, member, piece.path)
                yield Item(place=place, source=source, load=load)


def _load(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str) -> bytes:
    try:
        with picture_files.open_member(archive, member, path) as file:
            return picture_files.read_bounded(file, member.filename)
    except (*UNREADABLE, ValueError) as error:
        raise OSError(str(error) or type(error).__name__) from error


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [one for one in archive.infolist() if not one.is_dir() and is_picture(one.filename)]
