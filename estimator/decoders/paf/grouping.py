"""Grouping: candidate limbs to people, the limb of the highest score first.

Cao et al. 2017 (arXiv:1611.08050, section 2.4) assign one kind of limb after the other. Here all
kinds are assigned together, by score, and two groups become one person only if no keypoint would
occur twice: when a limb of low score is assigned, the limbs of high score already form people.
Any skeleton will do: a tree, several trees, or one with loops.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

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
    builder = _Builder(peaks, int(candidates.limb.max(initial=-1)) + 1)
    order = np.argsort(-candidates.score, kind="stable")
    late = additive_only[order]
    rest = order[late]
    order = np.concatenate([order[~late], rest, rest])
    limb, first, second = candidates.limb[order], candidates.first[order], candidates.second[order]
    kind = limb * len(peaks)
    columns = (kind + first, kind + second, first, second, candidates.score[order])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    builder.join(itertools.islice(rows, len(order) - 2 * len(rest)))
    builder.join(rows, add=True)
    return builder.groups()


# A kind of limb at its first and at its second peak, as places in `taken`; the peaks; the score.
_Limb: TypeAlias = tuple[int, int, int, int, float]


class _Builder:
    """The groups while they grow: at first one per peak; a group starts with its first limb."""

    def __init__(self, peaks: Peaks, kinds: int) -> None:
        self.peaks = peaks
        channels = peaks.channel.tolist()
        self.owner = list(range(len(channels)))  # peak -> group
        self.members = [[peak] for peak in self.owner]  # group -> its peaks
        self.channels = [1 << channel for channel in channels]  # group -> a bit per keypoint
        self.scores: list[list[float]] = [[] for _ in channels]  # group -> of its limbs
        self.taken = bytearray(kinds * len(channels))  # limb and peak -> 1

    def join(self, limbs: Iterable[_Limb], *, add: bool = False) -> None:
        """Takes limbs, in turn, if neither peak has one of its kind and their groups can be joined.

        Args:
          limbs: in the order of choice.
          add: takes a limb only if it lies in one group, or adds a free peak to a started group.
        """
        owner, members, channels = self.owner, self.members, self.channels
        scores, taken = self.scores, self.taken
        for one_end, other_end, one, other, score in limbs:
            if taken[one_end] or taken[other_end]:
                continue
            here, there = owner[one], owner[other]
            if here != there:
                if channels[here] & channels[there]:
                    continue
                if add and bool(scores[here]) == bool(scores[there]):
                    continue
                moved = members[there]
                for peak in moved:
                    owner[peak] = here
                members[here] += moved
                channels[here] |= channels[there]
                if scores[there]:
                    scores[here] += scores[there]
                    scores[there] = []
            scores[here].append(score)
            taken[one_end] = taken[other_end] = 1

    def groups(self) -> Groups:
        kept = [index for index, scores in enumerate(self.scores) if scores]
        row = np.full(len(self.owner), -1, np.int64)
        row[kept] = np.arange(len(kept))
        row = row[self.owner]  # (N,) of each peak, -1 where its group has not started
        inside = np.flatnonzero(row >= 0)
        peak = np.full((len(kept), len(self.peaks.start) - 1), -1, np.int64)
        peak[row[inside], self.peaks.channel[inside]] = inside
        return Groups(
            peak=peak,
            limbs=np.array([len(self.scores[index]) for index in kept], np.int64),
            limb_score=np.array([sum(self.scores[index]) for index in kept], np.float32),
        )
