import numpy as np
import pytest
import tensorflow as tf

from augment import affine
from estimator import geometry
from tests.toy_skeleton import TOY


def test_the_last_matrix_is_applied_first() -> None:
    matrix = affine.product(affine.translation(10.0, 0.0), affine.scaling(2.0, 2.0))
    np.testing.assert_allclose(matrix @ [[3.0], [4.0], [1.0]], [[16.0], [8.0], [1.0]])


def test_a_quarter_turn_is_clockwise_on_the_screen() -> None:
    # x to the right becomes y downwards.
    np.testing.assert_allclose(
        affine.rotation(90.0) @ [[1.0], [0.0], [1.0]], [[0.0], [1.0], [1.0]], atol=1e-6
    )


def test_resizing_is_geometrys() -> None:
    np.testing.assert_allclose(affine.resizing(0.5, 3.0)[:2], geometry.scaling(0.5, 3.0))


def test_the_mirror_of_the_first_pixel_is_the_last() -> None:
    np.testing.assert_allclose(
        affine.flipping(True, 8) @ [[0.0], [5.0], [1.0]], [[7.0], [5.0], [1.0]]
    )


@pytest.mark.parametrize("flipped", [False, True])
def test_flipping_twice_is_the_identity(flipped: bool) -> None:
    matrix = affine.flipping(flipped, 9)
    np.testing.assert_allclose(affine.product(matrix, matrix), np.eye(3))


@pytest.mark.parametrize("flipped", [False, True])
def test_swapping_sides_twice_is_the_identity(flipped: bool) -> None:
    keypoints = tf.reshape(tf.range(30, dtype=tf.float32), [2, 5, 3])
    once = affine.swap_sides(keypoints, tf.constant(flipped), TOY)
    assert np.array_equal(once[:, 1], keypoints[:, 2 if flipped else 1])
    assert np.array_equal(affine.swap_sides(once, tf.constant(flipped), TOY), keypoints)


def test_a_batch_of_factors_makes_a_batch_of_matrices() -> None:
    matrices = affine.product(affine.translation(1.0, 2.0), affine.scaling([1.0, 2.0], [1.0, 3.0]))
    assert matrices.shape == (2, 3, 3)
    np.testing.assert_allclose(matrices[1], [[2, 0, 1], [0, 3, 2], [0, 0, 1]])


@pytest.mark.parametrize("people", [0, 2])
def test_only_labelled_keypoints_move(people: int) -> None:
    keypoints = np.tile(np.float32([[1, 2, 2], [0, 0, 0]]), (people, 1, 1))
    moved = affine.transform(affine.translation(5.0, 5.0), keypoints)
    np.testing.assert_allclose(moved, np.tile([[6, 7, 2], [0, 0, 0]], (people, 1, 1)))


def test_the_largest_factor_is_of_the_axis_that_grows_more() -> None:
    matrix = affine.product(affine.rotation(30.0), affine.scaling(0.5, 0.8))
    np.testing.assert_allclose(affine.largest_factor(matrix), 0.8, rtol=1e-6)


def test_matrices_are_the_same_inside_a_map() -> None:
    def make(degrees: tf.Tensor) -> tf.Tensor:
        return affine.product(
            affine.flipping(degrees > 20, 8), affine.rotation(degrees), affine.resizing(2.0, 3.0)
        )

    angles = tf.constant([0.0, 33.0])
    mapped = list(tf.data.Dataset.from_tensor_slices(angles).map(make))
    np.testing.assert_allclose(mapped, [make(angle) for angle in angles], atol=1e-6)
