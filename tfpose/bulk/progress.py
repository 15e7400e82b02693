"""What a job has done so far: its plan on disk, the marks of finished shards, the summary."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from tqdm import tqdm

from ..data.resuming import differences
from . import storage
from .job import Counts, Output
from .plan import Plan, Shard

OPTIONS = "options.json"


def begin(job: Output, plan: Plan, *, mended: bool = False) -> list[Shard]:
    """Writes the plan, or checks that it is the one that was begun; the shards that are to be done.

    Args:
      job: what is asked.
      plan: of the inputs as they are now.
      mended: files may have other sizes than when the job was begun, and shards with failures are
        to be done again.

    Raises:
      OSError: the output cannot be written.
      ValueError: another job has this output: other pictures, another network or other options.
    """
    storage.make_folder(_parent(job.output))
    storage.make_folder(job.folder)
    asked = {
        **job.decides(),
        "pictures": plan.count,
        "plan_sha256": plan.fingerprint,
        "names_sha256": plan.outline,
    }
    path = storage.join((job.folder, OPTIONS))
    there = storage.names(job.folder)
    begun = json.loads(storage.read(path)) if OPTIONS in there else {}
    if begun:
        changed = differences(begun, asked, free=("plan_sha256" if mended else "names_sha256",))
        if changed:
            raise ValueError(
                f"{job.output} was begun with other options or pictures ({'; '.join(changed)}): "
                f"give the same again, another --output, or remove {job.folder}"
            )
    if begun.get("plan_sha256") != plan.fingerprint:
        storage.write(job.plan_path, plan.text())
        storage.write(path, json.dumps(asked, indent=1).encode())
    if mended:
        redo_failed(job, plan)
        there = storage.names(job.folder)
    return [shard for shard in plan.shards if f"{shard.name}.json" not in there]


def redo_failed(job: Output, plan: Plan) -> int:
    """Takes the marks of shards with failures away, so that they are done again; their number."""
    there, undone = storage.names(job.folder), 0
    for shard in plan.shards:
        if f"{shard.name}.json" in there and counts_of(job, [shard]).failed:
            storage.remove(job.mark_path(shard))
            undone += 1
    return undone


def finished(job: Output) -> int:
    """Number of shards with a mark."""
    return sum("-of-" in name and name.endswith(".json") for name in storage.names(job.folder))


def as_done(
    numbers: Sequence[int],
    is_done: Callable[[int], bool],
    work: Callable[[], object],
    *,
    pause: float = 1.0,
) -> Iterator[int]:
    """Does work that finishes shards elsewhere; yields each shard's number once it is finished.

    Args:
      numbers: of the shards.
      is_done: whether one is finished.
      work: does them all.
      pause: seconds between two looks.

    Raises:
      BaseException: whatever `work` raised, after the finished shards.
    """
    errors, left = list[BaseException](), list(numbers)

    def through() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    worker = threading.Thread(target=through, daemon=True)
    worker.start()
    alive = True
    while alive:
        worker.join(pause)
        alive = worker.is_alive()
        done = {number for number in left if is_done(number)}
        left = [number for number in left if number not in done]
        yield from sorted(done)
    if errors:
        raise errors[0]


@contextmanager
def shown(total: int, done: Callable[[], int], *, unit: str, pause: float = 1.0) -> Iterator[None]:
    """Shows on standard error how much is done, while a pipeline runs that does not say so.

    Args:
      total: of all work.
      done: counts what is finished.
      unit: of both.
      pause: seconds between two counts.
    """
    over, bar = threading.Event(), tqdm(total=total, initial=done(), unit=unit, disable=None)

    def watch() -> None:
        while not over.wait(pause):
            bar.update(done() - bar.n)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        bar.update(done() - bar.n)
        bar.close()


def counts_of(job: Output, shards: Sequence[Shard]) -> Counts:
    """What became of the pictures of finished shards.

    Raises:
      FileNotFoundError: one is not finished.
    """
    marks = (Counts.of_text(storage.read(job.mark_path(shard))) for shard in shards)
    return reduce(lambda one, other: one + other, marks, Counts())


def report(counts: Counts, plan: Plan) -> str:
    """The last line of a run: 20000 pictures, 200 failed (decode 200), 31245 people, 40 shards."""
    failed = sum(counts.failed.values())
    kinds = ", ".join(f"{kind} {number}" for kind, number in counts.failed.items() if number)
    parts = [
        f"{counts.pictures} pictures",
        f"{failed} failed" + (f" ({kinds})" if kinds else ""),
        f"{counts.people} people",
        f"{len(plan.shards)} shards",
    ]
    return ", ".join(parts)


def summary(counts: Counts, plan: Plan) -> dict[str, Any]:
    """For PREFIX.summary.json."""
    return {**vars(counts), "shards": len(plan.shards), "passed_over": plan.passed_over}


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "."
