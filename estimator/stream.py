"""Poses of a stream, frame by frame: capture and network overlap, people keep their identities.

    estimator = PoseEstimator("pose.tflite")
    people = stream.People(tracker=Tracker(), smoother=Smoother())
    for result in stream.follow(estimator, "walk.mp4", people=people):
        print(result.frame.time, result.poses.identity)

Each stage runs in a thread of its own, so that frames come as fast as the slowest stage, not as
the sum of all. A live source's frames are never older than the frame that the network works on.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from . import sources
from .frames import Frame, Source
from .maps import Maps
from .overlap import overlapped, spread
from .pose_estimator import PoseEstimator
from .poses import Poses
from .smoothing import Smoother
from .tracking import Tracker

READ_AHEAD = 3  # frames of a file


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A frame and its people.

    Attributes:
      frame: where they are.
      poses: in pixels of the frame; with identities if there is a tracker.
      maps: what the network said, where the look keeps it.
      milliseconds: that the look took.
    """

    frame: Frame
    poses: Poses
    maps: Maps | None
    milliseconds: float


class People:
    """Who of a frame is shown, who is who, and how steadily: called with every frame, in order.

    Args:
      tracker: gives identities.
      smoother: steadies keypoints; needs a tracker.
      min_score: people below it are left out, before they get an identity.

    Raises:
      ValueError: a smoother without a tracker.
    """

    def __init__(
        self,
        *,
        tracker: Tracker | None = None,
        smoother: Smoother | None = None,
        min_score: float = 0.0,
    ) -> None:
        if smoother is not None and tracker is None:
            raise ValueError("a smoother needs to know who is who: give a tracker, too")
        self.tracker, self._smoother, self._min_score = tracker, smoother, min_score

    def __call__(self, poses: Poses, time: float) -> Poses:
        """One frame's people, of that time in seconds."""
        if self._min_score > 0:
            poses = poses.select(poses.person_score >= self._min_score)
        if self.tracker is not None:
            poses = self.tracker(poses, time)
        if self._smoother is not None:
            poses = self._smoother(poses, time)
        return poses


Look = Callable[[Frame], tuple[Poses, Maps | None]]  # at one frame, for its people


def look_with(estimator: PoseEstimator) -> Look:
    """A look with one network; a top-down one takes the whole frame for a person's box."""

    def look(frame: Frame) -> tuple[Poses, Maps | None]:
        maps = estimator.maps(frame.picture)
        return estimator.decode(maps), maps

    return look


def follow(
    look: PoseEstimator | Look | Sequence[PoseEstimator | Look],
    source: Source | str,
    *,
    people: People | None = None,
) -> Iterator[Result]:
    """The people of every frame of a source, as they come.

    Leaving the loop early closes the source.

    Args:
      look: a network, or any function of a frame (top_down.py has one for boxes). Of several, all
        alike, each looks at a frame of its own: networks of one thread, one a core, get through a
        file faster than one network of many threads. A live source takes the first alone.
      source: opened, or a name for `sources.open_source`.
      people: who is shown, and who is who; by default everybody, unnamed.

    Raises:
      ValueError, FileNotFoundError: the source cannot be opened or read, or there is no look.
    """
    looks = look if isinstance(look, Sequence) else [look]
    see = [_timed(look_with(one) if isinstance(one, PoseEstimator) else one) for one in looks]
    opened = sources.open_source(source) if isinstance(source, str) else source
    if opened.live:
        seen = spread(see[:1], iter(opened))
    else:
        seen = spread(see, overlapped(opened, ahead=READ_AHEAD))
    return _followed(opened, overlapped(seen), people or People())


def _timed(look: Look) -> Callable[[Frame], Result]:
    def see(frame: Frame) -> Result:
        start = time.perf_counter()
        poses, maps = look(frame)
        spent = (time.perf_counter() - start) * 1000
        return Result(frame=frame, poses=poses, maps=maps, milliseconds=spent)

    return see


def _followed(source: Source, results: Iterator[Result], people: People) -> Iterator[Result]:
    with closing(results), source:  # type: ignore[type-var]  # the source ends first
        for result in results:
            yield replace(result, poses=people(result.poses, result.frame.time))
