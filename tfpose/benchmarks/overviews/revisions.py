"""This checkout against another one, in turns: what a change of the code gained or cost.

    git worktree add ../before v0.2.0
    tfpose benchmark revisions --other=../before
    tfpose benchmark revisions --other=../before --works=decode@90,samples@5

Each side is a process of its own that does the same work, one after the other. Times are processor
time of all threads and child processes, medians of the turns, so that other programs on the
machine disturb them little. Works are KIND@ARGUMENT: `decode@PEOPLE` (made maps), `maps@FILE`
(stored ones), `picture@HEIGHT` (a JPEG to poses), `samples@PEOPLE` (192 training samples),
`evaluate@PICTURES` (pictures to AP with its interval), and a new process: `film@FRAMES` (a drawn
film of 1280x720), `export@PICTURES` (a network to int8, calibrated with so many), `start@import`,
`start@predict`, `start@evaluate`.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from absl import app, flags

from estimator.engines import cpu
from estimator.program import run

from .. import timing, works

FLAGS = run.new_flags()

OTHER = flags.DEFINE_string(
    "other", None, "Another checkout of tfpose.", required=True, flag_values=FLAGS
)
WORKS = flags.DEFINE_list(
    "works",
    [
        *(f"decode@{people}" for people in (1, 3, 5, 7, 36, 48, 90)),
        *("picture@480", "picture@1440", "samples@1", "samples@5", "samples@20"),
        *("evaluate@48", "start@import", "start@predict", "start@evaluate"),
    ],
    "Works, KIND@ARGUMENT.",
    flag_values=FLAGS,
)
TURNS = flags.DEFINE_integer("turns", 15, "Turns of each work.", 1, flag_values=FLAGS)

HERE = Path(__file__).resolve().parents[3]
HEAD = ("work", "other ms", "this ms", "other / this", "quarter", "three quarters")


def main(_: list[str]) -> None:
    """Prints the table; the last columns are quartiles of the ratio of neighbouring turns.

    Raises:
      app.UsageError: a work is of no known kind.
      FileNotFoundError: the other checkout is none.
    """
    other = Path(OTHER.value).resolve()
    if not (other / "estimator").is_dir():
        raise FileNotFoundError(f"{other} is no checkout of tfpose: it has no folder estimator")
    for work in WORKS.value:
        if not re.fullmatch(f"({'|'.join(works.KINDS)})@.+", work):
            known = ", ".join(f"{kind}@..." for kind in works.KINDS)
            raise app.UsageError(f"no work {work!r}; there are {known}")
    print(f"processor: {' '.join(cpu.telling()) or 'unknown'}")
    rows = [measure(work, other, turns=TURNS.value) for work in WORKS.value]
    print(timing.table(HEAD, rows))


def measure(work: str, other: Path, *, turns: int) -> tuple[str, ...]:
    """One row of the table."""
    seconds: list[list[float]] = []
    with ExitStack() as stack:
        sides = [stack.enter_context(_worker(checkout)) for checkout in (other, HERE)]
        for turn in range(turns + 1):
            row = [_ask(side, work) for side in sides]
            if turn:  # the first one fills caches
                seconds.append(row)
    before, after = (1000 * median(column) for column in zip(*seconds, strict=True))
    ratios = sorted(old / new for old, new in seconds)
    quarters = (ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4])
    return (
        work,
        *(f"{part:.3g}" for part in (before, after)),
        *(f"{part:.2f}" for part in (before / after, *quarters)),
    )


@contextmanager
def _worker(checkout: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that does the works with the code of a checkout; see `works.loop`."""
    source = Path(works.__file__).read_text(encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _ask(process: "subprocess.Popen[str]", work: str) -> float:
    """Seconds of processor time of one turn.

    Raises:
      RuntimeError: the work failed there; its own message is on standard error.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{work}\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"{work} failed in one of the checkouts: see the lines above")
    return float(answer)
