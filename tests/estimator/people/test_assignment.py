from itertools import permutations

import numpy as np
import pytest

from estimator.people.assignment import greedy, highest


def total(value: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> float:
    return float(value[pairs].sum())


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
@pytest.mark.parametrize("assign", [highest, greedy])
def test_nobody_is_paired_with_nobody(assign: object, shape: tuple[int, int]) -> None:
    rows, columns = assign(np.zeros(shape, np.float32), least=0.1)
    assert len(rows) == len(columns) == 0


def test_the_best_pair_gives_way_to_the_best_sum() -> None:
    value = np.array([[0.9, 0.8], [0.85, 0.0]], np.float32)
    assert [part.tolist() for part in highest(value, least=0.1)] == [[0, 1], [1, 0]]
    assert [part.tolist() for part in greedy(value, least=0.1)] == [[0], [0]]


def test_a_pair_below_the_least_is_none() -> None:
    value = np.array([[0.5, 0.05], [0.4, 0.05]], np.float32)
    assert [part.tolist() for part in highest(value, least=0.1)] == [[0], [0]]


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (3, 5), (5, 3), (6, 6)])
def test_no_permutation_is_better(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        value = rng.random(shape, np.float32)
        value[rng.random(shape) < 0.4] = 0  # ties
        wide = value if shape[0] <= shape[1] else value.T
        rows = range(len(wide))
        best = max(
            sum(wide[row, column] for row, column in zip(rows, order, strict=True))
            for order in permutations(range(wide.shape[1]), len(wide))
        )
        assert total(value, highest(value, least=0.0)) == pytest.approx(best, abs=1e-5)


def test_equal_to_scipy_on_a_hundred_people() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    value = np.random.default_rng(0).random((100, 90), np.float32) ** 4
    expected = value[optimize.linear_sum_assignment(value, maximize=True)].sum()
    assert total(value, highest(value, least=0.0)) == pytest.approx(expected, rel=1e-5)
