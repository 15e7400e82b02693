"""Results matched to people, and the precision and recall that follow from the matching."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from estimator.arrays import Int

Double: TypeAlias = npt.NDArray[np.float64]

AT_ONCE = 1 << 17  # results times weightings that are counted together: what fits caches


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The matching of the results of one range of areas, best result first.

    Attributes:
      picture: (D,) index of each result's picture.
      hit: (T, D) whether the result matches a person, at T thresholds.
      ignored: (T, D) whether the result counts neither as hit nor as miss.
      people: (I,) number of people of each picture who count.
    """

    picture: Int
    hit: npt.NDArray[np.bool_]
    ignored: npt.NDArray[np.bool_]
    people: Int

    def curves(self, weights: Int, recalls: Double) -> tuple[Double, Double]:
        """Precision and recall with each picture counted several times, as a bootstrap does.

        Args:
          weights: (N, I) how often each picture counts, in N weightings.
          recalls: (R,) where precision is read.

        Returns:
          Precision (N, T, R) at the recalls, and the recall (N, T) reached. Both are -1 in a
          weighting in which nobody counts.
        """
        precision = np.full((len(weights), len(self.hit), len(recalls)), -1.0)
        recall = np.full((len(weights), len(self.hit)), -1.0)
        for rows in _groups(weights @ self.people, AT_ONCE // max(len(self.picture), 1) + 1):
            people = (weights[rows] @ self.people)[:, np.newaxis]  # (n, 1)
            least = _hits_for(recalls, people)
            for index in range(len(self.hit)):
                seen, hits = self._counts(index, weights[rows])
                curve = hits / np.maximum(seen, 1)
                curve = np.maximum.accumulate(curve[:, ::-1], axis=1)[:, ::-1]
                curve = np.pad(curve, ((0, 0), (0, 1)))  # recalls that are not reached
                precision[rows, index] = np.take_along_axis(curve, _first(hits, least), axis=1)
                recall[rows, index] = hits[:, -1] / people[:, 0] if hits.size else 0.0
        return precision, recall

    def _counts(self, index: int, weights: Int) -> tuple[Int, Int]:
        """Results (n, H) and hits (n, H) so far, at each of the H hits of a threshold.

        Precision falls from a hit to the next one and recall stays, so no other result matters.
        """
        counted = np.flatnonzero(~self.ignored[index])
        hits = np.flatnonzero(self.hit[index, counted])
        times = np.take(weights, self.picture[counted[: hits[-1] + 1 if len(hits) else 0]], axis=1)
        return np.cumsum(times, axis=1)[:, hits], np.cumsum(times[:, hits], axis=1)


def _groups(people: Int, count: int) -> Iterator[Int]:
    """Indices of the weightings in which somebody counts, so many at a time."""
    counted = np.flatnonzero(people)
    for start in range(0, len(counted), count):
        yield counted[start : start + count]


def _hits_for(recalls: Double, people: Int) -> Int:
    """(n, R) the smallest number of hits whose share of the people (n, 1) is at least a recall.

    It is the share in float64 that counts: .29 of 100 people are 29, though .29 * 100 is more.
    """
    hits = np.ceil(recalls * people).astype(np.int64) - 1
    for _ in range(2):  # the product is rounded: one less, the same, or one more
        hits = np.where(hits / people >= recalls, hits, hits + 1)
    return hits


def _first(hits: Int, least: Int) -> Int:
    """(n, R) index of the first hit, in (n, H), of at least `least`; H where there is none."""
    above = hits.max(initial=0) + 1
    row = np.arange(len(hits))[:, np.newaxis]
    line = (hits + row * (above + 1)).ravel()  # rises, one row after the other
    found = np.searchsorted(line, np.minimum(least, above) + row * (above + 1))
    return np.asarray(found - row * hits.shape[1])
