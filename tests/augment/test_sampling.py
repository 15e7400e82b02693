import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from augment import policy, sampling
from augment.policy import AugmentPolicy, Draw
from estimator import geometry
from estimator.skeleton import Skeleton

TOY = Skeleton(
    name="toy5",
    keypoints=("nose", "left_hand", "right_hand", "left_ankle", "right_ankle"),
    limbs=((0, 1), (0, 2), (0, 3), (0, 4)),
    flip_pairs=((1, 2), (3, 4)),
    sigmas=(0.05,) * 5,
)
PERSON = np.float32([[30, 20, 2], [20, 40, 2], [42, 40, 2], [24, 66, 2], [38, 70, 1]])
SEEDS = [(7, number) for number in range(40)]


def scene(people: int = 1, height: int = 100, width: int = 120) -> sampling.Scene:
    return sampling.Scene(
        height=tf.constant(height),
        width=tf.constant(width),
        keypoints=tf.constant(np.tile(PERSON, (people, 1, 1))),
        boxes=tf.constant(np.tile(np.float32([18, 12, 28, 60]), (people, 1))),
        areas=tf.constant([1100.0] * people),
    )


def draw(
    chosen: AugmentPolicy,
    seed: tuple[int, int],
    place: sampling.Scene,
    *,
    padding: float | None = None,
) -> sampling.Sample:
    return sampling.draw(
        chosen, TOY, place, tf.constant(seed, tf.int64), height=64, width=48, box_padding=padding
    )


def factor(sample: sampling.Sample) -> float:
    return math.sqrt(abs(np.linalg.det(sample.matrix)))


def degrees(sample: sampling.Sample) -> float:
    sign = -1 if bool(sample.flipped) else 1
    return sign * math.degrees(math.atan2(sample.matrix[1, 0], sign * sample.matrix[0, 0]))


@pytest.mark.parametrize("people", [0, 1, 20])
@pytest.mark.parametrize("name", policy.names())
def test_every_policy_draws_an_invertible_matrix_twice_the_same(name: str, people: int) -> None:
    for seed in SEEDS[:4]:
        sample = draw(policy.get(name), seed, scene(people))
        assert np.isfinite(np.linalg.inv(sample.matrix)).all()
        assert bool(sample.flipped) == (np.linalg.det(sample.matrix) < 0)
        for first, second in zip(sample, draw(policy.get(name), seed, scene(people)), strict=True):
            assert np.array_equal(first, second)


