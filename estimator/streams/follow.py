"""Poses of a stream, frame by frame: capture and network overlap, people keep their identities.

    estimator = PoseEstimator("pose.tflite")
    people = PeopleFilter(tracker=Tracker(), smoother=Smoother())
    for result in follow(estimator, "walk.mp4", people=people):
        print(result.frame.time, result.poses.identity)

Each stage runs in a thread of its own, so that the frame rate is that of the slowest stage, not of
their sum. The network always gets the latest frame of a live source.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from .. import geometry
from ..maps import Maps
from ..people.smoothing import Smoother
from ..people.tracking import Tracker
from ..pose_estimator import PoseEstimator
from ..poses import Poses
from . import sources
from .frames import Frame, Source
from .overlap import overlapped, spread

READ_AHEAD = 3  # frames of a file

FrameEstimator: TypeAlias = Callable[[Frame], tuple[Poses, Maps | None]]
"""Finds the people of one frame; gives the maps, too, where it has maps of the whole frame."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A frame and its people.

    Attributes:
      frame: the frame.
      poses: in pixels of the frame; with identities if there is a tracker.
      maps: the network's maps of the whole frame; None where the estimator gives none.
      milliseconds: duration of the estimate, without capture, tracking and smoothing.
    """

    frame: Frame
    poses: Poses
    maps: Maps | None
    milliseconds: float


class PeopleFilter:
    """Drops unlikely people, gives identities and smooths keypoints: called with frames in order.

    Args:
      tracker: gives identities.
      smoother: smooths keypoints; needs a tracker.
      min_score: people with a lower `person_score` are dropped before tracking.

    Raises:
      ValueError: a smoother without a tracker.
    """

    def __init__(
        self,
        *,
        tracker: Tracker | None = None,
        smoother: Smoother | None = None,
        min_score: float = 0.0,
        max_people: int | None = None,
    ) -> None:
        if smoother is not None and tracker is None:
            raise ValueError("a smoother needs identities: give a tracker, too")
        if max_people is not None and max_people < 1:
            raise ValueError(f"max_people must be at least 1, found {max_people}")
        self.tracker, self._smoother, self._min_score = tracker, smoother, min_score
        self._max_people = max_people

    def __call__(self, poses: Poses, time: float) -> Poses:
        """The filtered people of one frame.

        Args:
          poses: people of the frame.
          time: of the frame, in seconds; later than that of the frame before.
        """
        if self._min_score > 0:
            poses = poses.select(poses.person_score >= self._min_score)
        poses = poses.best(self._max_people)
        if self.tracker is not None:
            poses = self.tracker(poses, time)
        if self._smoother is not None:
            poses = self._smoother(poses, time)
        return poses


def whole_frame(estimator: PoseEstimator) -> FrameEstimator:
    """The frame estimator of one network; a top-down one takes the whole frame for a box."""

    def estimate(frame: Frame) -> tuple[Poses, Maps | None]:
        maps = estimator.maps(frame.picture)
        poses = estimator.people(frame.picture, maps)
        if frame.reduced_by is None:
            return poses, maps
        matrix = maps.matrix @ np.vstack([frame.reduced_by, [0, 0, 1]])
        back = geometry.invert(frame.reduced_by)
        return poses.transformed(back), replace(maps, matrix=matrix)

    return estimate


def follow(
    estimator: PoseEstimator | FrameEstimator | Sequence[PoseEstimator | FrameEstimator],
    source: Source | str,
    *,
    people: PeopleFilter | None = None,
) -> Iterator[Result]:
    """Finds the people of every frame of a source, in the order of the frames.

    Leaving the loop early closes the source.

    Args:
      estimator: a network, or any function of a frame (`top_down.TopDown` is one). Several equal
        ones work on different frames at once: networks of one thread per core get through a file
        faster than one network of many threads. A live source uses the first one only.
      source: an open source, or a name for `sources.open_source`.
      people: filters the people of each frame; by default everybody is kept, without identities.

    Raises:
      ValueError, FileNotFoundError: the source cannot be opened or read, or there is no estimator.
    """
    estimators = estimator if isinstance(estimator, Sequence) else [estimator]
    timed = [
        _timed(whole_frame(one) if isinstance(one, PoseEstimator) else one) for one in estimators
    ]
    opened = sources.open_source(source) if isinstance(source, str) else source
    if opened.live:
        results = spread(timed[:1], iter(opened))
    else:
        results = spread(timed, overlapped(opened, ahead=READ_AHEAD))
    return _filtered(opened, overlapped(results), people or PeopleFilter())


def _timed(estimate: FrameEstimator) -> Callable[[Frame], Result]:
    def result_of(frame: Frame) -> Result:
        start = time.perf_counter()
        poses, maps = estimate(frame)
        spent = (time.perf_counter() - start) * 1000
        return Result(frame=frame, poses=poses, maps=maps, milliseconds=spent)

    return result_of


def _filtered(source: Source, results: Iterator[Result], people: PeopleFilter) -> Iterator[Result]:
    with closing(results), source:  # type: ignore[type-var]  # the source ends first
        for result in results:
            yield replace(result, poses=people(result.poses, result.frame.time))
