"""Photometric changes: they change the picture's colours and move nothing."""

import tensorflow as tf


def adjust(image: tf.Tensor, gain: tf.Tensor, contrast: tf.Tensor, blurred: tf.Tensor) -> tf.Tensor:
    """Blurs, changes the contrast, then the brightness of each channel.

    Args:
      image: (H, W, 3) uint8, of a size known to the graph.
      gain: (3,) factor on R, G and B.
      contrast: factor on the distance from each channel's mean.
      blurred: bool, blur by the binomial 1-2-1 along x and y.

    Returns:
      (H, W, 3) uint8, rounded and clipped to 0..255.
    """
    image = tf.cond(blurred, lambda: _blur(image), lambda: image)
    neutral = tf.reduce_all(gain == 1) & (contrast == 1)
    return tf.cond(neutral, lambda: image, lambda: _scale(image, gain, contrast))


def _binomial(image: tf.Tensor) -> tf.Tensor:
    value = tf.pad(tf.cast(image, tf.float32), [[1, 1], [1, 1], [0, 0]], "REFLECT")
    value = value[:-2] + 2 * value[1:-1] + value[2:]
    value = value[:, :-2] + 2 * value[:, 1:-1] + value[:, 2:]
    return tf.cast(value / 16 + 0.5, tf.uint8)


def _gain(image: tf.Tensor, gain: tf.Tensor, contrast: tf.Tensor) -> tf.Tensor:
    value = tf.cast(image, tf.float32)
    mean = tf.reduce_mean(value, axis=[0, 1])
    value = (mean + (value - mean) * contrast) * gain
    return tf.cast(tf.clip_by_value(value + 0.5, 0.0, 255.0), tf.uint8)


_blur = tf.function(_binomial, jit_compile=True, autograph=False)
_scale = tf.function(_gain, jit_compile=True, autograph=False)
