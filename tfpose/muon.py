"""Muon's direction: the momentum's nearest matrix with equal singular values.

Jordan et al. 2024 (kellerjordan.github.io/posts/muon): a kernel is a matrix of inputs by outputs,
and five steps of Newton and Schulz bring all its singular values near 1 (0.7 to 1.2), with the
post's coefficients. Each step multiplies by a polynomial of the Gram matrix; these commute, so the
steps are taken on the small Gram matrix and applied to the large one once, which costs a third.
"""

from typing import Any

import tensorflow as tf

Tensor = Any
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


def direction(gradient: Tensor) -> Tensor:
    """The update for a kernel, of about the same size whatever the gradient's.

    Args:
      gradient: (..., inputs, outputs), of two dimensions at least; what goes before the last is
        one.

    Returns:
      The same shape; singular values near 1, times the root of outputs over inputs where that is
      above 1.
    """
    matrix = tf.reshape(gradient, (-1, gradient.shape[-1]))
    inputs, outputs = int(matrix.shape[0]), int(matrix.shape[1])
    matrix = matrix / (tf.norm(matrix) + 1e-7)
    turned = inputs < outputs
    gram = tf.matmul(matrix, matrix, transpose_a=not turned, transpose_b=turned)
    factor = _polynomials(gram)
    levelled = tf.matmul(factor, matrix) if turned else tf.matmul(matrix, factor)
    return tf.reshape(levelled * max(1.0, outputs / inputs) ** 0.5, gradient.shape)


def _polynomials(gram: Tensor) -> Tensor:
    """The product of all steps' polynomials of the Gram matrix, which changes from step to step."""
    linear, cubic, quintic = COEFFICIENTS
    identity = tf.eye(int(gram.shape[0]))
    factor = identity
    for _ in range(STEPS):
        step = linear * identity + cubic * gram + quintic * tf.matmul(gram, gram)
        factor = tf.matmul(factor, step)
        gram = tf.matmul(step, tf.matmul(gram, step))
    return factor
