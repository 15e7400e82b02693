"""Cross-layer equalisation before int8: the same network, with channels of similar ranges.

int8 gives a tensor one scale. Where one channel reaches 1000 and the others 7, as in
human_pose_estimation_0001, the others have two or three of 255 levels. A ReLU commutes with
positive factors, so channel c can be divided by s_c before it and multiplied again in the kernel
behind it; in exact arithmetic nothing changes (Nagel et al. 2019, arXiv:1906.04721, section 4.1;
here with measured activations instead of the first kernel's range, since kernels have a scale per
channel).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from estimator.arrays import Float

from .answers import answers

DEAD = 1e-3  # of the largest channel: smaller channels are scaled as if they had this


@dataclass(frozen=True, kw_only=True, eq=False)
class ScaledTensor:
    """A tensor whose channels can be scaled.

    Attributes:
      producer: convolution or batch norm in front of the ReLU.
      relu: the ReLU; the producer itself if it is its activation.
      tensor: the ReLU's output.
      consumers: the convolutions that read it.
    """

    producer: keras.Layer
    relu: keras.Layer
    tensor: keras.KerasTensor
    consumers: tuple[keras.Layer, ...]


def equalise(network: keras.Model, calibration: Sequence[Float]) -> int:
    """Scales channels in place; the network answers the same, but for rounding.

    Args:
      network: a copy that may be changed, as `deployed` makes it.
      calibration: inputs (1, H, W, 3).

    Returns:
      The number of scaled tensors.
    """
    places = list(find(network))
    for place, largest in zip(places, _largest(network, places, calibration), strict=True):
        scale(place, _factors(largest, place.consumers))
    return len(places)


def find(network: keras.Model, *, end: float | None = None) -> Iterator[ScaledTensor]:
    """The tensors behind a ReLU (or one with a maximum of `end`) that only convolutions read."""
    readers = readers_of(network)
    outputs = {maps._keras_history.operation.name for maps in network.outputs}
    for layer in network.operations:
        producer = _producer(layer, readers, end)
        if producer is None or layer.name in outputs:
            continue
        consumers = _behind_padding(readers[layer.name], readers)
        if consumers and all(is_convolution(reader) for reader in consumers):
            yield ScaledTensor(
                producer=producer, relu=layer, tensor=layer.output, consumers=tuple(consumers)
            )


def readers_of(network: keras.Model) -> dict[str, list[keras.Layer]]:
    """The layers that read each layer's output, by its name."""
    # Operations: a network may use keras.ops between its layers.
    readers: dict[str, list[keras.Layer]] = {layer.name: [] for layer in network.operations}
    for layer in network.operations:
        for parent in parents(layer):
            readers[parent.name].append(layer)
    return readers


def parents(layer: keras.Layer) -> list[keras.Layer]:
    """The layers that a layer reads."""
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation for tensor in inputs]


def _producer(
    layer: keras.Layer, readers: dict[str, list[keras.Layer]], end: float | None
) -> keras.Layer | None:
    """The layer whose weights scale a ReLU's channels: itself if the ReLU is its activation."""
    activation = keras.activations.relu if end is None else keras.activations.relu6
    if is_convolution(layer) and layer.activation is activation:
        return layer
    if not _is_relu(layer, end):
        return None
    (parent,) = parents(layer)
    alone = len(readers[parent.name]) == 1
    if alone and isinstance(parent, keras.layers.BatchNormalization):
        return parent if parent.scale and parent.center else None
    linear = is_convolution(parent) and parent.activation is keras.activations.linear
    return parent if alone and linear else None


def _is_relu(layer: keras.Layer, end: float | None) -> bool:
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value == end and not layer.negative_slope and not layer.threshold
    activation = keras.activations.relu if end is None else keras.activations.relu6
    return isinstance(layer, keras.layers.Activation) and layer.activation is activation


def is_convolution(layer: keras.Layer) -> bool:
    """Whether a layer is a convolution whose kernel's input channels are those of its input."""
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return bool(layer.depth_multiplier == 1)
    return type(layer) is keras.layers.Conv2D and layer.groups == 1


def _behind_padding(
    layers: list[keras.Layer], readers: dict[str, list[keras.Layer]]
) -> list[keras.Layer]:
    """The layers; where one pads with zeros, the layers behind it."""
    found = []
    for layer in layers:
        padding = isinstance(layer, keras.layers.ZeroPadding2D)
        found += readers[layer.name] if padding else [layer]
    return found


def _largest(
    network: keras.Model, places: Sequence[ScaledTensor], calibration: Sequence[Float]
) -> list[Float]:
    """The largest value of each channel, mean over the pictures, so that no single one decides."""
    if not places:
        return []
    tensors = keras.Model(network.input, [place.tensor for place in places])
    largest = [np.zeros(place.tensor.shape[-1], np.float32) for place in places]
    for found in answers(tensors, calibration):
        for channels, answer in zip(
            largest, found if isinstance(found, list | tuple) else [found], strict=True
        ):
            channels += np.asarray(answer).max(axis=(0, 1, 2)) / len(calibration)
    return largest


def _factors(largest: Float, consumers: Sequence[keras.Layer]) -> Float:
    """The factor that each channel is divided by.

    A depthwise kernel has a scale per channel, so all channels get the same range. Other kernels
    have a scale per output, and lose the precision that the activation gains: both share it by the
    square root.
    """
    activation = np.maximum(largest, DEAD * max(float(largest.max()), 1e-6))
    if all(isinstance(layer, keras.layers.DepthwiseConv2D) for layer in consumers):
        factors = activation
    else:
        factors = np.sqrt(activation / _reach(consumers))
    return np.asarray(factors / np.exp(np.log(factors).mean()), np.float32)


def _reach(consumers: Sequence[keras.Layer]) -> Float:
    """The largest weight of each input channel, as a share of its output's largest weight."""
    shares = []
    for layer in consumers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            continue
        kernel = np.abs(np.asarray(layer.kernel))  # (h, w, C, D)
        most = np.maximum(kernel.max(axis=(0, 1, 2)), 1e-12)
        shares.append((kernel / most).max(axis=(0, 1, 3)))
    return np.asarray(np.maximum(np.max(shares, axis=0), DEAD), np.float32)


def scale(place: ScaledTensor, factors: Float) -> None:
    """Divides a tensor's channels by factors (C,), and multiplies again in the kernels behind."""
    producer = place.producer
    if isinstance(producer, keras.layers.BatchNormalization):
        producer.gamma.assign(producer.gamma / factors)
        producer.beta.assign(producer.beta / factors)
    else:
        depthwise = isinstance(producer, keras.layers.DepthwiseConv2D)
        producer.kernel.assign(producer.kernel / (factors[:, None] if depthwise else factors))
        if producer.use_bias:
            producer.bias.assign(producer.bias / factors)
    for layer in place.consumers:
        layer.kernel.assign(layer.kernel * factors[:, None])
