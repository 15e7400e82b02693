"""Confidence intervals of COCO's figures, by a bootstrap over pictures.

Pictures, not people, are drawn with replacement (Efron 1979), since people of one picture are not
independent; the ends of the interval are quantiles of the draws.
"""

from collections.abc import Mapping

import numpy as np

from .coco import Evaluation
from .matches import Double


def intervals(
    evaluation: Evaluation, *, draws: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Mapping[str, tuple[float, float]]:
    """Computes the interval of every figure.

    Args:
      evaluation: of at least one picture.
      draws: number of draws, at least 1.
      confidence: between 0 and 1.
      seed: of the draws.

    Returns:
      By the names of `coco.Scores`: low and high end; -1 and -1 where nobody counts in any draw.

    Raises:
      ValueError: `draws` or `confidence` is outside.
    """
    if draws < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"draws must be at least 1 and confidence between 0 and 1, found {draws}, {confidence}"
        )
    count = len(evaluation.image_ids)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    drawn = evaluation.weighted(weights)
    ends = ((1 - confidence) / 2, (1 + confidence) / 2)
    return {name: _ends(values, ends) for name, values in drawn.items()}


def _ends(values: Double, ends: tuple[float, float]) -> tuple[float, float]:
    counted = values[values >= 0]
    if not counted.size:
        return -1.0, -1.0
    low, high = np.quantile(counted, ends)
    return float(low), float(high)
