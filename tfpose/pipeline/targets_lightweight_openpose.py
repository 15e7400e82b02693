"""The targets of Lightweight OpenPose's own training, to continue from its weights.

From its datasets/coco.py (Osokin 2018, arXiv:1811.12004). They differ from `targets`: people's
Gaussians are added and clipped at 1, within a window of whole cells that ends at 4 sigma and at the
value 0.01; a field's coordinates are divided by the stride without the half cell, a later person
overwrites an earlier one, and a limb ends at its box, widened by the thickness. They are slower
with many people.
"""

import tensorflow as tf

from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

_LOWEST_EXPONENT = 4.6052  # -log(0.01)


def render(keypoints: tf.Tensor, spec: PoseSpec) -> dict[str, tf.Tensor]:
    """Renders as `targets.render`, always with background channel and fields."""
    keypoints = tf.convert_to_tensor(keypoints, tf.float32)
    stride = spec.outputs.stride
    height, width = spec.image.height // stride, spec.image.width // stride
    return {
        "heatmaps": _heatmaps(keypoints, spec.outputs.sigma, stride, height, width),
        "pafs": _pafs(keypoints, spec.skeleton, stride, spec.outputs.paf_thickness, height, width),
    }


def _heatmaps(
    keypoints: tf.Tensor, sigma: float, stride: int, height: int, width: int
) -> tf.Tensor:
    """(B, height, width, K + 1)."""
    people = tf.transpose(keypoints, [1, 0, 2, 3])[..., None, :]  # (P, B, K, 1, 3)
    exponent_x, inside_x = _axis(people[..., 0], sigma, stride, width)  # (P, B, K, width)
    exponent_y, inside_y = _axis(people[..., 1], sigma, stride, height)
    labelled = people[..., 2] > 0
    exponent = exponent_y[..., :, None] + exponent_x[..., None, :]
    drawn = (inside_y & labelled)[..., :, None] & inside_x[..., None, :]
    drawn &= exponent <= _LOWEST_EXPONENT
    maps = tf.reduce_sum(tf.where(drawn, tf.exp(-exponent), 0.0), axis=0)
    maps = tf.minimum(maps, 1.0)  # (B, K, height, width)
    maps = tf.concat([maps, 1 - tf.reduce_max(maps, axis=1, keepdims=True)], axis=1)
    return tf.transpose(maps, [0, 2, 3, 1])


def _axis(centre: tf.Tensor, sigma: float, stride: int, length: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Half the squared distance in sigmas, and whether a cell is in the window; (..., length)."""
    cells = tf.range(length, dtype=tf.float32)
    distance = cells * stride + (stride / 2 - 0.5) - centre
    first = tf.floor((centre - 4 * sigma) / stride)
    last = tf.floor((centre + 4 * sigma) / stride)
    return tf.square(distance) / (2 * sigma**2), (cells >= first) & (cells < last)


def _pafs(
    keypoints: tf.Tensor,
    skeleton: Skeleton,
    stride: int,
    thickness: float,
    height: int,
    width: int,
) -> tf.Tensor:
    """(B, height, width, 2L)."""
    cells = keypoints[..., :2] / stride
    first = [limb[0] for limb in skeleton.limbs]
    second = [limb[1] for limb in skeleton.limbs]
    start, end = tf.gather(cells, first, axis=2), tf.gather(cells, second, axis=2)
    length = tf.norm(end - start, axis=-1)  # (B, P, L)
    visible = keypoints[..., 2] > 0
    drawn = (
        tf.gather(visible, first, axis=2) & tf.gather(visible, second, axis=2) & (length >= 1e-7)
    )
    direction = tf.math.divide_no_nan(end - start, length[..., None])

    def with_person(fields: tf.Tensor, person: tuple[tf.Tensor, ...]) -> tf.Tensor:
        one_start, one_end, one_direction, one_drawn = person
        member = _member(one_start, one_end, one_direction, thickness, height, width)
        member &= one_drawn[..., None, None]
        return tf.where(member[..., None], one_direction[:, :, None, None], fields)

    people = [tf.experimental.numpy.moveaxis(part, 1, 0) for part in (start, end, direction, drawn)]
    empty = tf.zeros([tf.shape(keypoints)[0], len(first), height, width, 2])
    fields = tf.foldl(with_person, tuple(people), empty)  # (B, L, height, width, 2)
    fields = tf.transpose(fields, [0, 2, 3, 1, 4])
    return tf.reshape(fields, [-1, height, width, 2 * len(first)])


def _member(
    start: tf.Tensor,
    end: tf.Tensor,
    direction: tf.Tensor,
    thickness: float,
    height: int,
    width: int,
) -> tf.Tensor:
    """(B, L, height, width) bool: cells of a limb's widened box that are near its line."""
    x = tf.range(width, dtype=tf.float32) - start[..., :1]  # (B, L, width)
    y = tf.range(height, dtype=tf.float32) - start[..., 1:]
    aside = x[..., None, :] * direction[..., 1, None, None]
    aside -= y[..., :, None] * direction[..., 0, None, None]
    low = tf.floor(tf.maximum(tf.minimum(start, end) - thickness, 0.0))
    high = tf.floor(tf.maximum(start, end) + thickness)
    columns = tf.range(width, dtype=tf.float32)
    rows = tf.range(height, dtype=tf.float32)
    inside_x = (columns >= low[..., :1]) & (columns < high[..., :1])
    inside_y = (rows >= low[..., 1:]) & (rows < high[..., 1:])
    return (tf.abs(aside) <= thickness) & inside_y[..., :, None] & inside_x[..., None, :]
