"""Encoded pictures to pixels, in the graph: at the scale that is needed, and never fatally.

TensorFlow has no `try` in a graph, but a data set of one element has: `ignore_errors` drops the
element, and the one concatenated behind it takes its place. This costs 0.13 ms per picture and
tells which record is broken; `ignore_errors` on the whole pipeline can't.
"""

from functools import partial

import tensorflow as tf

from augment import affine

_RATIOS = (1, 2, 4, 8)  # at which libjpeg decodes straight from the DCT blocks


def ratio_for(factor: tf.Tensor) -> tf.Tensor:
    """Index into 1, 2, 4, 8: the strongest reduction that leaves nothing to enlarge.

    Args:
      factor: input pixels per pixel of the picture, along the axis that has more.
    """
    steps = tf.floor(tf.math.log(1 / tf.maximum(factor, 1e-6)) / tf.math.log(2.0) + 1e-4)
    return tf.cast(tf.clip_by_value(steps, 0.0, len(_RATIOS) - 1.0), tf.int32)


def ratio_matrix(index: tf.Tensor) -> tf.Tensor:
    """(3, 3) from the pixels of a reduced picture to those of the whole one.

    A reduced pixel covers ratio x ratio whole ones; the last row or column may cover fewer.
    """
    ratio = tf.gather(tf.constant(_RATIOS, tf.float32), index)
    return affine.resizing(ratio, ratio)


def decode(
    encoded: tf.Tensor, ignore: tf.Tensor, index: tf.Tensor, height: tf.Tensor, width: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Decodes a picture, reduced, and its ignore mask as it is stored.

    Args:
      encoded: a JPEG's or PNG's bytes.
      ignore: a PNG's bytes, or none.
      index: of the reduction, as `ratio_for` gives it.
      height, width: expected size of the whole picture, pixels.

    Returns:
      (H, W, 3) uint8 picture; (h, w, 1) uint8 mask, or (0, 0, 1) where there is none; and whether
      both are readable: False where one is truncated, of another format or of another size. What
      cannot be decoded is (0, 0, ...).
    """
    nothing = (tf.zeros([0, 0, 3], tf.uint8), tf.zeros([0, 0, 1], tf.uint8))
    attempt = tf.data.Dataset.from_tensors((encoded, ignore, index)).map(_decode_both)
    attempt = attempt.ignore_errors().concatenate(tf.data.Dataset.from_tensors(nothing))
    image, mask = attempt.take(1).get_single_element()
    ratio, want = tf.gather(_RATIOS, index), tf.stack([height, width])
    readable = tf.reduce_all(tf.shape(image)[:2] == (want + ratio - 1) // ratio)
    stored = mask_ratio(mask, height, width)
    suits = tf.reduce_all(tf.shape(mask)[:2] == (want + stored - 1) // stored)
    return image, mask, readable & (suits | (tf.strings.length(ignore) == 0))


def mask_ratio(mask: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Pixels of the picture per pixel of its ignore mask, along each axis; a whole number."""
    rows, columns = tf.maximum(tf.shape(mask)[0], 1), tf.maximum(tf.shape(mask)[1], 1)
    return tf.maximum((height + rows - 1) // rows, (width + columns - 1) // columns)


def _decode_both(
    encoded: tf.Tensor, ignore: tf.Tensor, index: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.switch_case(index, [partial(_jpeg, encoded, ratio) for ratio in _RATIOS]),
        lambda: _reduce(tf.io.decode_png(encoded, channels=3), tf.gather(_RATIOS, index)),
    )
    mask = tf.cond(
        tf.strings.length(ignore) > 0,
        lambda: tf.io.decode_png(ignore, channels=1),
        lambda: tf.zeros([0, 0, 1], tf.uint8),
    )
    return tf.ensure_shape(image, [None, None, 3]), tf.ensure_shape(mask, [None, None, 1])


def _jpeg(encoded: tf.Tensor, ratio: int) -> tf.Tensor:
    """Exact integers, as OpenCV decodes: TensorFlow's default errs by a grey level to one side."""
    return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")


def _reduce(image: tf.Tensor, ratio: tf.Tensor) -> tf.Tensor:
    """The mean of ratio x ratio pixels, as libjpeg reduces; borders are repeated."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    rows, columns = (height + ratio - 1) // ratio, (width + ratio - 1) // ratio
    image = tf.gather(image, tf.minimum(tf.range(rows * ratio), height - 1), axis=0)
    image = tf.gather(image, tf.minimum(tf.range(columns * ratio), width - 1), axis=1)
    blocks = tf.reshape(tf.cast(image, tf.float32), [rows, ratio, columns, ratio, 3])
    return tf.cast(tf.reduce_mean(blocks, axis=[1, 3]) + 0.5, tf.uint8)
