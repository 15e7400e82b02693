"""Labels pictures by Beam's pipeline, shard by shard, for sets that outgrow a machine.

Inputs, shards, marks and dead letters are those of `tfpose.bulk`; rows are those of `labels` and
`label_people`. When all shards are done their rows are put together into the file that those write:

    OUT                                      COCO annotations
    OUT.progress/plan.jsonl, options.json    what was begun
    OUT.progress/00003-of-00040.rows.jsonl   a row per picture (label_file.py)
    OUT.progress/00003-of-00040.failed.jsonl the pictures that could not be read
    OUT.progress/00003-of-00040.json         the mark that the shard is done
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from estimator.skeleton import Skeleton

from ..bulk import containers, progress, rows, storage, work
from ..bulk import plan as plans
from ..bulk.job import Counts, Output
from ..bulk.pieces import Item, Piece
from ..bulk.plan import Plan, Shard
from ..bulk.rows import Row as BulkRow
from ..data.beam_runner import BeamOptions
from . import label_file
from .labels import Named, Outcome, Row, outcome

PICTURES_A_SHARD = 200


class Labelling(Protocol):
    """`labels.ByNetwork` or `label_people.ByPeople`."""

    def open(self) -> Callable[[Iterable[Named]], Iterator[Row]]:
        """Opens the networks; returns what labels pictures."""

    def header(self) -> dict[str, Any]:
        """The options that must be the same for a run to be resumed."""


@dataclass(frozen=True, kw_only=True)
class LabelJob(Output):
    """A labelling run.

    Attributes:
      labelling: what labels.
      roots: of single files: the folders that their names are told below.
    """

    labelling: Labelling
    roots: tuple[str, ...]

    def shard_path(self, shard: Shard) -> str:
        """Of a shard's rows."""
        return storage.join((self.folder, f"{shard.name}.rows.jsonl"))

    def failed_path(self, shard: Shard) -> str:
        """Of a shard's dead letters."""
        return storage.join((self.folder, f"{shard.name}.failed.jsonl"))

    def decides(self) -> Mapping[str, Any]:
        """The options that labels depend on."""
        return {**self.labelling.header(), "most": self.most}


@dataclass(frozen=True)
class LabelTask:
    """The task of a pipeline: elements are places of shards in the plan's file."""

    job: LabelJob

    def open(self) -> Callable[[tuple[int, int]], Mapping[str, int]]:
        """Opens the networks.

        Raises:
          FileNotFoundError, ImportError, ValueError: one cannot be opened.
        """
        rows_of = self.job.labelling.open()
        return lambda place: do(self.job, self.job.shard_at(place), rows_of).counters()


def label(
    labelling: Labelling,
    inputs: Sequence[str],
    path: str,
    *,
    skeleton: Skeleton,
    beam: BeamOptions,
    most: int = PICTURES_A_SHARD,
) -> Outcome:
    """Labels every picture of the inputs, and writes the file when all are done.

    Pictures that could not be read are tried again by another run.

    Args:
      labelling: the networks, and how they are asked; all workers see their files.
      inputs: what `tfpose bulk` reads, but videos; of a folder, the pictures at any depth.
      path: of the .json to write, on any file system.
      skeleton: of the labels.
      beam: the engine.
      most: pictures of a shard.

    Raises:
      ChildProcessError: a worker died.
      FileNotFoundError, ImportError, ValueError: there are no pictures, they are a video's, a
        network cannot be opened, or the run was begun with other options or pictures.
      OSError: a file cannot be written, or the engine says that the pipeline failed.
    """
    job = LabelJob(
        output=path, labelling=labelling, roots=tuple(map(storage.root, inputs)), most=most
    )
    plan = plans.make(inputs, most=most, reading=job.reading, deep=True)
    _refuse_videos(plan)
    left = progress.begin(job, plan, mended=True)
    done = plan.count - sum(shard.count for shard in left)
    if left:
        from ..bulk import pipeline

        labelling.open()  # a network that cannot be opened is told here, not by every worker
        pause = 20.0 if storage.is_remote(path) else 1.0
        shards = len(plan.shards)
        with progress.shown(shards, lambda: progress.finished(job), unit="shard", pause=pause):
            pipeline.run(LabelTask(job), plan.places_of(left), beam)
    found = together(row for shard in plan.shards for row in read(job, shard))
    info = {"description": "labelled by a network, not by people", **labelling.header()}
    storage.write(path, label_file.encode(found, info, skeleton).encode())
    return outcome(found, done)


