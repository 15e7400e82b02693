"""`python -m estimator` over pictures: one after another, then a table."""

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2

from . import pictures, stream, writers
from .choices import Choices
from .frame_writers import FrameWriter
from .frames import Frame
from .painting import Painting
from .poses import Poses
from .sources import RATE
from .spec import PoseSpec

DRAWN = ".poses"  # NAME.poses.jpg
Drawings = dict[Path, Path | None]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One picture's answer, without its pixels."""

    file: Path
    height: int
    width: int
    poses: Poses
    milliseconds: float


def prepare(choices: Choices, names: Sequence[str], stack: ExitStack) -> Callable[[], int]:
    """Checks and opens all that the work needs.

    Args:
      choices: what to do.
      names: of pictures, folders and globs; none for the sample.
      stack: closes what was opened.

    Returns:
      The work; its exit code is 1 where a picture failed.

    Raises:
      OSError, ValueError: it cannot be done.
    """
    listing = pictures.find(names or [pictures.SAMPLE], drawn_suffix=DRAWN)
    drawings = _prepare_drawings(choices, listing.files, given=bool(names))
    choices.check_outputs(listing.files)
    (estimator,) = choices.estimators()
    (look,) = choices.looks([estimator], listing.files)
    painting, people = choices.painting(estimator.spec), choices.people()
    outputs = choices.open_outputs(stack, estimator.spec, live=False, numbered=False)

    def work() -> int:
        done, failures = run(
            look,
            estimator.spec,
            drawings,
            painting=painting,
            people=people,
            outputs=outputs,
            rate=choices.rate or RATE,
        )
        report_skipped([(str(file), reason) for file, reason in failures])
        if done:
            print(table(done, drawings))
        others = len(listing.skipped)
        if len(done) + len(failures) > 1 or failures or others:
            print(
                f"{len(done)} pictures done, {len(failures)} failed, {others} other files skipped"
            )
        return 1 if failures else 0

    return work


def report_skipped(failures: Sequence[tuple[str, str]]) -> None:
    """Names what could not be read, and why."""
    for name, reason in failures:
        named = reason if name in reason else f"{name}: {reason}"
        print(f"skipped: {named}", file=sys.stderr)


def _prepare_drawings(choices: Choices, files: Sequence[Path], *, given: bool) -> Drawings:
    """Where each drawing goes, checked; the sample's goes into the current folder."""
    if choices.draw == "none":
        return dict.fromkeys(files)
    folder = Path(choices.out) if choices.out else None if given else Path()
    drawings = plan_drawings(files, folder)
    if choices.out:
        writers.make_folder(Path(choices.out))
    for target in {path.parent: path for path in drawings.values() if path}.values():
        writers.check_writable(target)
    return drawings


def plan_drawings(files: Sequence[Path], folder: Path | None) -> Drawings:
    """Where each picture's drawing goes: never onto a picture given, never two onto one file.

    Args:
      files: the pictures.
      folder: of the drawings; None puts each beside its picture.
    """
    taken = {file.resolve() for file in files}
    drawings: Drawings = {}
    for file in files:
        place = file.parent if folder is None else folder
        numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
        names = (f"{file.stem}{number}{DRAWN}.jpg" for number in numbers)
        target = next(place / name for name in names if (place / name).resolve() not in taken)
        taken.add(target.resolve())
        drawings[file] = target
    return drawings


def run(
    look: stream.Look,
    spec: PoseSpec,
    drawings: Drawings,
    *,
    painting: Painting,
    people: stream.People,
    outputs: Sequence[FrameWriter],
    rate: float = RATE,
) -> tuple[list[Summary], list[tuple[Path, str]]]:
    """Looks at every picture, draws it, and gives its people to the outputs.

    Args:
      look: at one frame.
      spec: of the network.
      drawings: the pictures, and where each one's drawing goes, if anywhere.
      painting: what is drawn.
      people: who is shown, and who is who.
      outputs: get every picture's people.
      rate: pictures a second, where they are a sequence.

    Returns:
      A summary of each picture done; and each that failed, with the reason.

    Raises:
      OSError: an output cannot be written.
    """
    done: list[Summary] = []
    failures: list[tuple[Path, str]] = []
    for index, file in enumerate(_progress(list(drawings))):
        try:
            frame = _read(file, index, rate)
            start = time.perf_counter()
            poses, maps = look(frame)
            milliseconds = (time.perf_counter() - start) * 1000
            poses = people(poses, frame.time)
            target = drawings[file]
            if target is not None:
                writers.write_picture(target, painting.paint(spec, frame.picture, maps, poses))
        except (OSError, ValueError, MemoryError, cv2.error) as error:
            failures.append((file, str(error) or type(error).__name__))
            continue
        for output in outputs:
            output.write(frame, poses)
        height, width = frame.picture.shape[:2]
        done.append(
            Summary(file=file, height=height, width=width, poses=poses, milliseconds=milliseconds)
        )
    return done, failures


def _read(file: Path, index: int, rate: float) -> Frame:
    picture = pictures.read(file)
    return Frame(
        picture=picture,
        index=index,
        time=index / rate,
        name=str(file),
        captured=time.monotonic(),
    )


def _progress(files: list[Path]) -> Iterable[Path]:
    if len(files) < 3:
        return files
    from tqdm import tqdm  # only when there is something to wait for

    bar: Iterable[Path] = tqdm(files, unit="picture", disable=not sys.stderr.isatty())
    return bar


def table(done: Sequence[Summary], drawings: Drawings) -> str:
    """One row a picture; keypoints counts those found on all its people."""
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
