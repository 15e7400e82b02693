"""Who is who from frame to frame: OKS matching, a motion model, a short memory.

A person of the new frame is matched with those remembered by the likeness of their keypoints
(object keypoint similarity, oks.py) where the remembered ones should be by now. Works on `Poses`
of any skeleton, from bottom-up and top-down models alike.

The motion model is one velocity a person, the median of their keypoints' steps: a limb that is
found wrongly in one frame does not move the body. While somebody is hidden it goes on, slowing
down. Pairs are chosen all at once (assignment.py).

The preset `lightweight_openpose` is that program's tracker (`modules/pose.py`, track_poses): no
motion, no memory; people take, best first, the one of whom most keypoints lie close by.
docs/video.md says what either was measured to do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from . import assignment, oks
from .arrays import Float, Int
from .poses import Poses

LIKENESSES = ("oks", "close_keypoints")
CLOSE = 0.5  # a keypoint's own similarity from which it counts as close; Lightweight OpenPose's


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How people are recognised.

    Attributes:
      likeness: "oks", the mean similarity of the keypoints that both have; or "close_keypoints",
        how many of them are similar by more than 0.5.
      least: likeness from which two may be the same person: 0..1 of OKS, or a number of keypoints.
      tolerance: factor on the skeleton's sigmas. Those are of two people annotating one picture;
        between two frames a person moves.
      min_keypoints: that both must have, with OKS; or all of who has fewer.
      optimal: choose the pairs with the highest sum; if not, the best person first.
      velocity_seconds: over which the velocity is averaged; 0 for no motion model.
      memory_seconds: how long somebody out of sight is remembered; 0 only from frame to frame.
      hidden_weight: factor on the OKS with somebody out of sight, so that they take nobody else's
        place where they should pass behind.
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
    "default": Parameters(),
    "lightweight_openpose": Parameters(
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
    """Somebody remembered: keypoints where they were last found, moved along since."""

    identity: int
    xy: Float  # (K, 2), NaN where never found
    velocity: Float  # (2,) pixels a second
    seen: float  # seconds


class Tracker:
    """Gives people identities: call it with every frame's people, in order.

    Args:
      parameters: one of PRESETS, or your own.
    """

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or Parameters()
        self._tracks: list[_Track] = []
        self._time = -np.inf
        self._next = 1

    @property
    def people(self) -> int:
        """How many identities were given so far."""
        return self._next - 1

    def __call__(self, poses: Poses, time: float) -> Poses:
        """The same people in the same order, with `identity`: 1, 2, ... by first appearance.

        Args:
          poses: of one frame, in pixels that mean the same from frame to frame.
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
        """Keeps those of the last frame and those whom the memory reaches."""
        oldest = min(time - self.parameters.memory_seconds, self._time)
        self._tracks = [track for track in self._tracks if track.seen >= oldest]

    def _predict(self, time: float) -> None:
        """Moves everybody remembered to where they should be now."""
        gap = self.parameters.velocity_seconds and time - self._time
        if not 0 < gap < np.inf:
            return
        for track in self._tracks:
            hidden = self._time - track.seen
            slowing = max(0.0, 1 - hidden / (self.parameters.memory_seconds or np.inf))
            track.xy = track.xy + track.velocity * np.float32(gap * slowing)

    def _matches(self, poses: Poses) -> tuple[Int, Int]:
        """Who in the frame is who of those remembered."""
        parameters = self.parameters
        likeness = self._likeness(poses)
        if parameters.optimal:
            return assignment.highest(likeness, least=parameters.least)
        order = np.argsort(-poses.person_score, kind="stable")
        rows, columns = assignment.greedy(likeness[order], least=parameters.least)
        return order[rows].astype(np.int64), columns

    def _likeness(self, poses: Poses) -> Float:
        """(N, T): people of the frame against those remembered."""
        if not (len(poses) and self._tracks):
            return np.zeros((len(poses), len(self._tracks)), np.float32)
        parameters = self.parameters
        remembered = np.stack([track.xy for track in self._tracks])  # (T, K, 2)
        both = poses.found[:, np.newaxis] & ~np.isnan(remembered[..., 0])  # (N, T, K)
        area = np.maximum(_area(poses.xy)[:, np.newaxis], _area(remembered))
        sigmas = tuple(parameters.tolerance * sigma for sigma in poses.skeleton.sigmas)
        if parameters.likeness == "oks":
            alike = oks.oks(poses.xy, both, remembered, area=area, sigmas=sigmas)
            fewest = np.minimum(
                poses.found.sum(axis=1)[:, np.newaxis], (~np.isnan(remembered[..., 0])).sum(axis=1)
            )
            enough = both.sum(axis=2) >= np.minimum(fewest, parameters.min_keypoints)
            hidden = np.array([track.seen < self._time for track in self._tracks])
            weight = np.where(hidden, parameters.hidden_weight, 1).astype(np.float32)
            return np.where(enough, alike, 0) * weight
        return _close(poses.xy, remembered, area, sigmas)

    def _update(self, track: _Track, xy: Float, time: float) -> None:
        """Takes over where somebody was found; what was not found moves with the rest."""
        step = xy - track.xy  # beyond the prediction, or NaN
        step = step[~np.isnan(step[:, 0])]
        if len(step):
            middle = np.median(step, axis=0)
            smoothing = self.parameters.velocity_seconds
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
