"""What processes do that train side by side in test_together.py; imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from estimator.arrays import Float
from tfpose.online.lessons import Lesson, Share
from tfpose.online.person_network import PersonStudent
from tfpose.online.together import Meeting, Together


class Grey:
    """Views of one grey, whose maps are empty."""

    def batch(self, count: int) -> tuple[torch.Tensor, ...]:
        return torch.full((count, 3, 32, 32), 128.0), torch.zeros(count, 17, 8, 8)


def squared(predicted: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    return ((predicted - maps) ** 2).mean()


@dataclass(frozen=True)
class Preparation:
    """Biases of the last layer start at the process's rank; all but the first process may fail."""

    start: Mapping[str, Float]
    fails: bool = False

    def __call__(self, share: Share, seed: int) -> Lesson:
        assert seed == 5 + share.rank
        if self.fails and share.rank:
            raise ValueError("no pictures")
        bias = np.full_like(self.start["heatmaps/bias"], share.rank)
        return Lesson(PersonStudent({**self.start, "heatmaps/bias": bias}), Grey(), squared)


def fill(meeting: Meeting, rank: int) -> None:
    """Brings fours and zeros to the meeting."""
    Together(meeting, rank).average([torch.full((2, 3), 4.0), torch.zeros(2)], over=False)
