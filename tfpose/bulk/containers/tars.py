"""Tars of pictures, such as WebDataset's shards; other members (labels, texts) are passed over.

A plain tar is cut into pieces, each with the place of its first member's header. A compressed one
is read from front to end, so it is one piece whatever its length.
"""

import tarfile
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from lzma import LZMAError

from ...data import picture_files
from .. import storage
from ..pieces import Item, Piece, cut
from ..storage import Stored
from . import Reading, is_picture

UNREADABLE = (EOFError, LZMAError, tarfile.TarError, zlib.error)


def list_pieces(stored: Stored, most: int, reading: Reading) -> Sequence[Piece]:
    """Goes through the members' headers."""
    del reading
    members, fault, begin, plain = list[tuple[int, int]](), "", 0, False
    try:
        with storage.opened(stored.path) as file, tarfile.open(fileobj=file, mode="r:*") as archive:
            for member in archive:
                if member.isfile() and is_picture(member.name):
                    members.append((begin, member.size))
                begin = archive.offset  # before the headers of a long name, which stand first
                archive.members = []  # type: ignore[attr-defined]  # it would keep all
            plain = archive.fileobj is file
            fault = _after(archive)
    except (*UNREADABLE, OSError) as error:
        fault = f"cut off or no tar, after {len(members)} pictures: {error}"
    pieces = [
        Piece(
            kind="tars",
            path=stored.path,
            first=first,
            count=count,
            size=sum(size for _, size in members[first : first + count]),
            offset=members[first][0] if plain else 0,
        )
        for first, count in cut(len(members), most if plain else max(1, len(members)))
    ]
    if fault:
        pieces.append(Piece(kind="tars", path=stored.path, count=1, size=0, fault=fault))
    return pieces


def _after(archive: tarfile.TarFile) -> str:
    """What is wrong behind the last member: tarfile takes a broken header for the end."""
    file = archive.fileobj
    assert file is not None  # it is open
    file.seek(archive.offset)
    block = file.read(tarfile.BLOCKSIZE)
    if not block:
        return "its end mark is missing: it may be cut off"
    if block.strip(b"\0"):
        return f"broken header at byte {archive.offset}: what follows it cannot be read"
    return ""


def read(piece: Piece, reading: Reading) -> Iterator[Item]:
    """The pictures of a piece.

    Raises:
      OSError: the tar cannot be read any more, or has fewer pictures.
    """
    del reading
    with storage.opened(piece.path) as file:
        file.seek(piece.offset)
        place = 0
        try:
            with tarfile.open(fileobj=file, mode="r:" if piece.offset else "r:*") as archive:
                for member in archive:
                    if not (member.isfile() and is_picture(member.name)):
                        continue
                    source = f"{piece.path}!{member.name}"
                    yield Item(place=place, source=source, load=partial(_load, archive, member))
                    archive.members = []  # type: ignore[attr-defined]  # it would keep all
                    place += 1
                    if place == piece.count:
                        return
        except UNREADABLE as error:
            raise OSError(f"{piece.path} cannot be read: {error}") from error
    raise OSError(f"{piece.path} has {place} pictures after byte {piece.offset}, not {piece.count}")


def _load(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    try:
        content = archive.extractfile(member)
        assert content is not None  # it is a file
        data = picture_files.read_bounded(content, member.name)
    except (*UNREADABLE, picture_files.BadPicture) as error:
        raise OSError(str(error) or type(error).__name__) from error
    if len(data) != member.size:
        raise OSError(f"cut off: {len(data)} of {member.size} bytes")
    return data
