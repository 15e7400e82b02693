"""`python -m estimator` over pictures: one after another, then a table."""

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .. import files, pictures
from ..outputs import frame_writers, results
from ..outputs.frame_writers import FrameWriter
from ..outputs.painting import Painting
from ..poses import Poses
from ..spec import PoseSpec
from ..streams.follow import FrameEstimator, PeopleFilter
from ..streams.frames import Frame
from ..streams.sources import RATE, UNREADABLE, PictureFiles
from .options import Options
from .progress import progress

DRAWN = ".poses"  # NAME.poses.jpg
MIN_FOR_BAR = 3  # pictures
Drawings = dict[Path, Path | None]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One picture's answer, without its pixels."""

    file: Path
    height: int
    width: int
    poses: Poses
    milliseconds: float


def prepare(options: Options, names: Sequence[str], stack: ExitStack) -> Callable[[], int]:
    """Checks and opens all that the work needs.

    Args:
      options: what to do.
      names: of pictures, folders and globs; none for the sample.
      stack: closes what was opened.

    Returns:
      The work; its exit code is 1 where a picture failed.

    Raises:
      OSError, ValueError: it cannot be done.
    """
    if options.frames:
        raise ValueError("--frames is of a video; choose pictures by their names")
    listing = pictures.find(names or [pictures.SAMPLE], drawn_suffix=DRAWN)
    drawings = _prepare_drawings(options, listing.files, given=bool(names))
    options.check_outputs(listing.files)
    if options.coco:
        frame_writers.check_image_ids(listing.files)
    (estimator,) = options.estimators(pictures=len(listing.files))
    (estimate,) = options.frame_estimators([estimator], listing.files)
    run = Run(
        estimate=estimate,
        spec=estimator.spec,
        source=PictureFiles(
            drawings,
            name="pictures",
            rate=options.rate or RATE,
            image=estimator.spec.image if options.may_reduce else None,
        ),
        drawings=drawings,
        painting=options.painting(estimator.spec),
        people=options.people(),
        outputs=options.open_outputs(stack, estimator.spec, live=False, numbered=False),
    )

    def work() -> int:
        done, failures = list(run.summaries()), run.source.failures
        report_skipped([*((line, line) for line in listing.empty), *failures])
        if done:
            print(table(done, drawings))
        others = len(listing.skipped)
        if len(done) + len(failures) > 1 or failures or others:
            print(
                f"{len(done)} pictures done, {len(failures)} failed, {others} other files skipped"
            )
        return 1 if failures or listing.empty else 0

    return work


def report_skipped(failures: Sequence[tuple[str, str]]) -> None:
    """Prints the pictures that were skipped, and why."""
    for name, reason in failures:
        named = reason if name in reason else f"{name}: {reason}"
        print(f"skipped: {named}", file=sys.stderr)


def _prepare_drawings(options: Options, paths: Sequence[Path], *, given: bool) -> Drawings:
    """Where each drawing goes, checked; the sample's goes into the current folder."""
    if options.draw == "none":
        return dict.fromkeys(paths)
    folder = Path(options.out) if options.out else None if given else Path()
    drawings = plan_drawings(paths, folder)
    if options.out:
        files.make_folder(Path(options.out))
    for target in {path.parent: path for path in drawings.values() if path}.values():
        files.check_writable(target)
    return drawings


def plan_drawings(paths: Sequence[Path], folder: Path | None) -> Drawings:
    """Where each picture's drawing goes: never onto a picture given, never two onto one file.

    Args:
      paths: the pictures.
      folder: of the drawings; None puts each beside its picture.
    """
    taken = {path.resolve() for path in paths}
    drawings: Drawings = {}
    for path in paths:
        beside = path.parent if folder is None else folder
        numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
        names = (f"{path.stem}{number}{DRAWN}.jpg" for number in numbers)
        target = next(beside / name for name in names if (beside / name).resolve() not in taken)
        taken.add(target.resolve())
        drawings[path] = target
    return drawings


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """Finds the people of every picture, draws them, and gives them to the outputs.

    Attributes:
      estimate: finds the people of a frame.
      spec: of the network.
      source: the pictures; its `failures` name those that could not be read, drawn or written.
      drawings: each picture, and where its drawing goes, if anywhere.
      painting: what is drawn.
      people: filters the people of each picture.
      outputs: get the people of every picture that did not fail.
    """

    estimate: FrameEstimator
    spec: PoseSpec
    source: PictureFiles
    drawings: Drawings
    painting: Painting
    people: PeopleFilter
    outputs: Sequence[FrameWriter]

    def summaries(self) -> Iterator[Summary]:
        """Works through the pictures; gives a summary of each that did not fail.

        Raises:
          OSError: an output cannot be written.
        """
        count = len(self.drawings)
        frames = iter(self.source)
        if count >= MIN_FOR_BAR:
            frames = progress(frames, unit="picture", total=count)
        for frame in frames:
            try:
                summary = self._summary(frame)
            except UNREADABLE as error:
                self.source.failures.append((frame.name, str(error) or type(error).__name__))
                continue
            for output in self.outputs:
                output.write(frame, summary.poses)
            yield summary

    def _summary(self, frame: Frame) -> Summary:
        start = time.perf_counter()
        poses, maps = self.estimate(frame)
        milliseconds = (time.perf_counter() - start) * 1000
        poses = self.people(poses, frame.time)
        file = Path(frame.name)
        target = self.drawings[file]
        if target is not None:
            drawn = self.painting.paint(self.spec, frame.picture, maps, poses)
            results.write_picture(target, drawn)
        height, width = frame.sides
        return Summary(
            file=file, height=height, width=width, poses=poses, milliseconds=milliseconds
        )


def table(done: Sequence[Summary], drawings: Drawings) -> str:
    """One row per picture; "keypoints" counts those found on all its people."""
    rows = [("picture", "pixels", "people", "keypoints", "best", "ms", "drawn")]
    for summary in done:
        poses, drawing = summary.poses, drawings[summary.file]
        rows.append(
            (
                str(summary.file),
                f"{summary.width}x{summary.height}",
                str(len(poses)),
                str(int(poses.found.sum())),
                f"{poses.person_score.max():.2f}" if len(poses) else "-",
                f"{summary.milliseconds:.0f}",
                "-" if drawing is None else str(drawing),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *middle, last = (
        (cell.ljust if place in (0, 6) else cell.rjust)(widths[place])
        for place, cell in enumerate(row)
    )
    return "  ".join((first, *middle, last)).rstrip()
