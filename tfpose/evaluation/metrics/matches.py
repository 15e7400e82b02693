"""Results matched to people, and the precision and recall that follow from the matching."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from estimator.arrays import Int

Double: TypeAlias = npt.NDArray[np.float64]


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


def precision_recall(matches: Matches, weight: Int, recalls: Double) -> tuple[Double, Double]:
    """Precision (T, R) at the recalls, and the recall (T,) reached; -1 where nobody counts."""
    count = int((matches.people * weight).sum())
    precision = np.full((len(matches.hit), len(recalls)), -1.0)
    recall = np.full(len(matches.hit), -1.0)
    if count == 0:
        return precision, recall
    times = weight[matches.picture] * ~matches.ignored  # (T, D)
    hits = np.cumsum(times * matches.hit, axis=1)
    misses = np.cumsum(times * ~matches.hit, axis=1)
    curve = hits / np.maximum(hits + misses, 1)
    curve = np.maximum.accumulate(curve[:, ::-1], axis=1)[:, ::-1]  # never rises with recall
    for index, reached in enumerate(hits / count):
        place = np.searchsorted(reached, recalls, side="left")
        precision[index] = np.append(curve[index], 0.0)[place]
        recall[index] = reached[-1] if len(reached) else 0.0
    return precision, recall
