import numpy as np

from estimator.decoders.paf.grouping import Groups, group
from estimator.decoders.paf.limbs import Candidates
from estimator.decoders.paf.peaks import Peaks


def peaks_of(*channels: int) -> Peaks:
    """One peak for each channel named, in ascending order."""
    count = max(channels, default=0) + 1
    return Peaks(
        xy=np.zeros((len(channels), 2), np.float32),
        score=np.ones(len(channels), np.float32),
        channel=np.array(channels, np.int64),
        start=np.searchsorted(channels, np.arange(count + 1)),
    )


def grouped(
    peaks: Peaks, *limbs: tuple[int, int, int, float], additive_only: tuple[int, ...] = ()
) -> Groups:
    """Groups of candidates (limb, first peak, second peak, score); those named only add."""
    limb, first, second, score = np.array(limbs).reshape(-1, 4).T
    candidates = Candidates(
        limb=limb.astype(np.int64),
        first=first.astype(np.int64),
        second=second.astype(np.int64),
        score=score.astype(np.float32),
    )
    return group(candidates, peaks, np.isin(limb, additive_only))


def test_no_limbs_are_no_groups() -> None:
    assert grouped(peaks_of()).peak.shape == (0, 1)
    assert grouped(peaks_of(0, 1)).peak.shape == (0, 2)


def test_a_chain_is_one_group_with_the_sum_of_its_limbs() -> None:
    found = grouped(peaks_of(0, 1, 2), (0, 0, 1, 0.5), (1, 1, 2, 0.75))
    assert found.peak.tolist() == [[0, 1, 2]]
    assert found.limbs.tolist() == [2]
    assert found.limb_score.tolist() == [1.25]


def test_the_surer_limb_takes_the_peak() -> None:
    found = grouped(peaks_of(0, 0, 1), (0, 0, 2, 0.5), (0, 1, 2, 0.75))
    assert found.peak.tolist() == [[1, 2]]


def test_a_keypoint_does_not_occur_twice() -> None:
    # Peaks 0 and 1 are of keypoint 0; limb 1 would bring both into one person.
    found = grouped(peaks_of(0, 0, 1, 2), (0, 0, 2, 0.9), (1, 1, 3, 0.8), (2, 2, 3, 0.7))
    assert sorted(found.peak.tolist()) == [[0, 2, -1], [1, -1, 3]]


def test_the_second_choice_counts_where_the_first_cannot_be() -> None:
    # Keypoints 0, 1, 2, two peaks each. Peak 2's surest way to keypoint 2 is taken by 3.
    found = grouped(
        peaks_of(0, 0, 1, 1, 2, 2),
        *((0, 0, 2, 0.9), (0, 1, 3, 0.9)),
        *((1, 3, 4, 0.8), (1, 2, 4, 0.7), (1, 2, 5, 0.6)),
    )
    assert sorted(found.peak.tolist()) == [[0, 2, 5], [1, 3, 4]]


def test_a_loop_closes() -> None:
    found = grouped(peaks_of(0, 1, 2), (0, 0, 1, 0.5), (1, 1, 2, 0.5), (2, 2, 0, 0.5))
    assert found.peak.tolist() == [[0, 1, 2]]
    assert found.limbs.tolist() == [3]


def test_a_additive_only_limb_confirms_a_group() -> None:
    found = grouped(
        peaks_of(0, 1, 2), (0, 0, 1, 0.5), (1, 1, 2, 0.5), (2, 2, 0, 0.25), additive_only=(2,)
    )
    assert found.limbs.tolist() == [3]
    assert found.limb_score.tolist() == [1.25]


def test_a_additive_only_limb_adds_a_keypoint() -> None:
    found = grouped(peaks_of(0, 1, 2), (0, 0, 1, 0.5), (1, 1, 2, 0.9), additive_only=(1,))
    assert found.peak.tolist() == [[0, 1, 2]]


def test_a_additive_only_limb_begins_no_group() -> None:
    assert len(grouped(peaks_of(0, 1), (0, 0, 1, 0.9), additive_only=(0,)).peak) == 0


def test_a_additive_only_limb_joins_no_groups() -> None:
    found = grouped(
        peaks_of(0, 1, 2, 3), (0, 0, 1, 0.5), (1, 2, 3, 0.5), (2, 1, 2, 0.9), additive_only=(2,)
    )
    assert sorted(found.peak.tolist()) == [[-1, -1, 2, 3], [0, 1, -1, -1]]


def test_a_additive_only_limb_may_start_where_another_ends() -> None:
    # The far one is surer and comes first, when the group has not reached it yet.
    found = grouped(
        peaks_of(0, 1, 2, 3), (0, 0, 1, 0.5), (1, 1, 2, 0.3), (2, 2, 3, 0.9), additive_only=(1, 2)
    )
    assert found.peak.tolist() == [[0, 1, 2, 3]]
