import numpy as np
import pytest
import tensorflow as tf

from augment import affine, warp

GREY = tf.constant([128.0, 128.0, 128.0])
TURNED = affine.product(
    affine.translation(20.0, 11.0), affine.rotation(25.0), affine.scaling(1.3, 0.9)
)


def noise(height: int, width: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).integers(0, 256, (height, width, 3)), tf.uint8)


def reference(image: tf.Tensor, matrix: tf.Tensor, height: int, width: int) -> np.ndarray:
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, tf.float32)[None],
        transforms=tf.reshape(tf.linalg.inv(matrix), [1, 9])[:, :8],
        output_shape=[height, width],
        fill_value=128.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return moved[0].numpy()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (7, 1), (30, 50), (97, 33)])
def test_sampling_is_that_of_the_projective_transform(height: int, width: int) -> None:
    image = noise(height, width)
    warped = warp.warp_image(image, TURNED, GREY, height=48, width=64)
    expected = reference(image, TURNED, 48, 64)
    # Half a grey level of rounding, and what float32 leaves of a coordinate.
    assert np.abs(warped.numpy() - expected).max() <= 0.6


def test_the_identity_copies_every_pixel() -> None:
    image = noise(48, 64)
    assert np.array_equal(warp.warp_image(image, tf.eye(3), GREY, height=48, width=64), image)


def test_every_pixel_knows_where_it_came_from() -> None:
    # Red is x and green is y of the picture; a bilinear sample of a ramp is exact.
    y, x = np.mgrid[:100, :120]
    image = tf.constant(np.stack([2 * x, 2 * y, 0 * x], axis=2), tf.uint8)
    matrix = affine.product(affine.translation(-10.0, 15.0), affine.rotation(-20.0))
    warped = warp.warp_image(image, matrix, tf.zeros(3), height=48, width=64).numpy()
    rows, columns = np.mgrid[:48, :64].astype(np.float32)
    source = np.einsum(
        "ij,jhw->ihw", np.linalg.inv(matrix), np.stack([columns, rows, np.ones_like(rows)])
    )
    inside = (source[0] >= 0) & (source[0] <= 119) & (source[1] >= 0) & (source[1] <= 99)
    assert inside.sum() > 1000
    np.testing.assert_allclose(warped[inside][:, 0] / 2, source[0][inside], atol=0.27)
    np.testing.assert_allclose(warped[inside][:, 1] / 2, source[1][inside], atol=0.27)


def test_flipping_twice_gives_the_picture_back() -> None:
    image = noise(48, 64)
    flip = affine.flipping(True, 64)
    once = warp.warp_image(image, flip, GREY, height=48, width=64)
    assert np.array_equal(once, image[:, ::-1])
    assert np.array_equal(warp.warp_image(once, flip, GREY, height=48, width=64), image)


def test_outside_is_the_fill_colour() -> None:
    far = affine.translation(1000.0, 0.0)
    warped = warp.warp_image(noise(9, 9), far, tf.constant([1.0, 2.0, 3.0]), height=48, width=64)
    assert (warped.numpy() == [1, 2, 3]).all()


def test_pictures_of_any_size_are_warped_the_same_inside_a_map() -> None:
    images = [noise(30, 50), noise(90, 140)]  # two lengths of buffer

    def moved(image: tf.Tensor) -> tf.Tensor:
        return warp.warp_image(image, TURNED, GREY, height=48, width=64)

    dataset = tf.data.Dataset.from_generator(
        lambda: iter(images), output_signature=tf.TensorSpec([None, None, 3], tf.uint8)
    ).map(moved)
    assert dataset.element_spec.shape == (48, 64, 3)
    for image, mapped in zip(images, dataset, strict=True):
        assert np.array_equal(mapped, moved(image))


def test_mask_counts_all_but_the_ignored_cells() -> None:
    ignore = np.zeros((32, 32, 1), np.uint8)
    ignore[8:16, 16:32] = 255  # cells (1, 2) and (1, 3)
    mask = warp.warp_mask(ignore, tf.eye(3), height=32, width=32, stride=8)
    expected = np.ones((4, 4))
    expected[1, 2:] = 0
    np.testing.assert_allclose(mask, expected)


def test_a_cell_that_is_half_ignored_counts_half() -> None:
    ignore = np.zeros((32, 32, 1), np.uint8)
    ignore[:, :4] = 255
    mask = warp.warp_mask(ignore, tf.eye(3), height=32, width=32, stride=8)
    np.testing.assert_allclose(mask[:, 0], 0.5)
    np.testing.assert_allclose(mask[:, 1:], 1)


def test_the_mask_moves_with_the_picture() -> None:
    ignore = np.zeros((32, 32, 1), np.uint8)
    ignore[:, :8] = 255
    matrix = affine.product(affine.flipping(True, 32), affine.translation(8.0, 0.0))
    mask = warp.warp_mask(ignore, matrix, height=32, width=32, stride=8)
    np.testing.assert_allclose(mask, np.tile([1, 1, 0, 1], (4, 1)))
    dataset = tf.data.Dataset.from_tensors(ignore).map(
        lambda one: warp.warp_mask(one, matrix, height=32, width=32, stride=8)
    )
    assert np.array_equal(next(iter(dataset)), mask)


@pytest.mark.parametrize("people", [0, 1])
def test_keypoints_that_leave_the_input_are_not_labelled(people: int) -> None:
    # One a corner pixel's centre, at its outer edge, outside, not labelled.
    keypoints = np.float32([[0, 0, 2], [-0.5, 0, 1], [63.5, 0, 2], [0, 0, 0]])[None][:people]
    moved = warp.warp_keypoints(keypoints, tf.eye(3), height=48, width=64)
    expected = [[0, 0, 2], [-0.5, 0, 1], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(moved, np.float32(expected)[None][:people])
    dataset = tf.data.Dataset.from_tensors(keypoints).map(
        lambda one: warp.warp_keypoints(one, tf.eye(3), height=48, width=64)
    )
    assert np.array_equal(next(iter(dataset)), moved)
