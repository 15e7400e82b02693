"""Pieces of containers and the pictures in them: what plans are made of, and workers read."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from estimator.arrays import UInt8

OPEN_ENDED = 1 << 24  # numbers kept for a video's last piece, whose length a header only estimates


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Consecutive pictures of one container.

    Attributes:
      kind: a module of `tfpose.bulk.containers`.
      path: of the container; "" of single files.
      first: index in the container of the first picture.
      count: number of pictures; of a video an estimate.
      size: their encoded bytes; an estimate where pictures have none of their own.
      offset: where to begin to read, for containers that are read from front to end.
      names: paths of single files.
      detail: what else the container's module needs, such as the column of a Parquet file.
      last: a video's last piece, which goes on until the video ends.
      fault: why nothing of it can be read; it counts as one failed picture. "" for a sound one.
    """

    kind: str
    path: str
    first: int = 0
    count: int
    size: int
    offset: int = 0
    names: tuple[str, ...] = ()
    detail: str = ""
    last: bool = False
    fault: str = ""

    @property
    def numbers(self) -> int:
        """How many numbers its pictures may take."""
        return OPEN_ENDED if self.last else self.count

    def tree(self) -> dict[str, Any]:
        """For JSON, without defaults."""
        default = Piece(kind="", path="", count=0, size=0)
        return {name: part for name, part in asdict(self).items() if part != getattr(default, name)}

    @classmethod
    def of_tree(cls, tree: dict[str, Any]) -> "Piece":
        """The inverse of `tree`."""
        empty = cls(kind="", path="", count=0, size=0)
        return replace(empty, **{**tree, "names": tuple(tree.get("names", ()))})


@dataclass(frozen=True, kw_only=True, eq=False)
class Item:
    """One picture of a piece.

    Attributes:
      place: index of the picture in its piece; a video's frame counts from the piece's first.
      source: names it: `photo.jpg`, `set.zip!a/photo.jpg`, `rows.parquet!12`, `walk.mp4`.
      frame: number in a video; None of a picture.
      time: seconds since a video's first frame; None of a picture.
      load: reads it: the bytes of a file, or (H, W, 3) uint8 RGB of a frame.
    """

    place: int
    source: str
    load: Callable[[], bytes | UInt8]
    frame: int | None = None
    time: float | None = None


def cut(count: int, most: int) -> list[tuple[int, int]]:
    """Cuts a number of pictures into nearly equal parts: first and number of each.

    Args:
      count: at least 0.
      most: pictures of a part, at least 1.
    """
    parts = -(-count // most)
    ends = [count * part // parts for part in range(1, parts + 1)] if parts else []
    return [(end - size, size) for end, size in zip(ends, _differences(ends), strict=True)]


def _differences(ends: list[int]) -> list[int]:
    return [end - before for before, end in zip([0, *ends], ends, strict=False)]
