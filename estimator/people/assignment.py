"""Optimal assignment: the pairs of rows and columns with the highest sum.

Successive shortest paths with potentials (Kuhn 1955; Jonker and Volgenant 1987, Computing 38,
"A shortest augmenting path algorithm"), row by row, vectorised over the columns. Greedy matching
fails where two people are close: the best pair may leave no partner for the second. SciPy has the
same function, but the base install does without SciPy.
"""

import numpy as np
import numpy.typing as npt

from ..arrays import Float, Int, check_shape


def highest(value: Float, *, least: float) -> tuple[Int, Int]:
    """Pairs rows with columns, each at most once, so that the sum of (value - least) is highest.

    Args:
      value: (N, M), finite.
      least: minimum value of a pair.

    Returns:
      Row and column of each pair, rows ascending; only pairs with a value of at least `least`.
    """
    check_shape("value", value, (None, None))
    if 0 in value.shape:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if len(value) > value.shape[1]:
        columns, rows = highest(np.ascontiguousarray(value.T), least=least)
        order = np.argsort(rows)
        return rows[order], columns[order]
    gain = np.maximum(np.asarray(value, np.float64) - least, 0)
    columns = _cheapest(-gain)
    rows = np.arange(len(value))
    good = value[rows, columns] >= least
    return rows[good], columns[good]


def greedy(value: Float, *, least: float) -> tuple[Int, Int]:
    """Pairs rows with columns in the order of the rows: each takes the highest free column.

    Args and returns: as `highest`.
    """
    check_shape("value", value, (None, None))
    left = np.array(value, np.float32)
    pairs = []
    for row in range(len(value) if value.shape[1] else 0):
        column = int(left[row].argmax())
        if left[row, column] >= least:
            pairs.append((row, column))
            left[:, column] = -np.inf
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    return rows, columns


def _cheapest(cost: npt.NDArray[np.float64]) -> Int:
    """(N,) The column of every row of `cost` (N, M), N <= M, so that the sum is lowest."""
    count, others = cost.shape
    row_of = np.full(others + 1, -1)  # the last, virtual column is the start of a new row
    row_price, column_price = np.zeros(count), np.zeros(others + 1)
    for row in range(count):
        row_of[others] = row
        column, shortest = others, np.full(others, np.inf)
        before, done = np.full(others, others), np.zeros(others + 1, np.bool_)
        while row_of[column] >= 0:
            done[column] = True
            here = row_of[column]
            reduced = cost[here] - row_price[here] - column_price[:others]
            better = ~done[:others] & (reduced < shortest)
            shortest[better], before[better] = reduced[better], column
            following = int(np.where(done[:others], np.inf, shortest).argmin())
            step = shortest[following]
            row_price[row_of[done]] += step
            column_price[done] -= step
            shortest[~done[:others]] -= step
            column = following
        while column != others:  # each column on the path takes the row of the one before it
            row_of[column] = row_of[before[column]]
            column = before[column]
    columns = np.empty(count, np.int64)
    assigned = np.flatnonzero(row_of[:others] >= 0)
    columns[row_of[assigned]] = assigned
    return columns
