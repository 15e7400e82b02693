"""One-Euro smoothing of people's keypoints (Casiez, Roussel and Vogel 2012, CHI, "1 Euro Filter").

A low-pass filter whose cutoff rises with speed: keypoints at rest have little jitter, fast ones
have little lag. As published, the effect of `beta` depends on the size of a person in pixels; by
default speed is measured in sizes of the person here, so that a picture of twice the size is
smoothed alike.

The preset `lightweight_openpose` has the values of that program (`modules/one_euro_filter.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..arrays import Float
from ..poses import Poses

UNITS = ("person", "pixel")


@dataclass(frozen=True, kw_only=True)
class SmootherOptions:
    """How keypoints are smoothed.

    Attributes:
      min_cutoff: cutoff frequency at rest, Hz; lower is smoother.
      beta: cutoff increase per unit of speed, Hz per `unit` per second; higher reduces lag.
      derivative_cutoff: cutoff frequency of the speed estimate, Hz.
      unit: unit of length: "person", the square root of the area of the person's box; or "pixel",
        as published.
      rate: assumed frames per second; None takes the times of the frames.
      memory_seconds: a person who was out of sight for longer starts without history.
    """

    min_cutoff: float = 0.6
    beta: float = 15.0
    derivative_cutoff: float = 1.0
    unit: str = "person"
    rate: float | None = None
    memory_seconds: float = 0.5

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"unit must be one of {UNITS}, found {self.unit!r}")
        for name in ("min_cutoff", "derivative_cutoff"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, found {getattr(self, name)}")
        for name in ("beta", "memory_seconds"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if self.rate is not None and not self.rate > 0:
            raise ValueError(f"rate must be positive, found {self.rate}")


PRESETS = {
    "default": SmootherOptions(),
    "lightweight_openpose": SmootherOptions(
        min_cutoff=1.0, beta=0.05, derivative_cutoff=1.0, unit="pixel", rate=15.0
    ),
}


@dataclass(kw_only=True, eq=False)
class _State:
    """The filter of one person: the last smoothed keypoints, and their speed."""

    xy: Float  # (K, 2), smoothed; NaN where there is no history
    speed: Float  # (K, 2) units per second
    size: float  # pixels per unit
    time: float


class Smoother:
    """Smooths people with identities: call it with every frame's people, in order.

    Args:
      options: one of PRESETS, or your own.
    """

    def __init__(self, options: SmootherOptions | None = None) -> None:
        self.options = options or SmootherOptions()
        self._states: dict[int, _State] = {}

    def __call__(self, poses: Poses, time: float) -> Poses:
        """The same people, smoothed. A keypoint found after a gap starts without history.

        Args:
          poses: of one frame, from a `Tracker`.
          time: of the frame, in seconds.

        Raises:
          ValueError: the people have no identities, or the time is not after the last frame's.
        """
        if poses.identity is None:
            raise ValueError("smoothing needs identities: pass the people to a Tracker first")
        xy = poses.xy.copy()
        for person, identity in enumerate(poses.identity.tolist()):
            state = self._step(self._states.get(identity), poses.xy[person], time)
            self._states[identity] = state
            xy[person] = state.xy
        oldest = time - self.options.memory_seconds
        self._states = {
            identity: state for identity, state in self._states.items() if state.time >= oldest
        }
        return replace(poses, xy=xy)

    def _step(self, state: _State | None, xy: Float, time: float) -> _State:
        size = _size(xy) if self.options.unit == "person" else 1.0
        if state is None:
            return _State(xy=xy, speed=np.zeros_like(xy), size=size, time=time)
        gap = 1 / self.options.rate if self.options.rate else time - state.time
        if not gap > 0:
            raise ValueError(f"frames must come in order: {time} s came after {state.time} s")
        size = state.size + float(_share(1.0, gap)) * (
            size - state.size
        )  # low-passed, too: boxes jitter
        raw = np.nan_to_num((xy - state.xy) / np.float32(size * gap))
        speed = state.speed + _share(self.options.derivative_cutoff, gap) * (raw - state.speed)
        cutoff = self.options.min_cutoff + self.options.beta * np.abs(speed)
        smooth = state.xy + _share(cutoff, gap) * (xy - state.xy)
        new = np.isnan(state.xy)
        return _State(
            xy=np.where(new, xy, smooth).astype(np.float32),
            speed=np.where(new, 0, speed).astype(np.float32),
            size=size,
            time=time,
        )


def _share(cutoff: npt.NDArray[np.floating] | float, gap: float) -> npt.NDArray[np.float64]:
    """The weight of the new value in a low-pass filter of that cutoff (Casiez et al., eq. 3)."""
    turn = 2 * np.pi * np.asarray(cutoff, np.float64) * gap
    return turn / (turn + 1)


def _size(xy: Float) -> float:
    """The square root of the area of the keypoints' box, at least 1 pixel."""
    found = xy[~np.isnan(xy[:, 0])]
    if len(found) < 2:
        return 1.0
    sides = found.max(axis=0) - found.min(axis=0)
    return max(1.0, float(np.sqrt(sides.prod())), float(sides.max()) / 4)
