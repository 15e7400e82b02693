"""3x3 matrices on points (x, y, 1): their product moves picture, mask and keypoints at once.

Every matrix is float32, acts on columns, and keeps the convention of `estimator.geometry`: the
centre of pixel i has coordinate i. Arguments may have leading batch dimensions.
"""

import tensorflow as tf

from estimator.skeleton import Skeleton


def translation(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """(..., 3, 3): moves every point by (x, y) pixels."""
    return _matrix(1.0, 0.0, x, 0.0, 1.0, y)


def scaling(factor_x: tf.Tensor, factor_y: tf.Tensor) -> tf.Tensor:
    """(..., 3, 3): scales about the point (0, 0), the centre of the first pixel."""
    return _matrix(factor_x, 0.0, 0.0, 0.0, factor_y, 0.0)


def resizing(factor_x: tf.Tensor, factor_y: tf.Tensor) -> tf.Tensor:
    """(..., 3, 3): a resize, which keeps the picture's edges in place, not its pixel centres."""
    factor_x, factor_y = tf.cast(factor_x, tf.float32), tf.cast(factor_y, tf.float32)
    return _matrix(factor_x, 0.0, (factor_x - 1) / 2, 0.0, factor_y, (factor_y - 1) / 2)


def rotation(degrees: tf.Tensor) -> tf.Tensor:
    """(..., 3, 3): rotates clockwise on the screen, about the point (0, 0)."""
    radians = tf.cast(degrees, tf.float32) * 0.017453292519943295
    cosine, sine = tf.cos(radians), tf.sin(radians)
    return _matrix(cosine, -sine, 0.0, sine, cosine, 0.0)


def flipping(flipped: tf.Tensor, width: int) -> tf.Tensor:
    """(..., 3, 3): mirrors a picture of that width where `flipped` is true."""
    flag = tf.cast(flipped, tf.float32)
    return _matrix(1 - 2 * flag, 0.0, flag * (width - 1), 0.0, 1.0, 0.0)


def product(*matrices: tf.Tensor) -> tf.Tensor:
    """The product of matrices; the last is applied first."""
    result = matrices[0]
    for matrix in matrices[1:]:
        result = tf.matmul(result, matrix)
    return result


def transform(matrix: tf.Tensor, keypoints: tf.Tensor) -> tf.Tensor:
    """Moves labelled keypoints; unlabelled ones stay (0, 0, 0).

    Args:
      matrix: (3, 3).
      keypoints: (..., K, 3): x, y, visibility.
    """
    xy, visibility = keypoints[..., :2], keypoints[..., 2:]
    moved = tf.einsum("ij,...j->...i", matrix[:2, :2], xy) + matrix[:2, 2]
    return tf.concat([tf.where(visibility > 0, moved, 0.0), visibility], axis=-1)


def swap_sides(keypoints: tf.Tensor, flipped: tf.Tensor, skeleton: Skeleton) -> tf.Tensor:
    """Exchanges left and right in (..., K, 3) where `flipped`, a scalar, is true."""
    order = tf.where(flipped, list(skeleton.flip_order), list(range(len(skeleton.keypoints))))
    return tf.gather(keypoints, order, axis=-2)


def largest_factor(matrix: tf.Tensor) -> tf.Tensor:
    """The larger of the factors by which a matrix (3, 3) stretches the x and the y axis."""
    return tf.reduce_max(tf.norm(matrix[:2, :2], axis=0))


def _matrix(*entries: tf.Tensor) -> tf.Tensor:
    """(..., 3, 3) of the six entries of its first two rows; scalars broadcast."""
    parts = [tf.convert_to_tensor(entry, tf.float32) for entry in entries]
    shape = parts[0].shape
    for part in parts[1:]:
        shape = tf.broadcast_static_shape(shape, part.shape)
    parts = [part if part.shape == shape else tf.broadcast_to(part, shape) for part in parts]
    zero, one = tf.zeros(shape), tf.ones(shape)
    return tf.reshape(tf.stack([*parts, zero, zero, one], axis=-1), [*shape, 3, 3])
