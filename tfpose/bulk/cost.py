"""What a job will cost, from a sample of its pictures: processor time, bytes read and written.

The sample is one picture from each of evenly spaced places of the plan, always the same. Times are
this machine's: processor seconds of decoding and estimating, one picture after another, on as many
threads as the job says. What is not in them: starting processes (a few seconds each), opening
containers and waiting for another machine's files, the frames of a video between those that are
looked at, and an engine's own work.
"""

import itertools
import statistics
import time
from dataclasses import dataclass
from functools import partial

from estimator.arrays import UInt8

from . import containers, rows, work
from .job import Job
from .pieces import Item, Piece
from .plan import Plan

SURE = 1.96  # standard errors of a 95% interval of a mean
FIRST = 3  # pictures that are looked at before the clock counts: buffers are laid out


@dataclass(frozen=True, kw_only=True)
class Cost:
    """An estimate for a whole job.

    Attributes:
      pictures, shards: of the plan.
      read: encoded bytes of the pictures.
      written: bytes of output.
      seconds: of processor time for one picture, mean of the sample.
      doubt: half width of the 95% interval of that mean.
      sample: pictures that it was measured on.
      failed: of them.
    """

    pictures: int
    shards: int
    read: int
    written: int
    seconds: float
    doubt: float
    sample: int
    failed: int

    def hours(self, workers: int = 1) -> float:
        """Of that many equal cores, all busy."""
        return self.seconds * self.pictures / 3600 / workers

    def __str__(self) -> str:
        share = self.doubt / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.pictures} pictures in {self.shards} shards, {_bytes(self.read)} to read",
            f"{1000 * self.seconds:.1f} ms a picture (+-{100 * share:.0f}%), "
            f"from {self.sample} of them; {self.failed} failed",
            f"{self.hours():.3g} core-hours, about {_bytes(self.written)} to write",
        ]
        return "\n".join(lines)


def estimate(job: Job, plan: Plan, *, sample: int = 48) -> Cost:
    """Measures a sample.

    Args:
      job: what is asked.
      plan: its shards.
      sample: pictures to look at.

    Raises:
      FileNotFoundError, ImportError, ValueError: the network cannot be opened.
    """
    estimator, done, times = job.estimator(), list[rows.Row](), list[float]()
    places = _places(plan, sample)
    for index, (piece, place) in enumerate(itertools.chain(places[:FIRST], places)):
        item, reading = _item(job, piece, place)
        begun = time.process_time() - reading
        row = work.row_of(item, 0, estimator, partial(work.kept, job))
        if index >= min(FIRST, len(places)):
            times.append(time.process_time() - begun)
            done.append(row)
    mean = statistics.fmean(times)
    error = statistics.stdev(times) / len(times) ** 0.5 if len(times) > 1 else 0.0
    spec = estimator.spec
    size = len(rows.encode(done, job.form, model=spec.model, skeleton=spec.skeleton))
    return Cost(
        pictures=plan.count,
        shards=len(plan.shards),
        read=plan.size,
        written=size * plan.count // len(done),
        seconds=mean,
        doubt=SURE * error,
        sample=len(done),
        failed=sum(bool(row.kind) for row in done),
    )


def _places(plan: Plan, sample: int) -> list[tuple[Piece, int]]:
    """Evenly spaced pictures: each one's piece, and its place in it."""
    pieces = [piece for shard in plan.shards for piece in shard.pieces]
    ends = list(itertools.accumulate(piece.count for piece in pieces))
    total = min(sample, plan.count)
    found, index = list[tuple[Piece, int]](), 0
    for nth in range(total):
        at = (2 * nth + 1) * plan.count // (2 * total)
        while ends[index] <= at:
            index += 1
        found.append((pieces[index], at - (ends[index] - pieces[index].count)))
    return found


def _item(job: Job, piece: Piece, place: int) -> tuple[Item, float]:
    """One picture of a piece, and the processor seconds of reading it, without finding it.

    It fails to load where the piece breaks off before it.
    """
    reason = f"fewer than {place + 1} pictures"
    try:
        for item in containers.read(piece, job.reading):
            if item.place == place:
                begun = time.process_time()
                load = partial(_loaded, item.load())
                spent = time.process_time() - begun
                return Item(place=place, source=item.source, load=load), spent
    except (OSError, ValueError) as error:
        reason = str(error)
    return Item(place=place, source=piece.path, load=partial(_refuse, reason)), 0.0


def _loaded(content: bytes | UInt8) -> bytes | UInt8:
    return content


def _refuse(reason: str) -> bytes:
    raise OSError(reason)


def _bytes(number: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number / 1024:.1f} KiB"
