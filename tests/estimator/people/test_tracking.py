from dataclasses import replace

import numpy as np
import pytest

from estimator import skeletons
from estimator.people import tracking
from estimator.people.tracking import PRESETS, Tracker, TrackerOptions
from estimator.poses import Poses
from tests.estimator import walkers

SPEED = 200.0  # pixels a second, to either side
SECONDS = 4.0


def crossing(seed: int, *, hidden: float, noise: float = 3.0) -> list[tuple[Poses, list[int]]]:
    """Two people walk through each other: frames in random order, and who is who in them.

    While they are within `hidden` pixels of each other, the one behind is not found; beside that,
    3 keypoints of each are missing.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(int(SECONDS * walkers.RATE)):
        left = walkers.person(SPEED * index / walkers.RATE)
        right = walkers.person(SPEED * (SECONDS - index / walkers.RATE), y=110)
        behind = abs(left[0, 0] - right[0, 0]) < hidden
        people, names = [], []
        for name in rng.permutation([0] if behind else [0, 1]).tolist():
            xy = (left, right)[name] + rng.normal(0, noise, left.shape)
            xy[rng.choice(len(xy), 3, replace=False)] = np.nan
            people.append(xy)
            names.append(name)
        frames.append((walkers.frame(people, rng.random(len(people)).tolist()), names))
    return frames


def switches(frames: list[tuple[Poses, list[int]]], parameters: TrackerOptions) -> int:
    """How often somebody's identity is not the one they had when last seen."""
    tracker, known, count = Tracker(parameters), {}, 0
    for index, (poses, names) in enumerate(frames):
        identity = tracker(poses, index / walkers.RATE).identity.tolist()
        count += sum(known.get(name, one) != one for name, one in zip(names, identity, strict=True))
        known.update(zip(names, identity, strict=True))
    return count


def test_nobody_has_no_identity() -> None:
    tracker = Tracker()
    for time in (0.0, 0.1):
        assert tracker(Poses.empty(walkers.SKELETON), time).identity.shape == (0,)
    assert tracker.people == 0


@pytest.mark.parametrize("noise", [3, 6])
@pytest.mark.parametrize("hidden", [0, 80, 160])
def test_two_people_who_cross_keep_their_identities(hidden: float, noise: float) -> None:
    """Noise of 1% and 2% of their height."""
    for seed in range(8):
        frames = crossing(seed, hidden=hidden, noise=noise)
        assert switches(frames, TrackerOptions()) == 0


def test_somebody_who_passes_behind_takes_nobody_s_place() -> None:
    """What the weight of the hidden is for."""
    frames = [crossing(seed, hidden=80, noise=6) for seed in range(8)]
    careless = replace(TrackerOptions(), hidden_weight=1.0)
    assert sum(switches(one, careless) for one in frames) > 0


def test_without_motion_and_memory_they_do_not() -> None:
    """What the motion model and the memory are for."""
    frames = crossing(0, hidden=160)
    assert switches(frames, PRESETS["lightweight_openpose"]) > 0
    assert switches(frames, replace(TrackerOptions(), velocity_seconds=0.0)) > 0
    assert switches(frames, replace(TrackerOptions(), memory_seconds=0.0)) > 0


def test_identities_count_people_by_first_appearance() -> None:
    tracker = Tracker()
    one, other = walkers.person(0), walkers.person(500)
    assert tracker(walkers.frame([one]), 0.0).identity.tolist() == [1]
    assert tracker(walkers.frame([other, one]), 0.1).identity.tolist() == [2, 1]
    assert tracker.people == 2


@pytest.mark.parametrize(("seconds", "identity"), [(0.9, 1), (1.2, 2)])
def test_somebody_is_remembered_for_a_second(seconds: float, identity: int) -> None:
    tracker = Tracker()
    tracker(walkers.frame([walkers.person(0)]), 0.0)
    tracker(walkers.frame([]), seconds / 2)
    again = tracker(walkers.frame([walkers.person(3)]), seconds)
    assert again.identity.tolist() == [identity]


def test_hidden_keypoints_move_with_the_body() -> None:
    """Legs are seen at 0 s and at 1 s only; the body has walked on by its own width since."""
    tracker = Tracker(TrackerOptions(velocity_seconds=0.0, tolerance=1.0))
    legs = walkers.person(0)
    legs[:8] = np.nan
    for step in range(11):
        xy = walkers.person(step * walkers.WIDTH / 10)
        if 0 < step < 10:
            xy[8:14] = np.nan
        tracker(walkers.frame([xy]), step / 10)
    legs += (walkers.WIDTH, 0)
    assert tracker(walkers.frame([legs]), 1.1).identity.tolist() == [1]


@pytest.mark.parametrize("people", [1, 100])
def test_a_crowd_walks_without_a_switch(people: int) -> None:
    rng = np.random.default_rng(0)
    places = np.stack([np.arange(people) % 10 * 150, np.arange(people) // 10 * 400], axis=1)
    tracker = Tracker()
    for index in range(6):
        order = rng.permutation(people)
        crowd = [walkers.BODY + places[one] + (4 * index, 0) for one in order]
        crowd = [xy + rng.normal(0, 3, xy.shape) for xy in crowd]
        found = tracker(walkers.frame(crowd), index / walkers.RATE).identity
        if index == 0:
            name = dict(zip(order.tolist(), found.tolist(), strict=True))
        assert found.tolist() == [name[one] for one in order.tolist()]


@pytest.mark.parametrize("skeleton", skeletons.names())
def test_tracks_any_skeleton(skeleton: str) -> None:
    kind = skeletons.get(skeleton)
    count = len(kind.keypoints)
    xy = np.random.default_rng(0).uniform(0, 100, (2, count, 2)).astype(np.float32)
    xy[1] += 500
    score = np.ones((2, count), np.float32)
    poses = Poses(skeleton=kind, xy=xy, score=score, person_score=score[:, 0])
    tracker = Tracker()
    assert tracker(poses, 0.0).identity.tolist() == [1, 2]
    assert tracker(poses.select(np.array([1, 0])), 0.1).identity.tolist() == [2, 1]


def test_somebody_of_two_keypoints_is_recognised() -> None:
    """Seen at the picture's edge: a wrist and an elbow, then the whole arm."""
    tracker = Tracker()
    arm = walkers.person(0)
    arm[5:] = arm[:2] = np.nan
    two = arm.copy()
    two[2] = np.nan
    for time, xy in enumerate((two, two, arm)):
        assert tracker(walkers.frame([xy]), time / 30).identity.tolist() == [1]


def test_time_must_go_on() -> None:
    tracker = Tracker()
    tracker(walkers.frame([]), 1.0)
    with pytest.raises(ValueError, match=r"1\.0 s came after 1\.0 s"):
        tracker(walkers.frame([]), 1.0)


def test_another_skeleton_is_refused() -> None:
    tracker = Tracker()
    tracker(walkers.frame([walkers.person(0)]), 0.0)
    with pytest.raises(ValueError, match="not the one of earlier frames"):
        tracker(Poses.empty(skeletons.get("coco17")), 1.0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("likeness", "iou", "likeness must be one of"),
        ("least", 0, "least must be positive"),
        ("memory_seconds", -1, "memory_seconds must not be negative"),
        ("min_keypoints", 0, "min_keypoints must be at least 1"),
    ],
)
def test_wrong_parameters_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrackerOptions(**{field: value})


def test_presets_are_named() -> None:
    assert PRESETS["default"] == tracking.TrackerOptions()