@pytest.mark.parametrize("name", policy.names())
def test_draws_are_the_same_inside_a_map(name: str) -> None:
    mapped = (
        tf.data.Dataset.from_tensor_slices(tf.constant(SEEDS[:4], tf.int64))
        .map(
            lambda seed: sampling.draw(
                policy.get(name), TOY, scene(), seed, height=64, width=48, box_padding=None
            )
        )
        .as_numpy_iterator()
    )
    for seed, found in zip(SEEDS, mapped, strict=False):
        for one, other in zip(found, draw(policy.get(name), seed, scene()), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_other_seeds_records_people_and_epochs_draw_otherwise() -> None:
    seeds = {
        tuple(
            sampling.seed_of(
                tf.constant(image), tf.constant(person), tf.constant(epoch), seed
            ).numpy()
        )
        for image in ("a", "b")
        for person in (0, 1)
        for epoch in (0, 1)
        for seed in (0, 1)
    }
    assert len(seeds) == 16
    chosen = policy.get("lightweight_openpose")
    drawn = {tuple(np.ravel(draw(chosen, seed, scene()).matrix)) for seed in seeds}
    assert len(drawn) == 16


def test_no_policy_lays_the_whole_picture_in() -> None:
    sample = draw(AugmentPolicy(), (0, 0), scene(height=128, width=96))
    np.testing.assert_allclose(sample.matrix[:2], geometry.scaling(0.5, 0.5), atol=1e-5)


def test_no_policy_cuts_the_box_out_as_the_estimator_does() -> None:
    sample = draw(AugmentPolicy(), (0, 0), scene(), padding=1.25)
    expected = geometry.crop_matrix((18, 12, 28, 60), 64, 48, padding=1.25)
    np.testing.assert_allclose(sample.matrix[:2], expected, rtol=1e-4, atol=1e-4)


def test_lightweight_openpose_draws_within_its_ranges() -> None:
    chosen = policy.get("lightweight_openpose")
    samples = [draw(chosen, seed, scene()) for seed in SEEDS]
    assert all(0.3 * 64 <= 60 * factor(sample) <= 0.66 * 64 for sample in samples)
    angles = [degrees(sample) for sample in samples]
    assert max(map(abs, angles)) <= 40
    assert min(angles) < -20 < 20 < max(angles)
    assert 10 < sum(bool(sample.flipped) for sample in samples) < 30
    for sample in samples:
        centre = sample.matrix.numpy() @ [32, 42, 1]
        assert abs(centre[0] - 23.5) <= 48 * 40 / 368 + 1e-3
        assert abs(centre[1] - 31.5) <= 64 * 40 / 368 + 1e-3


def test_only_who_qualifies_is_centred_on() -> None:
    chosen = AugmentPolicy(frame="person", min_keypoints=5, min_area=1000)
    place = scene(3)
    few = place.keypoints.numpy()
    few[0, 1:] = 0
    place = place._replace(
        keypoints=tf.constant(few),
        areas=tf.constant([1100.0, 900.0, 1100.0]),
        boxes=tf.constant([[0.0, 0, 9, 9], [9, 0, 9, 9], [60, 50, 20, 40]]),
    )
    for seed in SEEDS[:8]:
        sample = draw(chosen, seed, place)
        np.testing.assert_allclose(sample.matrix @ [[70.0], [70.0], [1.0]], [[23.5], [31.5], [1]])
        np.testing.assert_allclose(factor(sample), 0.6 * 64 / 40, rtol=1e-5)


@pytest.mark.parametrize("name", ["tf_openpose_2017", "tf_openpose_2019"])
def test_a_random_crop_smaller_than_the_picture_stays_inside(name: str) -> None:
    # The shorter edge is at least 1.4 * 48 > 64, so that the input fits in both directions.
    chosen = replace(policy.get(name), scale=Draw(low=1.4, high=1.6))
    corners = np.float32([[-0.5, -0.5, 1], [47.5, -0.5, 1], [-0.5, 63.5, 1], [47.5, 63.5, 1]])
    sources = []
    for seed in SEEDS:
        sources.append(corners @ np.linalg.inv(draw(chosen, seed, scene()).matrix).T)
    x, y = np.stack(sources)[..., 0], np.stack(sources)[..., 1]
    assert x.min() >= -0.51
    assert y.min() >= -0.51
    assert x.max() <= 119.51
    assert y.max() <= 99.51
    assert np.ptp(x.mean(axis=1)) > 10  # it moves about


@pytest.mark.parametrize(
    ("width", "height", "turn", "expected"),
    [
        (40, 20, 0, (40, 20)),
        (40, 20, 90, (20, 40)),
        (20, 20, 45, (20 / math.sqrt(2), 20 / math.sqrt(2))),
        (100, 10, 45, (10 / math.sqrt(2), 10 / math.sqrt(2))),
        (40, 30, -20, None),
    ],
)
def test_the_inscribed_rectangle_fits(
    width: float, height: float, turn: float, expected: tuple[float, float] | None
) -> None:
    inner = sampling._inscribed(tf.constant(float(width)), tf.constant(float(height)), float(turn))
    if expected is not None:
        np.testing.assert_allclose(inner, expected, rtol=1e-4)
    # Its corners, turned back, lie within the rectangle, and one of them on its edge.
    radians = math.radians(turn)
    back = np.array(
        [[math.cos(radians), math.sin(radians)], [-math.sin(radians), math.cos(radians)]]
    )
    corners = back @ (np.array([[1, 1, -1, -1], [1, -1, 1, -1]]) * np.array(inner)[:, None] / 2)
    reach = np.abs(corners).max(axis=1) / [width / 2, height / 2]
    assert (reach <= 1 + 1e-4).all()
    assert reach.max() > 1 - 1e-4


def test_half_a_body_is_cut_out_around_its_keypoints() -> None:
    chosen = AugmentPolicy(half_body=1.0, half_body_keypoints=4, upper_body=1.0)
    sample = draw(chosen, (0, 0), scene(), padding=1.25)
    # nose and hands: mean (30.67, 33.33), extent 22 by 20; 1.5 times it fills the width of 48.
    np.testing.assert_allclose(factor(sample), 48 / 22 / 1.5, rtol=1e-4)
    centre = sample.matrix @ [[92 / 3], [100 / 3], [1.0]]
    np.testing.assert_allclose(centre, [[23.5], [31.5], [1.0]], rtol=1e-4)


def test_half_a_body_of_two_keypoints_is_the_other_half() -> None:
    chosen = AugmentPolicy(half_body=1.0, half_body_keypoints=4, upper_body=0.0)
    lower = draw(chosen, (0, 0), scene(), padding=1.25)
    np.testing.assert_allclose(factor(lower), 48 / 22 / 1.5, rtol=1e-4)


def test_few_keypoints_are_not_halved() -> None:
    chosen = AugmentPolicy(half_body=1.0, half_body_keypoints=5)
    whole = draw(chosen, (0, 0), scene(), padding=1.25)
    expected = geometry.crop_matrix((18, 12, 28, 60), 64, 48, padding=1.25)
    np.testing.assert_allclose(whole.matrix[:2], expected, rtol=1e-4, atol=1e-4)


def test_a_clipped_normal_keeps_to_its_bounds_and_its_share() -> None:
    chosen = AugmentPolicy(rotation=Draw(low=-60, high=60, deviation=30, probability=0.6))
    angles = np.array([degrees(draw(chosen, (3, number), scene())) for number in range(150)])
    assert np.abs(angles).max() <= 60 + 1e-3
    assert 0.25 < (np.abs(angles) < 1e-4).mean() < 0.55
    assert 20 < angles[np.abs(angles) > 1e-4].std() < 38


def test_one_colour_change_at_a_time() -> None:
    chosen = policy.get("tf_openpose_2017")
    changes = []
    for seed in SEEDS:
        sample = draw(chosen, seed, scene())
        changes.append(
            (
                bool((sample.gain != 1).numpy().any()),
                bool(sample.contrast != 1),
                bool(sample.blurred),
            )
        )
    assert {sum(change) for change in changes} == {0, 1}
    assert all(any(kind) for kind in zip(*changes, strict=True))


def test_a_top_down_sample_refuses_another_frame() -> None:
    with pytest.raises(ValueError, match="not the frame 'person': use a policy with frame"):
        draw(policy.get("lightweight_openpose"), (0, 0), scene(), padding=1.25)
