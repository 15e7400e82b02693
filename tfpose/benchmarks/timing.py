"""Timing: what is compared runs in turns, so that a busy machine slows all of it alike."""

import time
from collections.abc import Callable, Mapping
from statistics import median


def medians(
    functions: Mapping[str, Callable[[], object]],
    *,
    repeats: int,
    seconds: float = 10.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The median time of each function, in milliseconds.

    Args:
      functions: by name; each runs once unmeasured, then all in turns.
      repeats: most turns.
      seconds: no turn begins after this, except the first.
      clock: in seconds; `time.thread_time` for what runs in one thread, so that others' work does
        not count.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    begin = time.perf_counter()
    for turn in range(repeats):
        if turn and time.perf_counter() - begin > seconds:
            break
        for name, function in functions.items():
            start = clock()
            function()
            times[name].append(1000 * (clock() - start))
    return {name: median(part) for name, part in times.items()}


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Rows under a head: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    )
