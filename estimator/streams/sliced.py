"""A part of a source's frames: START:STOP:STEP, as Python slices a list."""

from collections.abc import Iterator
from dataclasses import replace

from .frames import Frame, Source


class Sliced:
    """Yields some frames of a source, with their own numbers; times count from the first kept.

    Args:
      source: an open source.
      part: of its frames; none of its numbers is negative.
    """

    def __init__(self, source: Source, part: slice) -> None:
        self._source, self._part = source, part
        self.failures = source.failures

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def live(self) -> bool:
        return self._source.live

    @property
    def rate(self) -> float | None:
        rate = self._source.rate
        return None if rate is None else rate / (self._part.step or 1)

    @property
    def frames(self) -> int | None:
        count = self._source.frames
        return None if count is None else len(range(*self._part.indices(count)))

    @property
    def dropped(self) -> int:
        return self._source.dropped

    def __iter__(self) -> Iterator[Frame]:
        start, stop, step = self._part.start or 0, self._part.stop, self._part.step or 1
        begin: float | None = None
        for frame in self._source:
            if stop is not None and frame.index >= stop:
                self._source.close()
                return
            if frame.index >= start and (frame.index - start) % step == 0:
                begin = frame.time if begin is None else begin
                yield replace(frame, time=frame.time - begin)

    def __enter__(self) -> Source:
        self._source.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._source.__exit__(*error)

    def close(self) -> None:
        self._source.close()


def parse(text: str) -> slice:
    """Reads START:STOP:STEP; any may be left out, and STOP is not included.

    Raises:
      ValueError: it is no such text, a number is negative, or nothing can be in it.
    """
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        numbers = []
    if not 2 <= len(numbers) <= 3:
        raise ValueError(f"frames are START:STOP or START:STOP:STEP, as 0:100:2; found {text!r}")
    start, stop, step = [*numbers, None][:3]
    if any(number is not None and number < 0 for number in numbers) or step == 0:
        raise ValueError(f"frames are counted from 0, with a step of at least 1; found {text!r}")
    if stop is not None and stop <= (start or 0):
        raise ValueError(f"there is no frame in {text!r}: STOP must be larger than START")
    return slice(start, stop, step)
