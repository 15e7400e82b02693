"""`python -m estimator` over a stream: look, draw, write, show, until it ends.

Ctrl-C and SIGTERM end the source; what is under way is finished and every file closed. A second
Ctrl-C ends at once.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from . import picture_program, pictures, sources, stream, writers
from .arrays import UInt8
from .choices import Choices
from .frame_writers import FrameWriter
from .frames import Source
from .overlap import overlapped
from .painting import Painting
from .spec import PoseSpec
from .stream import Look, People, Result
from .video_writer import VideoWriter
from .window import Window

LIVE_RATE = 15.0  # frames a second of a video of a live source
LATEST_DELAYS = 1000  # frames that the median is of


class Screen(Protocol):
    """Where drawn frames are shown; window.Window is one."""

    def show(self, picture: UInt8) -> bool:
        """False once the stream should end."""
        ...


class Film(Protocol):
    """Where drawn frames are kept; video_writer.VideoWriter is one."""

    def write(self, picture: UInt8, time: float) -> None:
        """The frame of that time, in seconds since the first."""
        ...


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a stream came to.

    Attributes:
      frames: looked at.
      dropped: left out by a live source.
      seconds: from the first frame's arrival to the end.
      delay: median milliseconds from a frame's capture until it was written and shown.
    """

    frames: int
    dropped: int
    seconds: float
    delay: float

    def __str__(self) -> str:
        rate = self.frames / self.seconds if self.seconds > 0 else 0.0
        text = f"{self.frames} frames in {self.seconds:.1f} s, {rate:.1f} a second"
        return text + (f", {self.dropped} dropped" if self.dropped else "")


def prepare(choices: Choices, names: Sequence[str], stack: ExitStack) -> Callable[[], int]:
    """Checks and opens all that the work needs.

    Args:
      choices: what to do.
      names: of one stream, or of pictures that become a video; none for the sample.
      stack: closes what was opened.

    Returns:
      The work; its exit code is 1 where a frame failed or there was none.

    Raises:
      OSError, ValueError: it cannot be done.
    """
    source = stack.enter_context(_open_source(choices, names))
    files = source.files if isinstance(source, sources.Pictures) else None
    choices.check_outputs(files or [Path(source.name)])
    video = _video_path(choices, source)
    estimators = choices.estimators(1 if source.live else choices.cores)
    spec, looks = estimators[0].spec, choices.looks(estimators, files)
    painting, people = choices.painting(spec), choices.people()
    outputs = choices.open_outputs(stack, spec, live=source.live, numbered=True)
    film = stack.enter_context(_open_video(choices, video, source)) if video else None
    screen = None
    if choices.show or (source.live and not video and not outputs):
        screen = stack.enter_context(closing(Window(f"{source.name}: {spec.model}")))

    def work() -> int:
        summary = run(
            looks,
            spec,
            source,
            painting=painting,
            people=people,
            outputs=outputs,
            film=film,
            screen=screen,
        )
        picture_program.report_skipped(source.failures)
        known = "" if people.tracker is None else f", {people.tracker.people} people"
        print(f"{source.name}: {summary}{known}" + (f"; {video}" if video else ""))
        if source.live:
            print(f"from capture to result: {summary.delay:.0f} ms, the median")
        return 1 if source.failures or not summary.frames else 0

    return work


def _open_source(choices: Choices, names: Sequence[str]) -> Source:
    if len(names) > 1 and any(map(sources.is_stream, names)):
        raise ValueError(f"one stream at a time; found {', '.join(names)}")
    if len(names) == 1:
        return sources.open_source(names[0], rate=choices.rate)
    files = pictures.find(names or [pictures.SAMPLE], drawn_suffix=picture_program.DRAWN).files
    return sources.Pictures(files, name="pictures", rate=choices.rate or sources.RATE)


def _video_path(choices: Choices, source: Source) -> Path | None:
    """--video, or beside a video file; None where nothing should be drawn."""
    if choices.video:
        return Path(choices.video)
    path = Path(source.name)
    if choices.draw == "none" or not isinstance(source, sources.Video) or not path.is_file():
        return None
    folder = Path(choices.out) if choices.out else path.parent
    writers.make_folder(folder)
    return folder / f"{path.stem}{picture_program.DRAWN}.mp4"


def _open_video(choices: Choices, path: Path, source: Source) -> VideoWriter:
    is_file = isinstance(source, sources.Video)
    rate = LIVE_RATE if source.live else source.rate or sources.RATE
    return VideoWriter(
        path,
        rate=(None if is_file else choices.rate) or rate,
        sound_of=source.name if is_file else None,
    )


def run(
    looks: Look | Sequence[Look],
    spec: PoseSpec,
    source: Source,
    *,
    painting: Painting,
    people: People,
    outputs: Sequence[FrameWriter] = (),
    film: Film | None = None,
    screen: Screen | None = None,
) -> Summary:
    """Follows a source to its end.

    Args:
      looks: at one frame each, all alike; as many frames are looked at at once.
      spec: of the network.
      source: opened; closed at the end.
      painting: what is drawn, where there is a film or a screen.
      people: who is shown, and who is who.
      outputs: get every frame's people.
      film: gets every frame drawn.
      screen: shows every frame drawn.

    Raises:
      OSError: an output cannot be written any more.
      ValueError: the source cannot be read.
    """
    drawn = film is not None or screen is not None
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals(source.close))
        results: Iterator[Any] = stream.follow(looks, source, people=people)
        if drawn:
            results = overlapped(_painted(results, painting, spec))
        stack.enter_context(closing(results))  # type: ignore[type-var]
        frames, start, delays = 0, time.monotonic(), [0.0]
        for item in _progress(results, source):
            result, picture = item if drawn else (item, item.frame.picture)
            for output in outputs:
                output.write(result.frame, result.poses)
            if film is not None:
                film.write(picture, result.frame.time)
            if screen is not None and not screen.show(picture):
                source.close()
                screen = None
            delays = [*delays[-LATEST_DELAYS:], time.monotonic() - result.frame.captured]
            frames += 1
        return Summary(
            frames=frames,
            dropped=source.dropped,
            seconds=time.monotonic() - start,
            delay=1000 * median(delays),
        )


@contextmanager
def ended_by_signals(end: Callable[[], None]) -> Iterator[None]:
    """Calls `end` at the first Ctrl-C or SIGTERM; the second does what it always did."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _: object) -> None:
        print("ending; once more to end at once", file=sys.stderr)
        end()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _painted(
    results: Iterator[Result], painting: Painting, spec: PoseSpec
) -> Iterator[tuple[Result, UInt8]]:
    with closing(results):  # type: ignore[type-var]
        for result in results:
            picture = result.frame.picture
            yield result, painting.paint(spec, picture, result.maps, result.poses)


def _progress(results: Iterator[Any], source: Source) -> Iterator[Any]:
    if not sys.stderr.isatty():
        return results
    from tqdm import tqdm  # only where somebody looks

    bar: Iterator[Any] = iter(tqdm(results, unit="frame", total=source.frames))
    return bar
