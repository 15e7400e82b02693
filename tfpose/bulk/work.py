"""One shard's work: read its pictures, find their people, write the rows, mark it finished.

The order makes it safe to be killed anywhere and to be done twice, also at the same time: output
and dead letters appear whole, under names that only this shard has, with content that only its plan
decides; the mark comes last, and a shard without one is done again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np

from estimator import geometry, pictures
from estimator.arrays import UInt8
from estimator.inputs import scaled_decoding
from estimator.pictures import header as picture_header
from estimator.pose_estimator import PoseEstimator
from estimator.poses import Poses

from . import containers, rows, storage
from .job import Counts, Job, Output
from .pieces import Item, Piece
from .plan import Shard
from .rows import Row

# One picture's failure: of reading, OpenCV's, the runtimes'.
FAILURES = (OSError, ValueError, RuntimeError, MemoryError, cv2.error)


def do(job: Job, shard: Shard, estimator: PoseEstimator) -> Counts:
    """Does a shard.

    Raises:
      OSError: the output cannot be written.
    """
    done = list(estimate(job, shard, estimator))
    spec = estimator.spec
    content = rows.encode(done, job.form, model=spec.model, skeleton=spec.skeleton)
    people = sum(len(row.poses or ()) for row in done)
    failed = [row.dead_letter() for row in done if row.kind]
    return finish(job, shard, content, pictures=len(done), people=people, failed=failed)


def finish(
    job: Output,
    shard: Shard,
    content: bytes,
    *,
    pictures: int,
    people: int,
    failed: Sequence[dict[str, Any]],
) -> Counts:
    """Writes what became of a shard, in the order that makes it safe to be killed anywhere.

    Args:
      job, shard: say where.
      content: of the shard's file.
      pictures, people: their numbers.
      failed: the dead letters, each with its `kind`.

    Raises:
      OSError: the output cannot be written.
    """
    if failed:
        storage.write(job.failed_path(shard), rows.lines(failed))
    else:
        storage.remove(job.failed_path(shard))  # of an attempt that was killed
    storage.write(job.shard_path(shard), content)
    kinds = [letter["kind"] for letter in failed]
    counts = Counts(
        pictures=pictures,
        people=people,
        failed={kind: n for kind in rows.KINDS if (n := kinds.count(kind))},
    )
    storage.write(job.mark_path(shard), counts.text())
    return counts


@dataclass(frozen=True)
class Estimating:
    """The task of a pipeline: elements are places of shards in the plan's file."""

    job: Job

    def open(self) -> Callable[[tuple[int, int]], Mapping[str, int]]:
        """Opens the network.

        Raises:
          FileNotFoundError, ImportError, ValueError: it cannot be opened.
        """
        estimator = self.job.estimator()
        return lambda place: do(self.job, self.job.shard_at(place), estimator).counters()


def estimate(job: Job, shard: Shard, estimator: PoseEstimator) -> Iterator[Row]:
    """The rows of a shard, one for each of its pictures."""
    for number, piece in shard.numbered():
        begun = -1
        try:
            for item in containers.read(piece, job.reading):
                begun = item.place
                yield row_of(item, number, estimator, partial(kept, job))
        except (OSError, ValueError) as error:  # the container broke off
            yield from missed(piece, number, begun + 1, str(error) or type(error).__name__)


def missed(piece: Piece, number: int, begin: int, reason: str) -> Iterator[Row]:
    """A row for each picture of a piece that broke off; one for all frames of a video."""
    video = piece.kind == "videos"
    for place in range(begin, begin + 1 if video else piece.count):
        name = piece.names[place] if piece.names else piece.path
        yield Row(
            number=number + place,
            source=name if video or piece.names else f"{name}!{piece.first + place}",
            kind="read",
            error=reason,
        )


def kept(job: Job, poses: Poses) -> Poses:
    """The people that a job's limits leave."""
    keep = poses.person_score >= job.min_score
    return poses.select(keep).best(job.max_people)


def row_of(
    item: Item, number: int, estimator: PoseEstimator, chosen: Callable[[Poses], Poses]
) -> Row:
    """The row of one picture; what fails is said in it.

    Args:
      item: of a piece.
      number: of the piece's first picture.
      estimator: finds its people.
      chosen: takes some of them.
    """
    about = Row(number=number + item.place, source=item.source, frame=item.frame, time=item.time)
    step = "read"
    try:
        content = item.load()
        step = "decode"
        look, (height, width) = _opened(content, item.source, estimator)
        step = "estimate"
        poses = chosen(look())
    except FAILURES as error:
        return _failed(about, step, error)
    return replace(about, height=height, width=width, poses=poses)


def _opened(
    content: bytes | UInt8, name: str, estimator: PoseEstimator
) -> tuple[Callable[[], Poses], tuple[int, int]]:
    """What finds the people of a decoded picture, and that picture's height and width.

    A JPEG far larger than the network's input is decoded at a reduced size, as `PoseEstimator.read`
    does; its header says how large it is.

    Raises:
      ValueError: it cannot be decoded; names it.
    """
    if isinstance(content, np.ndarray):
        return partial(estimator, content), (content.shape[0], content.shape[1])
    head = picture_header.read(content)
    factor = 1
    if estimator.averaging.scales == (1.0,):
        spec = estimator.spec
        factor = scaled_decoding.factor_for(head, spec.image, keep=scaled_decoding.kept(spec))
    picture = pictures.decode(content, name, factor)
    if factor == 1:
        return partial(estimator, picture), (picture.shape[0], picture.shape[1])
    whole = geometry.invert(scaled_decoding.matrix(head, factor))
    return lambda: estimator(picture).transformed(whole), head.upright


def _failed(about: Row, kind: str, error: Exception) -> Row:
    return replace(about, kind=kind, error=str(error) or type(error).__name__)
