"""OKS and suppression by hand, and OKS against pycocotools."""

import numpy as np
import pytest

from estimator import skeletons
from estimator.people import oks

SIGMAS = (0.1, 0.05)


def people(*shifts: float) -> np.ndarray:
    """Two keypoints a person, 10 pixels apart, moved right."""
    return np.array([[(shift, 0), (shift, 10)] for shift in shifts], np.float32).reshape(-1, 2, 2)


def test_oks_by_hand() -> None:
    """Area 100, 2 pixels off: exp(-4 / (2 * 0.04 * 100)) and exp(-4 / (2 * 0.01 * 100))."""
    found = oks.oks(
        people(0), np.ones((1, 1, 2)), people(2), area=np.full((1, 1), 100.0), sigmas=SIGMAS
    )
    assert found[0, 0] == pytest.approx((np.exp(-0.5) + np.exp(-2)) / 2, rel=1e-6)


def test_only_visible_keypoints_count() -> None:
    visible = np.array([[[1, 0]]])
    found = oks.oks(people(0), visible, people(2), area=np.full((1, 1), 100.0), sigmas=SIGMAS)
    assert found[0, 0] == pytest.approx(np.exp(-0.5), rel=1e-6)
    nothing = oks.oks(people(0), visible * 0, people(0), area=np.ones((1, 1)), sigmas=SIGMAS)
    assert nothing[0, 0] == 0


def test_a_keypoint_that_was_not_found_is_far() -> None:
    other = people(0)
    other[0, 1] = np.nan
    found = oks.oks(people(0), np.ones((1, 1, 2)), other, area=np.ones((1, 1)), sigmas=SIGMAS)
    assert found[0, 0] == 0.5


def test_the_oks_to_expect_is_the_mean_over_errors() -> None:
    rng = np.random.default_rng(0)
    xy, area = people(0), np.array([100.0], np.float32)
    moved = xy + rng.normal(0, 1.5, (20_000, 2, 2)).astype(np.float32)
    found = oks.oks(xy, np.ones((1, 1, 2)), moved, area=np.full((1, 1), 100.0), sigmas=SIGMAS)
    one = np.ones((1, 2), np.bool_)
    expected = oks.expected(one, area, sigmas=SIGMAS, error=1.5)
    assert expected == pytest.approx(found.mean(), abs=0.005)
    assert oks.expected(one, area, sigmas=SIGMAS, error=0) == 1
    assert oks.expected(~one, area, sigmas=SIGMAS, error=1.5) == 0


def test_equal_to_pycocotools() -> None:
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    sigmas = skeletons.get("coco17").sigmas
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 60, (3, 17, 2)).astype(np.float32)
    visible = rng.integers(0, 3, (3, 17))
    found = truth[[2, 0]] + rng.normal(0, 3, (2, 17, 2)).astype(np.float32)
    judge = cocoeval.COCOeval(iouType="keypoints")
    judge.params.maxDets = [20]
    area = np.array([900.0, 1500.0, 4000.0])
    judge._gts[1, 1] = [
        {
            "keypoints": np.column_stack([truth[i], visible[i]]).ravel().tolist(),
            "bbox": [0, 0, 60, 60],
            "area": area[i],
        }
        for i in range(3)
    ]
    judge._dts[1, 1] = [
        {"keypoints": np.column_stack([xy, np.ones(17)]).ravel().tolist(), "score": 1.0 - i}
        for i, xy in enumerate(found)
    ]
    ours = oks.oks(truth, visible[:, None], found, area=area[:, None], sigmas=sigmas)
    np.testing.assert_allclose(ours.T, judge.computeOks(1, 1), rtol=1e-5)


def similarity(first_second: float) -> np.ndarray:
    """Answers 0 and 1 alike, answer 2 alone."""
    table = np.eye(3, dtype=np.float32)
    table[0, 1] = table[1, 0] = first_second
    return table


SCORE = np.array([0.5, 0.8, 0.3], np.float32)


@pytest.mark.parametrize(("alike", "kept"), [(0.95, [1, 2]), (0.9, [1, 0, 2]), (0.2, [1, 0, 2])])
def test_suppression_keeps_the_best_of_two_alike(alike: float, kept: list[int]) -> None:
    assert oks.suppress(similarity(alike), SCORE, limit=np.float32(0.9)).tolist() == kept


def test_soft_suppression_lowers_the_score() -> None:
    order, score = oks.suppress_softly(similarity(1.0), SCORE, limit=0.9)
    assert score[0] == pytest.approx(0.5 * np.exp(-1 / 0.9))  # 0.165: now behind answer 2
    assert order.tolist() == [1, 2, 0]
    assert score[1:].tolist() == SCORE[1:].tolist()


def test_soft_suppression_keeps_so_many() -> None:
    assert oks.suppress_softly(similarity(0.0), SCORE, most=2)[0].tolist() == [1, 0]


def test_nobody() -> None:
    none, score = np.zeros((0, 0), np.float32), np.zeros(0, np.float32)
    assert oks.suppress(none, score).tolist() == []
    assert oks.suppress_softly(none, score)[0].tolist() == []
    xy = np.zeros((0, 2, 2), np.float32)
    assert oks.between(
        xy, np.zeros((0, 2), np.float32), score, sigmas=SIGMAS, visible_above=0.2
    ).shape == (0, 0)


def test_both_must_show_a_keypoint() -> None:
    """The original's `and` of two lists asks the second only: here it would count both."""
    score = np.array([[0.9, 0.1], [0.9, 0.9]], np.float32)
    xy = people(0, 0)
    xy[0, 1] += 50  # what the first doesn't show is far away
    table = oks.between(xy, score, np.full(2, 100, np.float32), sigmas=SIGMAS, visible_above=0.2)
    assert table[0, 1] == table[1, 0] == 1


def test_pairs_take_the_highest_first_and_each_person_once() -> None:
    similarity = np.array([[0.6, 0.9], [0.7, 0.8], [0.2, 0.3]], np.float32)
    assert oks.pairs(similarity, least=0.5) == [(0, 1), (1, 0)]
    assert oks.pairs(similarity, least=0.1) == [(0, 1), (1, 0)]  # nobody is left for the third
    assert oks.pairs(similarity, least=0.95) == []
    assert oks.pairs(np.zeros((0, 2), np.float32), least=0.5) == []
    assert similarity.max() == np.float32(0.9)
