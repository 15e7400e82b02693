"""What a job has done so far: its plan on disk, the marks of finished shards, the summary."""

import json
from collections.abc import Sequence
from functools import reduce
from typing import Any

from ..data.resuming import differences
from . import storage
from .job import Counts, Job
from .plan import Plan, Shard

OPTIONS = "options.json"


def begin(job: Job, plan: Plan) -> list[Shard]:
    """Writes the plan, or checks that it is the one that was begun; the shards that are to be done.

    Raises:
      OSError: the output cannot be written.
      ValueError: another job has this output: other pictures, another network or other options.
    """
    storage.make_folder(_parent(job.output))
    storage.make_folder(job.folder)
    asked = {**job.decides(), "pictures": plan.count, "plan_sha256": plan.fingerprint}
    path = storage.join((job.folder, OPTIONS))
    there = storage.names(job.folder)
    if OPTIONS in there:
        changed = differences(json.loads(storage.read(path)), asked)
        if changed:
            raise ValueError(
                f"{job.output} was begun with other options or pictures ({'; '.join(changed)}): "
                f"give the same again, another --output, or remove {job.folder}"
            )
    else:
        storage.write(job.plan_path, plan.text())
        storage.write(path, json.dumps(asked, indent=1).encode())
    return [shard for shard in plan.shards if f"{shard.name}.json" not in there]


def redo_failed(job: Job, plan: Plan) -> int:
    """Takes the marks of shards with failures away, so that they are done again; their number."""
    there, undone = storage.names(job.folder), 0
    for shard in plan.shards:
        if f"{shard.name}.json" in there and counts_of(job, [shard]).failed:
            storage.remove(job.mark_path(shard))
            undone += 1
    return undone


def finished(job: Job) -> int:
    """Number of shards with a mark."""
    return sum("-of-" in name for name in storage.names(job.folder))


def counts_of(job: Job, shards: Sequence[Shard]) -> Counts:
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
