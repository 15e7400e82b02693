import numpy as np
import pytest

from estimator.poses import Poses
from estimator.second_look.merging import Merging, merge
from tests.estimator.conftest import COLOURS

NAN = (np.nan, np.nan)


def one(xy: list[tuple[float, float]], score: list[float], person_score: float) -> Poses:
    return Poses(
        skeleton=COLOURS,
        xy=np.array([xy], np.float32),
        score=np.array([score], np.float32),
        person_score=np.array([person_score], np.float32),
    )


# The box of the first's keypoints is 99 wide and high, so that the person's size is 100.
FIRST = one([(0, 0), (99, 99), NAN], [0.5, 0.5, 0], 0.25)


def test_nobody_is_nobody() -> None:
    assert len(merge(Poses.empty(COLOURS), Poses.empty(COLOURS), Merging())) == 0


def test_near_places_are_averaged_and_missed_ones_filled_in() -> None:
    second = one([(8, 0), (99, 91), (50, 50)], [0.7, 0.3, 0.6], 0.5)
    merged = merge(FIRST, second, Merging(near=0.1, weight=0.25))
    assert merged.xy[0].tolist() == [[6, 0], [99, 93], [50, 50]]
    assert np.allclose(merged.score[0], [0.6, 0.4, 0.6])


@pytest.mark.parametrize(("surer", "place"), [(2.0, 0.0), (1.0, 60.0)])
def test_far_places_stay_unless_the_second_network_is_far_surer(surer: float, place: float) -> None:
    second = one([(60, 0), (99, 99), NAN], [0.8, 0.5, 0], 0.5)
    merged = merge(FIRST, second, Merging(surer=surer))
    assert merged.xy[0, 0].tolist() == [place, 0]


def test_a_missed_keypoint_that_the_second_network_doubts_stays_missed() -> None:
    second = one([(0, 0), (99, 99), (50, 50)], [0.5, 0.5, 0.1], 0.5)
    assert merge(FIRST, second, Merging(filled=0.2)).score[0, 2] == 0


def test_what_the_second_network_missed_stays() -> None:
    second = one([NAN, NAN, NAN], [0, 0, 0], 0)
    merged = merge(FIRST, second, Merging())
    assert np.array_equal(merged.xy, FIRST.xy, equal_nan=True)
    assert merged.person_score.tolist() == [0]


def test_the_score_is_the_geometric_mean_of_both() -> None:
    second = one([(0, 0), (99, 99), (50, 50)], [0.3, 0.6, 0.9], 0.64)
    merged = merge(FIRST, second, Merging(scale=2.0))
    assert merged.person_score.tolist() == pytest.approx([2 * 0.5 * 0.8])


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="weight 0 to 1"):
        Merging(weight=1.5)
