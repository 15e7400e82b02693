"""Frame and Source: what every kind of input gives."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from .arrays import UInt8


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
      picture: (H, W, 3) uint8, RGB.
      index: its number in the source, from 0; those of dropped frames are left out.
      time: seconds since the source's first frame.
      name: of the source, or the picture's own file.
      captured: `time.monotonic()` when it came in; delays are measured from here.
    """

    picture: UInt8
    index: int
    time: float
    name: str
    captured: float


class Source(Protocol):
    """Frames, in order, once."""

    failures: list[tuple[str, str]]  # pictures that could not be read, and why

    @property
    def name(self) -> str:
        """What was asked for."""
        ...

    @property
    def live(self) -> bool:
        """Only the latest frame is kept."""
        ...

    @property
    def rate(self) -> float | None:
        """Frames a second; None where nothing says it."""
        ...

    @property
    def frames(self) -> int | None:
        """How many there are, as far as known."""
        ...

    @property
    def dropped(self) -> int:
        """How many a live source left out so far."""
        ...

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> "Source": ...

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None:
        """Ends the frames after the one in hand; may be called from any thread."""
        ...
