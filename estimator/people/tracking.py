"""Tracking: OKS matching from frame to frame, a motion model, a short memory.

The people of a new frame are matched with the tracks, moved to where they should be by now, by
object keypoint similarity (oks.py). Works on `Poses` of any skeleton, from bottom-up and top-down
models alike.

The motion model is one velocity per person, the median of the keypoints' displacements: a limb that
is found at a wrong place in one frame does not move the body. While a person is out of sight the
motion continues and slows down. All matches are chosen together (assignment.py).

The preset `lightweight_openpose` is the tracker of that program (`modules/pose.py`, track_poses):
no motion, no memory; in the order of their scores, people take the track with most close keypoints.
docs/video.md gives the measured effect of both presets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..arrays import Float, Int
from ..poses import Poses
from . import assignment, oks

LIKENESSES = ("oks", "close_keypoints")
CLOSE = 0.5  # similarity of a keypoint above which it is close; Lightweight OpenPose's


@dataclass(frozen=True, kw_only=True)
class TrackerOptions:
    """How people are matched from frame to frame.

    Attributes:
      likeness: similarity of two poses: "oks", the object keypoint similarity of the keypoints
        found in both; or "close_keypoints", the number of keypoints with a similarity above 0.5.
      least: minimum similarity for a match: an OKS of 0..1, or a number of keypoints.
      tolerance: factor on the skeleton's sigmas. Sigmas describe two annotations of one picture;
        between two frames a person moves.
      min_keypoints: minimum number of shared keypoints for an OKS match; if a pose has fewer, all
        of them.
      optimal: maximise the sum of the similarities of all matches; if False, match people in the
        order of their scores.
      velocity_seconds: time constant of the velocity average; 0 disables the motion model.
      memory_seconds: time for which a person out of sight is remembered; 0 matches consecutive
        frames only.
      hidden_weight: factor on the OKS with a person out of sight, so that somebody visible is
        preferred where people cross.
    """

    likeness: str = "oks"
    least: float = 0.15
    tolerance: float = 3.0
    min_keypoints: int = 3
    optimal: bool = True
    velocity_seconds: float = 0.15
    memory_seconds: float = 1.0
    hidden_weight: float = 0.5

    def __post_init__(self) -> None:
        if self.likeness not in LIKENESSES:
            raise ValueError(f"likeness must be one of {LIKENESSES}, found {self.likeness!r}")
        for name in ("least", "tolerance", "hidden_weight"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, found {getattr(self, name)}")
        for name in ("velocity_seconds", "memory_seconds"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if self.min_keypoints < 1:
            raise ValueError(f"min_keypoints must be at least 1, found {self.min_keypoints}")


PRESETS = {
    "default": TrackerOptions(),
    "lightweight_openpose": TrackerOptions(
        likeness="close_keypoints",
        least=3,
        tolerance=1.0,
        optimal=False,
        velocity_seconds=0.0,
        memory_seconds=0.0,
    ),
}


@dataclass(kw_only=True, eq=False)
class _Track:
    """A track: keypoints where they were last found, moved by the motion model since."""

    identity: int
    xy: Float  # (K, 2), NaN where never found
    velocity: Float  # (2,) pixels per second
    seen: float  # time of the last match, seconds


class Tracker:
    """Gives people identities: call it with every frame's people, in order.

    Args:
      options: one of PRESETS, or your own.
    """

    def __init__(self, options: TrackerOptions | None = None) -> None:
        self.options = options or TrackerOptions()
        self._tracks: list[_Track] = []
        self._time = -np.inf
        self._next = 1

    @property
    def people(self) -> int:
        """The number of identities given so far."""
        return self._next - 1

    def __call__(self, poses: Poses, time: float) -> Poses:
        """The same people in the same order, with `identity`: 1, 2, ... by first appearance.

        Args:
          poses: of one frame, in pixels of a camera that stands still, or nearly so.
          time: of the frame, in seconds; frames may be missing between two calls.

        Raises:
          ValueError: the time is not after the last frame's, or the skeleton changed.
        """
        if not time > self._time:
            raise ValueError(f"frames must come in order: {time} s came after {self._time} s")
        if self._tracks and self._tracks[0].xy.shape != poses.xy.shape[1:]:
            raise ValueError(f"skeleton {poses.skeleton.name!r} is not the one of earlier frames")
        self._forget(time)
        self._predict(time)
        people, tracks = self._matches(poses)
        identity = np.zeros(len(poses), np.int64)
        for person, track in zip(people.tolist(), tracks.tolist(), strict=True):
            self._update(self._tracks[track], poses.xy[person], time)
            identity[person] = self._tracks[track].identity
        for person in np.flatnonzero(identity == 0).tolist():
            identity[person] = self._begin(poses.xy[person], time)
        self._time = time
        return replace(poses, identity=identity)

    def _forget(self, time: float) -> None:
        """Keeps the tracks of the last frame and those within the memory."""
        oldest = min(time - self.options.memory_seconds, self._time)
        self._tracks = [track for track in self._tracks if track.seen >= oldest]

    def _predict(self, time: float) -> None:
        """Moves every track to where it should be now."""
        gap = self.options.velocity_seconds and time - self._time
        if not 0 < gap < np.inf:
            return
        for track in self._tracks:
            hidden = self._time - track.seen
            slowing = max(0.0, 1 - hidden / (self.options.memory_seconds or np.inf))
            track.xy = track.xy + track.velocity * np.float32(gap * slowing)

    def _matches(self, poses: Poses) -> tuple[Int, Int]:
        """Indices of the people and of the tracks that match."""
        options = self.options
        likeness = self._likeness(poses)
        if options.optimal:
            return assignment.highest(likeness, least=options.least)
        order = np.argsort(-poses.person_score, kind="stable")
        rows, columns = assignment.greedy(likeness[order], least=options.least)
        return order[rows].astype(np.int64), columns

    def _likeness(self, poses: Poses) -> Float:
        """(N, T): the similarity of people and tracks."""
        if not (len(poses) and self._tracks):
            return np.zeros((len(poses), len(self._tracks)), np.float32)
        options = self.options
        remembered = np.stack([track.xy for track in self._tracks])  # (T, K, 2)
        both = poses.found[:, np.newaxis] & ~np.isnan(remembered[..., 0])  # (N, T, K)
        area = np.maximum(_area(poses.xy)[:, np.newaxis], _area(remembered))
        sigmas = tuple(options.tolerance * sigma for sigma in poses.skeleton.sigmas)
        if options.likeness == "oks":
            alike = oks.oks(poses.xy, both, remembered, area=area, sigmas=sigmas)
            fewest = np.minimum(
                poses.found.sum(axis=1)[:, np.newaxis], (~np.isnan(remembered[..., 0])).sum(axis=1)
            )
            enough = both.sum(axis=2) >= np.minimum(fewest, options.min_keypoints)
            hidden = np.array([track.seen < self._time for track in self._tracks])
            weight = np.where(hidden, options.hidden_weight, 1).astype(np.float32)
            return np.where(enough, alike, 0) * weight
        return _close(poses.xy, remembered, area, sigmas)

    def _update(self, track: _Track, xy: Float, time: float) -> None:
        """Takes over where somebody was found; what was not found moves with the rest."""
        step = xy - track.xy  # beyond the prediction, or NaN
        step = step[~np.isnan(step[:, 0])]
        if len(step):
            middle = np.median(step, axis=0)
            smoothing = self.options.velocity_seconds
            if smoothing:
                gap = time - track.seen
                share = gap / (gap + smoothing)
                track.velocity = track.velocity + np.float32(share / gap) * middle
            track.xy = np.where(np.isnan(xy), track.xy + middle, xy)
        track.seen = time

    def _begin(self, xy: Float, time: float) -> int:
        track = _Track(
            identity=self._next, xy=xy.copy(), velocity=np.zeros(2, np.float32), seen=time
        )
        self._tracks.append(track)
        self._next += 1
        return track.identity


def _area(xy: Float) -> npt.NDArray[np.float64]:
    """(N,) square pixels of people's boxes (N, K, 2); of a flat one, as if a quarter as wide."""
    low = np.where(np.isnan(xy), np.inf, xy).min(axis=1)
    high = np.where(np.isnan(xy), -np.inf, xy).max(axis=1)
    sides = np.maximum(np.where(np.isfinite(high), high, 0) - np.where(np.isfinite(low), low, 0), 0)
    area = np.maximum(sides.prod(axis=1), np.square(sides.max(axis=1)) / 4)
    return np.asarray(area, np.float64)


def _close(
    xy: Float, others: Float, area: npt.NDArray[np.float64], sigmas: tuple[float, ...]
) -> Float:
    """(N, T): how many keypoints of the one lie close to the other's."""
    squared = np.square(xy[:, np.newaxis] - others).sum(axis=3)  # (N, T, K)
    variance = 2 * area[..., np.newaxis] * np.square(2 * np.asarray(sigmas))
    with np.errstate(divide="ignore", invalid="ignore"):
        similar = np.exp(-squared / variance) > CLOSE  # NaN is not
    return np.asarray(similar.sum(axis=2), np.float32)
