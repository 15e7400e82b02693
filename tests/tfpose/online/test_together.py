"""Processes that train side by side, each on its share, with one network in the end."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pytest

from estimator.arrays import Float
from tests.tfpose.online.test_distilling import keras_arrays
from tfpose import models

torch = pytest.importorskip("torch")

from tests.tfpose.online.side_by_side import Preparation, fill  # noqa: E402
from tfpose.online import learning, lessons, together  # noqa: E402
from tfpose.online.lessons import Share  # noqa: E402
from tfpose.online.together import Together  # noqa: E402

FILES = [f"{number:012d}.jpg" for number in range(400)]


@pytest.fixture(scope="module")
def start() -> dict[str, Float]:
    keras.utils.set_random_seed(0)
    return keras_arrays(models.build(models.spec("tfpose_person"), flexible=True))


def test_each_picture_is_in_one_share() -> None:
    shares = [Share(rank, 3) for rank in range(3)]
    counts = [sum(share.has(file) for file in FILES) for share in shares]
    assert all(sum(share.has(file) for share in shares) == 1 for file in FILES)
    assert min(counts) > len(FILES) / 5


@pytest.mark.parametrize("over", [True, False])
def test_arrays_are_set_to_their_mean_and_the_first_ones_clock_counts(over: bool) -> None:
    meeting = together.meeting(2, 8)
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=fill, args=(meeting, 1), daemon=True)
    other.start()
    arrays = [torch.arange(6.0).view(2, 3), torch.ones(2)]
    assert Together(meeting, 0).average(arrays, over=over) == over
    np.testing.assert_array_equal(arrays[0], (np.arange(6).reshape(2, 3) + 4) / 2)
    np.testing.assert_array_equal(arrays[1], [0.5, 0.5])
    other.join()


def test_the_result_is_the_mean_of_the_processes_networks(start: dict[str, Float]) -> None:
    found: list[Mapping[str, Float]] = []

    def save(arrays: Mapping[str, Float]) -> Path:
        found.append(arrays)
        return Path("student.npz")

    at_once = learning.Options(seconds=1e-3, batch=2, seed=5, ema=1e-9)  # the rate is soon 0
    lessons.run(Preparation(start), at_once, save, processes=2)
    np.testing.assert_allclose(found[-1]["heatmaps/bias"], 0.5, atol=1e-3)
    np.testing.assert_allclose(found[-1]["stem/kernel"], start["stem/kernel"], atol=1e-3)


def test_who_fails_leaves_nobody_waiting() -> None:
    meeting = together.meeting(2, 8)
    with pytest.raises(ValueError, match="no pictures"), Together(meeting, 1):
        raise ValueError("no pictures")
    with pytest.raises(RuntimeError, match="another process"):
        Together(meeting, 0).average([torch.zeros(8)], over=False)


def test_a_process_that_fails_ends_the_run(start: dict[str, Float]) -> None:
    options = learning.Options(seconds=1e6, batch=2, seed=5)
    with pytest.raises(RuntimeError, match="another process"):
        lessons.run(Preparation(start, fails=True), options, Path, processes=2)
