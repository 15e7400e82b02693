"""`python -m estimator` over a stream: estimate, draw, write and show frames until it ends.

Ctrl-C and SIGTERM close the source; the frames under way are finished and every file is closed. A
second Ctrl-C ends the program at once.
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
from typing import Protocol

import cv2

from .. import files, pictures
from ..arrays import UInt8
from ..outputs.frame_writers import FrameWriter
from ..outputs.painting import Painting
from ..outputs.video_writer import VideoWriter
from ..outputs.window import Window
from ..spec import PoseSpec
from ..streams import containers, sliced, sources
from ..streams.follow import FrameEstimator, PeopleFilter, Result, follow
from ..streams.frames import Source
from ..streams.overlap import overlapped
from . import photographs
from .options import Options
from .progress import progress

LIVE_RATE = 15.0  # frames per second of a video of a live source
LATEST_DELAYS = 1000  # frames that the median delay is taken over


class Display(Protocol):
    """Shows drawn frames; `window.Window` is one."""

    def show(self, picture: UInt8) -> bool:
        """Shows a frame; returns False once the stream should end."""
        ...


class VideoSink(Protocol):
    """Stores drawn frames; `video_writer.VideoWriter` is one."""

    def write(self, picture: UInt8, time: float) -> None:
        """Appends a frame; `time` is in seconds since the first."""
        ...


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Figures of a whole stream.

    Attributes:
      frames: number of frames worked on.
      dropped: number of frames that a live source dropped.
      seconds: from the start to the end.
      delay: median time from capture until the frame was written and shown, milliseconds.
    """

    frames: int
    dropped: int
    seconds: float
    delay: float

    def __str__(self) -> str:
        rate = self.frames / self.seconds if self.seconds > 0 else 0.0
        text = f"{self.frames} frames in {self.seconds:.1f} s, {rate:.1f} per second"
        return text + (f", {self.dropped} dropped" if self.dropped else "")


def prepare(options: Options, names: Sequence[str], stack: ExitStack) -> Callable[[], int]:
    """Checks and opens all that the work needs.

    Args:
      options: what to do.
      names: of one stream, or of pictures that become a video; none for the sample.
      stack: closes what was opened.

    Returns:
      The work; its exit code is 1 where a frame failed or there was none.

    Raises:
      OSError, ValueError: it cannot be done.
    """
    source = stack.enter_context(_open_source(options, names))
    paths = source.files if isinstance(source, sources.PictureFiles) else None
    options.check_outputs(paths or [Path(source.name)])
    part = None if options.frames is None else sliced.parse(options.frames)
    video = _video_path(options, source)
    count = 1 if source.live else options.cores
    if count > 1:
        cv2.setNumThreads(1)  # a network per core: OpenCV's own threads would only wait for one
    estimators = options.estimators(count, pictures=None if paths is None else len(paths))
    spec = estimators[0].spec
    frame_estimators = options.frame_estimators(estimators, paths)
    painting, people = options.painting(spec), options.people()
    outputs = options.open_outputs(stack, spec, live=source.live, numbered=True)
    sink = stack.enter_context(_open_video(options, video, source)) if video else None
    display = None
    if options.show or (source.live and not video and not outputs):
        display = stack.enter_context(closing(Window(f"{source.name}: {spec.model}")))
    run = Run(
        estimators=frame_estimators,
        spec=spec,
        source=source if part is None else sliced.Sliced(source, part),
        painting=painting,
        people=people,
        outputs=outputs,
        video=sink,
        display=display,
    )

    def work() -> int:
        summary = run()
        photographs.report_skipped(source.failures)
        known = "" if people.tracker is None else f", {people.tracker.people} people"
        print(f"{source.name}: {summary}{known}" + (f"; {video}" if video else ""))
        if source.live:
            print(f"from capture to result: {summary.delay:.0f} ms (median)")
        return 1 if source.failures or not summary.frames else 0

    return work


