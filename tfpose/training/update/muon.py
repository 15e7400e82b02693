"""Muon's update direction: the momentum, orthogonalised.

Jordan et al. 2024 (kellerjordan.github.io/posts/muon): a kernel is a matrix of inputs by outputs,
and five steps of Newton and Schulz bring all its singular values near 1 (0.7 to 1.2), with the
post's coefficients. Each step multiplies by a polynomial of the Gram matrix. The polynomials
commute, so they are multiplied as small matrices and applied to the kernel once, at a third of the
cost.
"""

from typing import Any

import tensorflow as tf

Tensor = Any
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


def direction(gradient: Tensor) -> Tensor:
    """The update of a kernel; its size does not depend on the gradient's.

    Args:
      gradient: (..., inputs, outputs), at least two dimensions; all but the last are taken as one.

    Returns:
      The same shape; singular values near 1, times the root of outputs over inputs where that is
      above 1.
    """
    matrix = tf.reshape(gradient, (-1, gradient.shape[-1]))
    inputs, outputs = int(matrix.shape[0]), int(matrix.shape[1])
    matrix = matrix / (tf.norm(matrix) + 1e-7)
    transposed = inputs < outputs
    gram = tf.matmul(matrix, matrix, transpose_a=not transposed, transpose_b=transposed)
    factor = _polynomials(gram)
    orthogonalised = tf.matmul(factor, matrix) if transposed else tf.matmul(matrix, factor)
    return tf.reshape(orthogonalised * max(1.0, outputs / inputs) ** 0.5, gradient.shape)


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
