"""Grouping: candidate limbs to people, the limb of the highest score first.

Cao et al. 2017 (arXiv:1611.08050, section 2.4) assign one kind of limb after the other. Here all
kinds are assigned together, by score, and two groups become one person only if no keypoint would
occur twice: when a limb of low score is assigned, the limbs of high score already form people.
Any skeleton will do: a tree, several trees, or one with loops.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...arrays import Float, Int
from .limbs import Candidates
from .peaks import Peaks


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """N groups of peaks.

    Attributes:
      peak: (N, K) index of each keypoint's peak, -1 where there is none.
      limbs: (N,) number of limbs in the group.
      limb_score: (N,) sum of their scores.
    """

    peak: Int
    limbs: Int
    limb_score: Float


def group(candidates: Candidates, peaks: Peaks, additive_only: npt.NDArray[np.bool_]) -> Groups:
    """Joins peaks to people.

    Limbs are taken by falling score; a peak has at most one limb of each kind. An additive-only
    limb comes after the others and only adds to a group: its score, and a keypoint that the group
    lacked. It neither starts a group nor joins two. They are tried twice, since the first
    round may add the keypoint from which another one starts.

    Args:
      candidates: C limbs.
      peaks: what they join.
      additive_only: (C,) limbs that never start a person.

    Returns:
      Groups of at least two peaks, in no particular order.
    """
    builder = _Builder(peaks)
    order = np.argsort(-candidates.score, kind="stable")
    limb, first, second, score = (
        array[order].tolist()
        for array in (candidates.limb, candidates.first, candidates.second, candidates.score)
    )
    late = additive_only[order]
    for index in np.flatnonzero(~late).tolist():
        builder.join(limb[index], first[index], second[index], score[index])
    rest = np.flatnonzero(late).tolist()
    for index in rest + rest:
        builder.add(limb[index], first[index], second[index], score[index])
    return builder.groups()


class _Builder:
    """The groups while they grow: at first one per peak; a group starts with its first limb."""

    def __init__(self, peaks: Peaks) -> None:
        self.count = len(peaks.start) - 1
        self.owner = list(range(len(peaks)))  # peak -> group
        self.members = [{channel: peak} for peak, channel in enumerate(peaks.channel.tolist())]
        self.scores: list[list[float]] = [[] for _ in self.members]  # group -> of its limbs
        self.taken: set[tuple[int, int]] = set()  # limb, peak

    def join(self, limb: int, first: int, second: int, score: float) -> None:
        """Takes a limb if neither peak has one of its kind and their groups can be joined."""
        if (limb, first) in self.taken or (limb, second) in self.taken:
            return
        here, there = self.owner[first], self.owner[second]
        if here != there:
            if self.members[here].keys() & self.members[there].keys():
                return
            self._merge(here, there)
        self.scores[here].append(score)
        self.taken |= {(limb, first), (limb, second)}

    def add(self, limb: int, first: int, second: int, score: float) -> None:
        """Takes a limb if it lies in one group, or adds a free peak to a group that has started."""
        here, there = self.owner[first], self.owner[second]
        if here == there or bool(self.scores[here]) != bool(self.scores[there]):
            self.join(limb, first, second, score)

    def _merge(self, here: int, there: int) -> None:
        for peak in self.members[there].values():
            self.owner[peak] = here
        self.members[here] |= self.members[there]
        self.scores[here] += self.scores[there]
        self.members[there], self.scores[there] = {}, []

    def groups(self) -> Groups:
        kept = [index for index, scores in enumerate(self.scores) if scores]
        peak = np.full((len(kept), self.count), -1, np.int64)
        for row, index in enumerate(kept):
            peak[row, list(self.members[index])] = list(self.members[index].values())
        return Groups(
            peak=peak,
            limbs=np.array([len(self.scores[index]) for index in kept], np.int64),
            limb_score=np.array([sum(self.scores[index]) for index in kept], np.float32),
        )
