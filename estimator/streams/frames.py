"""Frame and Source, the protocol of every kind of input."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..arrays import UInt8


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
      picture: (H, W, 3) uint8, RGB.
      whole: height and width of the whole picture; None where `picture` is the whole.
      reduced_by: (2, 3), from pixels of the whole picture to those of `picture`; None where
        that is the whole.
      index: number in the source, from 0; dropped frames are counted.
      time: seconds since the source's first frame.
      name: of the source, or of the picture's file.
      captured: `time.monotonic()` at its arrival; delays are measured from here.
    """

    picture: UInt8
    index: int
    time: float
    name: str
    captured: float
    whole: tuple[int, int] | None = None
    reduced_by: npt.NDArray[np.float64] | None = None

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the whole picture, pixels; poses are in these."""
        return self.whole or (self.picture.shape[0], self.picture.shape[1])


class Source(Protocol):
    """Yields frames in order, once."""

    failures: list[tuple[str, str]]  # names of pictures that could not be read, and the reasons

    @property
    def name(self) -> str:
        """The name that it was opened by."""
        ...

    @property
    def live(self) -> bool:
        """Whether only the latest frame is kept."""
        ...

    @property
    def rate(self) -> float | None:
        """Frames per second; None if unknown."""
        ...

    @property
    def frames(self) -> int | None:
        """The number of frames; None if unknown."""
        ...

    @property
    def dropped(self) -> int:
        """The number of frames that a live source dropped so far."""
        ...

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> "Source": ...

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None:
        """Ends the iteration after the current frame; may be called from any thread."""
        ...


def coco_image_id(file: str | os.PathLike[str]) -> int | str:
    """The image id of a picture's file: COCO's number (000000000139.jpg is 139), else the stem."""
    stem = Path(file).stem
    return int(stem) if stem.isascii() and stem.isdecimal() else stem