def _open_source(options: Options, names: Sequence[str]) -> Source:
    if len(names) > 1 and any(map(sources.is_stream, names)):
        raise ValueError(f"one stream at a time; found {', '.join(names)}")
    if len(names) == 1:
        return sources.open_source(names[0], rate=options.rate)
    listing = pictures.find(names or [pictures.SAMPLE], drawn_suffix=photographs.DRAWN)
    return sources.PictureFiles(listing.files, name="pictures", rate=options.rate or sources.RATE)


def _video_path(options: Options, source: Source) -> Path | None:
    """The path of --video, or one beside a video file; None where nothing should be drawn."""
    if options.video:
        return Path(options.video)
    path = Path(source.name)
    if options.draw == "none" or not isinstance(source, sources.Video) or not path.is_file():
        return None
    folder = Path(options.out) if options.out else path.parent
    files.make_folder(folder)
    return folder / f"{path.stem}{photographs.DRAWN}.mp4"


def _open_video(options: Options, path: Path, source: Source) -> VideoWriter:
    is_file = isinstance(source, sources.Video)
    rate = LIVE_RATE if source.live else source.rate or sources.RATE
    if options.frames is not None:
        rate /= sliced.parse(options.frames).step or 1
    elif is_file:
        rate = containers.film_rate(source.name, rate)
    return VideoWriter(
        path,
        rate=(None if is_file else options.rate) or rate,
        sound_of=source.name if is_file and options.frames is None else None,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """Follows a source to its end; call it once.

    Attributes:
      estimators: equal ones, each for a thread of its own; several frames are worked on at once.
      spec: of the network.
      source: an open source; closed at the end.
      painting: what is drawn, if there is a video or a display.
      people: filters the people of each frame.
      outputs: get the people of every frame.
      video: gets every drawn frame.
      display: shows every drawn frame.
    """

    estimators: Sequence[FrameEstimator]
    spec: PoseSpec
    source: Source
    painting: Painting
    people: PeopleFilter
    outputs: Sequence[FrameWriter] = ()
    video: VideoSink | None = None
    display: Display | None = None

    def __call__(self) -> Summary:
        """Works until the source ends, a signal comes, or the display is closed.

        Raises:
          OSError: an output cannot be written any more.
          ValueError: the source cannot be read.
        """
        with ExitStack() as stack:
            stack.enter_context(ended_by_signals(self.source.close))
            drawn = overlapped(self._drawn())
            stack.enter_context(closing(drawn))  # type: ignore[type-var]
            frames, start, delays = 0, time.monotonic(), [0.0]
            display = self.display
            for result, picture in progress(drawn, unit="frame", total=self.source.frames):
                self._store(result, picture)
                if display is not None and not display.show(picture):
                    self.source.close()
                    display = None  # the frames under way must not open it again
                delay = time.monotonic() - result.frame.captured
                delays = [*delays[-LATEST_DELAYS:], delay]
                frames += 1
            return Summary(
                frames=frames,
                dropped=self.source.dropped,
                seconds=time.monotonic() - start,
                delay=1000 * median(delays),
            )

    def _drawn(self) -> Iterator[tuple[Result, UInt8]]:
        """The results, each with its picture, drawn if anything shows or stores it."""
        draws = self.video is not None or self.display is not None
        with closing(follow(self.estimators, self.source, people=self.people)) as results:  # type: ignore[type-var]
            for result in results:
                picture = result.frame.picture
                if draws:
                    picture = self.painting.paint(self.spec, picture, result.maps, result.poses)
                yield result, picture

    def _store(self, result: Result, picture: UInt8) -> None:
        """Gives a frame to the outputs and the video."""
        for output in self.outputs:
            output.write(result.frame, result.poses)
        if self.video is not None:
            self.video.write(picture, result.frame.time)


@contextmanager
def ended_by_signals(end: Callable[[], None]) -> Iterator[None]:
    """Calls `end` at the first Ctrl-C or SIGTERM; the second has its usual effect."""
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