def _refuse_videos(plan: Plan) -> None:
    for shard in plan.shards:
        for piece in shard.pieces:
            if piece.kind == "videos":
                raise ValueError(
                    f"{piece.path} is a video, whose frames are no files that annotations could "
                    "name: write its frames as pictures first"
                )


def do(job: LabelJob, shard: Shard, rows_of: Callable[[Iterable[Named]], Iterator[Row]]) -> Counts:
    """Labels a shard.

    Raises:
      OSError: the output cannot be written.
    """
    known, broken = dict[str, _Known](), list[BulkRow]()

    def named() -> Iterator[Named]:
        for number, item, piece in _items(job, shard, broken):
            name = _name(item.source, piece, job.roots)
            known.setdefault(name, _Known(len(known), number, item.source))
            yield name, partial(_bytes, item.load)

    done = sorted(rows_of(named()), key=lambda row: known[row["file_name"]].order)
    failed = [
        {**known[row["file_name"]].letter, "kind": row["kind"], "error": row["unread"]}
        for row in done
        if "unread" in row
    ]
    for lost in broken:
        failed.append(lost.dead_letter())
        done.append({"file_name": lost.source, "unread": f"{lost.source}: {lost.error}"})
    people = sum(len(row.get("people", ())) for row in done)
    return work.finish(
        job, shard, rows.lines(done), pictures=len(done), people=people, failed=failed
    )


@dataclass(frozen=True)
class _Known:
    """A picture of a shard: its place in the shard, its number in the plan, its source."""

    order: int
    number: int
    source: str

    @property
    def letter(self) -> dict[str, Any]:
        return {"number": self.number, "source": self.source}


def _items(job: LabelJob, shard: Shard, broken: list[BulkRow]) -> Iterator[tuple[int, Item, Piece]]:
    """Every picture with its number; those of a container that breaks off are put in `broken`."""
    for number, piece in shard.numbered():
        begun = -1
        try:
            for item in containers.read(piece, job.reading):
                begun = item.place
                yield number + begun, item, piece
        except (OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            broken += work.missed(piece, number, begun + 1, reason)


def _bytes(load: Callable[[], Any]) -> bytes:
    data = load()
    assert isinstance(data, bytes)  # only a video's frames are arrays
    return data


def _name(source: str, piece: Piece, roots: Sequence[str]) -> str:
    """What annotations call a picture: its path below the folder, or in the zip or tar.

    Records of TFRecords and Parquet files have no path: the file's name and the row.
    """
    if piece.kind == "single_files":
        for root in roots:
            if source.startswith(f"{root}/"):
                return source.removeprefix(f"{root}/").replace("\\", "/")
        return source.rpartition("/")[2]
    member = source.removeprefix(f"{piece.path}!")
    if piece.kind in ("zips", "tars"):
        return member
    return f"{piece.path.rpartition('/')[2]}!{member}"


def read(job: LabelJob, shard: Shard) -> list[Row]:
    """The rows of a finished shard."""
    return [json.loads(line) for line in storage.read(job.shard_path(shard)).splitlines()]


def together(found: Iterable[Row]) -> list[Row]:
    """The rows of all shards as `labels.label` has them: by name, and each name once.

    A name that two pictures have says nothing: no reader could tell which is meant.
    """
    every = sorted(found, key=lambda row: str(row["file_name"]))
    times = Counter(row["file_name"] for row in every)
    return [
        row
        if times[name := row["file_name"]] == 1
        else {"file_name": name, "unread": f"{name} is there more than once"}
        for row in every
    ]
