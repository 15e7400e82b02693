"""Kinds of containers that pictures lie in: a module a kind, each with `list_pieces` and `read`.

`list_pieces(stored, most, reading)` cuts a container into pieces of at most `most` pictures, and
decodes none; `read(piece, reading)` gives the pictures of one, in order. A file's name says which
module takes it (`kind_of`).
"""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import ModuleType

from estimator import pictures
from estimator.streams.sources import VIDEO_SUFFIXES

from ..pieces import Item, Piece
from ..storage import Stored

ZIPS = frozenset({".zip"})
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
PARQUETS = frozenset({".parquet", ".pq"})


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How containers are read.

    Attributes:
      column: of Parquet files, or feature of TFRecords, with the encoded picture; "" finds it.
      every: only each so many frames of a video.
    """

    column: str = ""
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be at least 1, found {self.every}")


def names() -> tuple[str, ...]:
    """The kinds, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(kind: str) -> ModuleType:
    """The module of a kind."""
    return importlib.import_module(f"{__name__}.{kind}")


def kind_of(path: str) -> str:
    """The kind of a file, by its name; "" of one that is no picture and no container."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    suffix = PurePosixPath(name).suffix
    if suffix in ZIPS:
        return "zips"
    if name.endswith(TARS):
        return "tars"
    if ".tfrecord" in name:  # TensorFlow Datasets: NAME.tfrecord-00000-of-00008
        return "tfrecords"
    if suffix in PARQUETS:
        return "parquets"
    if suffix in VIDEO_SUFFIXES:
        return "videos"
    return "single_files" if suffix in pictures.SUFFIXES else ""


def is_picture(member: str) -> bool:
    """Whether a member of an archive is called like a picture, and not one of the system's."""
    suffix = PurePosixPath(member).suffix.lower()
    return suffix in pictures.SUFFIXES and not pictures.is_of_the_system(member)


def list_pieces(stored: Stored, kind: str, most: int, reading: Reading) -> Sequence[Piece]:
    """The pieces of one container; where it is broken, or from there on, one with a `fault`."""
    found: Sequence[Piece] = get(kind).list_pieces(stored, most, reading)
    return found


def read(piece: Piece, reading: Reading) -> Iterator[Item]:
    """The pictures of a piece, in order.

    Raises:
      OSError, ValueError: the container cannot be read (any more); it may have given some already.
    """
    if piece.fault:
        return iter([_broken(piece)])
    items: Iterator[Item] = get(piece.kind).read(piece, reading)
    return items


def _broken(piece: Piece) -> Item:
    def load() -> bytes:
        raise OSError(piece.fault)

    return Item(place=0, source=piece.path, load=load)
