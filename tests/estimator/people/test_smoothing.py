from dataclasses import replace

import numpy as np
import pytest

from estimator.people.smoothing import PRESETS, Smoother, SmootherOptions
from estimator.poses import Poses
from tests.estimator import walkers

NOISE = 0.016 * walkers.SIZE  # 3 pixels
FRAMES = 150


def run(
    parameters: SmootherOptions, speed: float = 0.0, *, noise: float = NOISE, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(F, K, 2) of somebody who walks at `speed` pixels a second: as found, smoothed, true."""
    rng, smoother = np.random.default_rng(0), Smoother(parameters)
    found, smooth, true = [], [], []
    for index in range(FRAMES):
        time = index / walkers.RATE
        true.append(walkers.person(speed * time) * scale)
        found.append((true[-1] + rng.normal(0, noise * scale, true[-1].shape)).astype(np.float32))
        smooth.append(smoother(named(found[-1]), time).xy[0])
    return np.array(found[30:]), np.array(smooth[30:]), np.array(true[30:])


def named(*people: np.ndarray) -> Poses:
    return replace(walkers.frame(list(people)), identity=np.arange(1, 1 + len(people)))


def jitter(xy: np.ndarray) -> float:
    """Root mean square of the second differences."""
    return float(np.sqrt(np.square(np.diff(xy, 2, axis=0)).mean()))


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_still_person_trembles_three_times_less(name: str) -> None:
    found, smooth, _ = run(PRESETS[name])
    assert jitter(found) / jitter(smooth) > 3


@pytest.mark.parametrize("speed", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_walking_person_lags_less_than_a_frame(name: str, speed: float) -> None:
    """Speeds in sizes of the person a second; lag in frames, what they walk in one."""
    pixels = speed * walkers.SIZE
    _, smooth, true = run(PRESETS[name], pixels)
    lag = (true - smooth)[..., 0].mean() / (pixels / walkers.RATE)
    assert 0 < lag < 1


def test_default_trembles_less_and_lags_less_than_the_original() -> None:
    ours, theirs = PRESETS["default"], PRESETS["lightweight_openpose"]
    assert jitter(run(ours)[1]) < jitter(run(theirs)[1])
    for speed in (60.0, 200.0):
        behind = [
            (true - smooth)[..., 0].mean()
            for _, smooth, true in (run(parameters, speed) for parameters in (ours, theirs))
        ]
        assert behind[0] < behind[1]


def test_a_larger_picture_is_smoothed_alike() -> None:
    _, small, _ = run(SmootherOptions(), 100.0)
    _, large, _ = run(SmootherOptions(), 100.0, scale=4.0)
    np.testing.assert_allclose(large, 4 * small, rtol=1e-4)


def test_first_frame_is_unchanged_and_the_second_is_the_paper_s() -> None:
    """By hand: 1 Hz at 10 frames a second has the share 2 pi 0.1 / (2 pi 0.1 + 1) = 0.3859."""
    smoother = Smoother(SmootherOptions(min_cutoff=1.0, beta=0.0))
    start = walkers.person(0)
    assert np.allclose(smoother(named(start), 0.0).xy[0], start)
    second = smoother(named(np.add(start, (10, 0))), 0.1).xy[0]
    assert np.allclose(second, np.add(start, (3.859, 0)), atol=1e-3)


def test_a_keypoint_found_again_begins_anew() -> None:
    smoother = Smoother(SmootherOptions(beta=0.0))
    start, hidden = walkers.person(0), walkers.person(0)
    hidden[4] = np.nan
    smoother(named(start), 0.0)
    assert np.isnan(smoother(named(hidden), 0.1).xy[0, 4]).all()
    moved = np.add(start, (50, 0))
    smooth = smoother(named(moved), 0.2).xy[0]
    assert np.allclose(smooth[4], moved[4])
    assert smooth[3, 0] < moved[3, 0] - 10


def test_people_do_not_mix() -> None:
    smoother = Smoother()
    one, other = walkers.person(0), walkers.person(500)
    smoother(named(one, other), 0.0)
    swapped = replace(named(other, one), identity=np.array([2, 1]))
    assert np.allclose(smoother(swapped, 0.1).xy, [other, one], atol=1e-3)


def test_nobody_and_no_identities() -> None:
    smoother = Smoother()
    empty = replace(walkers.frame([]), identity=np.zeros(0, np.int64))
    assert len(smoother(empty, 0.0)) == 0
    with pytest.raises(ValueError, match="pass the people to a Tracker first"):
        smoother(walkers.frame([walkers.person(0)]), 1.0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("min_cutoff", 0, "min_cutoff must be positive"),
        ("beta", -1, "beta must not be negative"),
        ("unit", "metre", "unit must be one of"),
        ("rate", 0, "rate must be positive"),
    ],
)
def test_wrong_parameters_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SmootherOptions(**{field: value})
