"""The learning rate over a run, as a share of the optimiser's rate.

It depends on the step alone, so checkpoints hold nothing of it. Cosine: Loshchilov & Hutter 2017,
arXiv:1608.03983, one period.
"""

import math
from dataclasses import dataclass

SHAPES = ("constant", "milestones", "staircase", "cosine", "trapezoid")


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The shape of the learning rate.

    Attributes:
      shape: "constant"; "milestones", times `factor` at each; "staircase", times `factor` every
        `every` steps; "cosine", down to `floor` at the last step; "trapezoid", straight down to
        `floor` over the last `fall` of the steps.
      milestones: epochs after which the rate falls.
      factor: at each milestone or stair.
      every: steps of a stair.
      floor: the cosine's and the trapezoid's end, a share of the rate.
      flat: share of the run before the cosine begins to fall, from 0 to below 1.
      fall: share of the run over which the trapezoid falls, above 0, to 1.
      warmup: steps over which the rate rises linearly from 0 to the shape's value.
    """

    shape: str = "constant"
    milestones: tuple[float, ...] = ()
    factor: float = 0.1
    every: int = 0
    floor: float = 0.0
    flat: float = 0.0
    fall: float = 0.5
    warmup: int = 0

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ValueError(f"schedule.shape must be one of {SHAPES}, found {self.shape!r}")
        if self.warmup < 0:
            raise ValueError(f"schedule.warmup must not be negative, found {self.warmup}")
        if self.shape == "trapezoid" and not 0 < self.fall <= 1:
            raise ValueError(f"schedule.fall must be a share above 0, to 1, found {self.fall}")
        if not 0 <= self.flat < 1:
            raise ValueError(f"schedule.flat must be a share from 0 to below 1, found {self.flat}")
        if self.shape == "staircase" and self.every < 1:
            raise ValueError("a staircase needs schedule.every, the steps of a stair")
        if self.shape == "milestones" and not self.milestones:
            raise ValueError("schedule.milestones has no epoch")

    def share(self, step: int, steps: int, steps_per_epoch: float | None) -> float:
        """The factor on the optimiser's rate.

        Args:
          step: 0 for the first.
          steps: of the whole run.
          steps_per_epoch: None where the data set's length is unknown.

        Raises:
          ValueError: milestones are in epochs and the epoch's length is unknown.
        """
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return rise * self._shape(step, steps, steps_per_epoch)

    def _shape(self, step: int, steps: int, steps_per_epoch: float | None) -> float:
        if self.shape == "milestones":
            if not steps_per_epoch:
                raise ValueError(
                    "schedule.milestones are epochs, and the data set's length is unknown: use "
                    "shape 'staircase' or 'cosine'"
                )
            passed = sum(step >= epoch * steps_per_epoch for epoch in self.milestones)
            return self.factor**passed
        if self.shape == "staircase":
            return self.factor ** (step // self.every)
        if self.shape == "cosine":
            begin = max(self.warmup, self.flat * steps)
            done = min(1.0, max(0, step - begin) / max(1, steps - begin))
            return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * done))
        if self.shape == "trapezoid":
            left = min(1.0, (steps - step) / (self.fall * steps))
            return self.floor + (1 - self.floor) * left
        return 1.0
