"""Many weightings at once give the figures that one after the other gives, to the last bit."""

import numpy as np
import pytest

from tfpose.evaluation.metrics.coco import AREAS, Evaluation
from tfpose.evaluation.metrics.intervals import intervals
from tfpose.evaluation.metrics.matches import Matches

RECALLS = np.linspace(0, 1, 101)
THRESHOLDS = np.linspace(0.5, 0.95, 10)
ENDS = ((1 - 0.95) / 2, (1 + 0.95) / 2)  # of the default interval


def one_by_one(
    matches: Matches, weight: np.ndarray, recalls: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall at every result, read by a search: pycocotools' way, with weights."""
    count = int((matches.people * weight).sum())
    precision = np.full((len(matches.hit), len(recalls)), -1.0)
    recall = np.full(len(matches.hit), -1.0)
    if count == 0:
        return precision, recall
    times = weight[matches.picture] * ~matches.ignored
    hits = np.cumsum(times * matches.hit, axis=1)
    misses = np.cumsum(times * ~matches.hit, axis=1)
    curve = hits / np.maximum(hits + misses, 1)
    curve = np.maximum.accumulate(curve[:, ::-1], axis=1)[:, ::-1]
    for index, reached in enumerate(hits / count):
        place = np.searchsorted(reached, recalls, side="left")
        precision[index] = np.append(curve[index], 0.0)[place]
        recall[index] = reached[-1] if len(reached) else 0.0
    return precision, recall


def made(seed: int, *, pictures: int = 30, results: int = 80) -> Matches:
    rng = np.random.default_rng(seed)
    chance = rng.random()
    return Matches(
        picture=rng.integers(0, pictures, results),
        hit=rng.random((len(THRESHOLDS), results)) < chance * np.linspace(1, 0, 10)[:, np.newaxis],
        ignored=rng.random((len(THRESHOLDS), results)) < rng.choice([0, 0.3, 1]),
        people=rng.integers(0, 4, pictures) * (rng.random(pictures) < 0.7),
    )


def draws(seed: int, count: int = 30, size: int = 50) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=size)


@pytest.mark.parametrize("results", [0, 1, 7, 80, 700])
@pytest.mark.parametrize("seed", range(6))
def test_precision_and_recall_are_those_of_one_after_the_other(seed: int, results: int) -> None:
    matches, weights = made(seed, results=results), draws(seed)
    weights[3] = 0  # nobody counts
    precision, recall = matches.curves(weights, RECALLS)
    for index, weight in enumerate(weights):
        wanted = one_by_one(matches, weight, RECALLS)
        np.testing.assert_array_equal(precision[index], wanted[0])
        np.testing.assert_array_equal(recall[index], wanted[1])


def test_a_share_just_reached_in_floating_point_counts() -> None:
    """0.29 * 100 is 28.999999999999996 and 0.07 * 100 is 7.000000000000001 in float64."""
    for people in (100, 700, 3, 1):
        hit = np.ones((1, people), bool)
        matches = Matches(
            picture=np.arange(people),
            hit=hit,
            ignored=~hit,
            people=np.ones(people, int),
        )
        precision, _ = matches.curves(np.ones((1, people), int), RECALLS)
        wanted, _ = one_by_one(matches, np.ones(people, int), RECALLS)
        np.testing.assert_array_equal(precision[0], wanted)


@pytest.mark.parametrize("seed", range(4))
def test_intervals_are_those_of_single_figures(seed: int) -> None:
    evaluation = Evaluation(
        image_ids=tuple(range(30)),
        matches=tuple(made(10 * seed + area) for area in range(len(AREAS))),
        thresholds=THRESHOLDS,
        recalls=RECALLS,
    )

    def figures(weight: np.ndarray) -> list[float]:
        parts = [one_by_one(matches, weight, RECALLS) for matches in evaluation.matches]
        (precision, recall), (medium, _), (large, _) = parts
        return [mean(values) for values in (precision, medium, large, recall)]

    def mean(values: np.ndarray) -> float:
        counted = values[values > -1]
        return float(counted.mean()) if counted.size else -1.0

    drawn = np.array([figures(weight) for weight in draws(seed, size=200)])
    found = intervals(evaluation, draws=200, seed=seed)
    for name, column in zip(("ap", "ap_medium", "ap_large", "ar"), drawn.T, strict=True):
        assert found[name] == tuple(np.quantile(column[column >= 0], ENDS))
