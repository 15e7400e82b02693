"""A vision transformer's blocks, as ViTPose has them.

Dosovitskiy et al. 2020, arXiv:2010.11929. Layers carry the names of transformers'
`models/vitpose_backbone/modeling_vitpose_backbone.py`.
"""

import math
from typing import Any

import keras
from keras import ops

from .layer_names import keras_name

Tensor = Any
EPSILON = 1e-6  # of the layer norms: ViTPose's; transformers' own 1e-12 answers alike


@keras.saving.register_keras_serializable("tfpose")
class PositionEmbedding(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Adds a learnt vector to every token, and the class token's to all of them.

    The pretrained transformer has a class token, which a pose network leaves out; its position's
    vector stays, as in the original.
    """

    def build(self, shape: tuple[int, ...]) -> None:
        self.position_embeddings = self.add_weight(
            shape=(1, shape[1] + 1, shape[2]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="position_embeddings",
        )

    def call(self, x: Tensor) -> Tensor:
        return x + self.position_embeddings[:, 1:] + self.position_embeddings[:, :1]


def block(x: Tensor, heads: int, *, name: str) -> Tensor:
    """Attention and a perceptron, each behind a layer norm and beside a shortcut.

    Args:
      x: (B, N, C) tokens.
      heads: of the attention; C is a multiple of them.
      name: of the block.
    """
    attended = _attention(norm(x, name=f"{name}.layernorm_before"), heads, name=f"{name}.attention")
    x = keras.layers.Add()([attended, x])
    y = norm(x, name=f"{name}.layernorm_after")
    y = dense(y, 4 * x.shape[-1], name=f"{name}.mlp.fc1")
    y = dense(keras.activations.gelu(y, approximate=False), x.shape[-1], name=f"{name}.mlp.fc2")
    return keras.layers.Add()([y, x])


def norm(x: Tensor, *, name: str) -> Tensor:
    """Normalises each token over its channels."""
    return keras.layers.LayerNormalization(epsilon=EPSILON, name=keras_name(name))(x)


def dense(x: Tensor, units: int, *, name: str) -> Tensor:
    """A linear layer with bias, on the last axis."""
    return keras.layers.Dense(units, name=keras_name(name))(x)


def _attention(x: Tensor, heads: int, *, name: str) -> Tensor:
    _, count, width = x.shape
    size = width // heads

    def split(part: str) -> Tensor:
        y = dense(x, width, name=f"{name}.attention.{part}")
        return ops.transpose(ops.reshape(y, (-1, count, heads, size)), (0, 2, 1, 3))

    query, key, value = split("query"), split("key"), split("value")  # (B, heads, N, size)
    weights = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / math.sqrt(size)
    y = ops.matmul(ops.softmax(weights), value)
    y = ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (-1, count, width))
    return dense(y, width, name=f"{name}.output.dense")
