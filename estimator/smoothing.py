"""One-Euro smoothing of people's keypoints (Casiez, Roussel and Vogel 2012, CHI, "1 Euro Filter").

A low-pass filter whose cutoff rises with speed: a still keypoint does not tremble, a fast one does
not lag. As published, `beta` depends on how many pixels a person has; by default speed is counted
in sizes of the person here, so that a picture twice as large is smoothed alike.

The preset `lightweight_openpose` has that program's values (`modules/one_euro_filter.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .arrays import Float
from .poses import Poses

UNITS = ("person", "pixel")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How keypoints are smoothed.

    Attributes:
      min_cutoff: hertz, of a still keypoint: less trembles less.
      beta: hertz more for a speed of one `unit` a second: more lags less.
      derivative_cutoff: hertz, of the speed itself.
      unit: "person", the square root of the person's box; or "pixel", as published.
      rate: frames a second that are taken for granted; None goes by the frames' times.
      memory_seconds: somebody out of sight for longer begins anew.
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
    "default": Parameters(),
    "lightweight_openpose": Parameters(
        min_cutoff=1.0, beta=0.05, derivative_cutoff=1.0, unit="pixel", rate=15.0
    ),
}


@dataclass(kw_only=True, eq=False)
class _State:
    """One person's filter: where they were put last, and how fast they move."""

    xy: Float  # (K, 2); NaN begins anew
    speed: Float  # (K, 2) units a second
    size: float  # pixels of one unit
    time: float


class Smoother:
    """Smooths people with identities: call it with every frame's people, in order.

    Args:
      parameters: one of PRESETS, or your own.
    """

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or Parameters()
        self._states: dict[int, _State] = {}

    def __call__(self, poses: Poses, time: float) -> Poses:
        """The same people, steadier. A keypoint found again after a gap begins anew.

        Args:
          poses: of one frame, from a `Tracker`.
          time: of the frame, in seconds.

        Raises:
          ValueError: the people have no identities, or the time is not after the last frame's.
        """
        if poses.identity is None:
            raise ValueError("people need identities to be smoothed: give them to a Tracker first")
        xy = poses.xy.copy()
        for person, identity in enumerate(poses.identity.tolist()):
            state = self._step(self._states.get(identity), poses.xy[person], time)
            self._states[identity] = state
            xy[person] = state.xy
        oldest = time - self.parameters.memory_seconds
        self._states = {
            identity: state for identity, state in self._states.items() if state.time >= oldest
        }
        return replace(poses, xy=xy)

    def _step(self, state: _State | None, xy: Float, time: float) -> _State:
        size = _size(xy) if self.parameters.unit == "person" else 1.0
        if state is None:
            return _State(xy=xy, speed=np.zeros_like(xy), size=size, time=time)
        gap = 1 / self.parameters.rate if self.parameters.rate else time - state.time
        if not gap > 0:
            raise ValueError(f"frames must come in order: {time} s came after {state.time} s")
        size = state.size + float(_share(1.0, gap)) * (size - state.size)  # steadier than a box
        raw = np.nan_to_num((xy - state.xy) / np.float32(size * gap))
        speed = state.speed + _share(self.parameters.derivative_cutoff, gap) * (raw - state.speed)
        cutoff = self.parameters.min_cutoff + self.parameters.beta * np.abs(speed)
        smooth = state.xy + _share(cutoff, gap) * (xy - state.xy)
        new = np.isnan(state.xy)
        return _State(
            xy=np.where(new, xy, smooth).astype(np.float32),
            speed=np.where(new, 0, speed).astype(np.float32),
            size=size,
            time=time,
        )


def _share(cutoff: npt.NDArray[np.floating] | float, gap: float) -> npt.NDArray[np.float64]:
    """How much of the new value a low-pass filter of that cutoff takes (Casiez et al., eq. 3)."""
    turn = 2 * np.pi * np.asarray(cutoff, np.float64) * gap
    return turn / (turn + 1)


def _size(xy: Float) -> float:
    """The square root of the area of the keypoints' box, at least a pixel."""
    found = xy[~np.isnan(xy[:, 0])]
    if len(found) < 2:
        return 1.0
    sides = found.max(axis=0) - found.min(axis=0)
    return max(1.0, float(np.sqrt(sides.prod())), float(sides.max()) / 4)
