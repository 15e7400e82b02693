"""The gated attention unit of RTMPose's head, over keypoints as tokens.

Hua et al. 2022, arXiv:2202.10447, as in mmpose 1.3.2, `models/utils/rtmcc_block.py` (self
attention, no position bias), whose parameters our layers carry.
"""

import math
from typing import Any

import keras
from keras import ops

from .layer_names import keras_name

Tensor = Any
QUERY_SIZE = 128  # channels of queries and keys
EXPANSION = 2  # of values and gates over the tokens
EPSILON = 1e-5
# Of the linear layers' first weights. Larger ones drown what tells keypoints apart: every token
# attends to all, the squared weights add up over them, and training stays where bins are uniform.
DEVIATION = 0.01


@keras.saving.register_keras_serializable("tfpose")
class ScaleNorm(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Divides each token by its root mean square, times one learnt number `g`.

    Nguyen and Salazar 2019, arXiv:1910.05895.
    """

    def build(self, shape: tuple[int, ...]) -> None:
        self.g = self.add_weight(shape=(1,), initializer="ones", name="g")

    def call(self, x: Tensor) -> Tensor:
        size = ops.sqrt(ops.mean(ops.square(x), axis=-1, keepdims=True))
        return x / ops.maximum(size, EPSILON) * self.g


@keras.saving.register_keras_serializable("tfpose")
class Scale(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Multiplies each channel by a learnt number."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, x: Tensor) -> Tensor:
        return x * self.scale


@keras.saving.register_keras_serializable("tfpose")
class QueryKey(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Queries and keys from one base: two learnt scales and offsets of its channels."""

    def build(self, shape: tuple[int, ...]) -> None:
        start = keras.initializers.RandomUniform(0, 1)
        size = (2, shape[-1])
        self.gamma = self.add_weight(shape=size, initializer=start, name="gamma")
        self.beta = self.add_weight(shape=size, initializer=start, name="beta")

    def call(self, base: Tensor) -> tuple[Tensor, Tensor]:
        return base * self.gamma[0] + self.beta[0], base * self.gamma[1] + self.beta[1]


def gated_attention(x: Tensor, *, name: str) -> Tensor:
    """Adds to every token what it attends to.

    Args:
      x: (B, K, C), K tokens.
      name: of the unit; its layers are `name.uv`, `name.o` and so on.

    Returns:
      (B, K, C).
    """
    width = x.shape[-1]
    expanded = EXPANSION * width
    y = ScaleNorm(name=keras_name(f"{name}.ln"))(x)
    y = dense(y, 2 * expanded + QUERY_SIZE, name=f"{name}.uv")
    y = keras.activations.silu(y)
    gate, value = y[..., :expanded], y[..., expanded : 2 * expanded]
    query, key = QueryKey(name=keras_name(name))(y[..., 2 * expanded :])
    weights = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / math.sqrt(QUERY_SIZE)
    weights = ops.square(ops.relu(weights))  # (B, K, K)
    y = dense(gate * ops.matmul(weights, value), width, name=f"{name}.o")
    shortcut = Scale(name=keras_name(f"{name}.res_scale"))(x)
    return keras.layers.Add()([shortcut, y])


def dense(x: Tensor, units: int, *, name: str) -> Tensor:
    """A linear layer without bias, on the last axis; it starts as mmpose's head does."""
    start = keras.initializers.RandomNormal(stddev=DEVIATION)
    layer = keras.layers.Dense(
        units, use_bias=False, kernel_initializer=start, name=keras_name(name)
    )
    return layer(x)
