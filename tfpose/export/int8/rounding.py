"""Bias correction: removes the mean shift that 8-bit kernels cause in a convolution's outputs.

A kernel's rounding errors do not cancel where its inputs have one sign, as behind a ReLU, and a
tensor's do not where a picture is flat, as in its grey border. The mean shift of each output is
measured on pictures and subtracted from the bias (Nagel et al. 2019, arXiv:1906.04721, section 4.2;
each layer by itself, with inputs that are exact but for their own rounding. Layer after layer in
the quantised network, as in their appendix D, was no better here).
"""

from collections.abc import Iterator, Sequence

import keras
import numpy as np

from estimator.arrays import Float

from .answers import answers
from .clipping import TOP, convolved, rounded
from .equalise import find, is_convolution, parents, readers_of

PICTURES = 12  # to measure the shifts on


def correct(network: keras.Model, calibration: Sequence[Float]) -> int:
    """Changes biases in place, so that int8 and the network have equal mean outputs.

    Args:
      network: a copy that may be changed; `equalise` and `clip` come first.
      calibration: inputs (1, H, W, 3).

    Returns:
      The number of changed layers.
    """
    layers = list(_correctable(network))
    if not layers:
        return 0
    some = calibration[:: -(-len(calibration) // PICTURES)]
    inputs = keras.Model(network.input, {layer.name: layer.input for layer, _ in layers})
    clipped = {place.tensor.name for place in find(network, end=TOP)}
    shifts = [np.zeros(layer.output.shape[-1], np.float32) for layer, _ in layers]
    kernels = [eight_bits(layer) for layer, _ in layers]
    for answer in answers(inputs, some):
        for shift, kernel, (layer, _) in zip(shifts, kernels, layers, strict=True):
            values = np.asarray(answer[layer.name])
            found = rounded(values, TOP) if _source(layer) in clipped else values
            difference = convolved(layer, found, kernel) - convolved(layer, values)
            shift += np.asarray(difference).mean(axis=(0, 1, 2)) / len(some)
    for (_, bias), shift in zip(layers, shifts, strict=True):
        bias.assign(bias + shift if bias.path.endswith("moving_mean") else bias - shift)
    return len(layers)


def eight_bits(layer: keras.Layer) -> Float:
    """The kernel as int8 rounds it: symmetric, with a scale per output channel."""
    kernel = np.asarray(layer.kernel)
    outputs = 2 if isinstance(layer, keras.layers.DepthwiseConv2D) else 3
    axes = tuple(axis for axis in range(4) if axis != outputs)
    step = np.maximum(np.abs(kernel).max(axis=axes, keepdims=True) / 127, 1e-30)
    return np.asarray(np.round(kernel / step) * step, np.float32)


def _correctable(network: keras.Model) -> Iterator[tuple[keras.Layer, keras.Variable]]:
    """Convolutions, each with the variable that shifts its outputs: its bias, or a norm's mean."""
    readers = readers_of(network)
    for layer in network.operations:
        if not is_convolution(layer):
            continue
        behind = readers[layer.name]
        if layer.use_bias:
            yield layer, layer.bias
        elif len(behind) == 1 and isinstance(behind[0], keras.layers.BatchNormalization):
            yield layer, behind[0].moving_mean


def _source(layer: keras.Layer) -> str:
    """The name of the tensor that a convolution reads, before padding with zeros."""
    tensor = layer.input
    (parent,) = parents(layer)
    return str(parent.input.name if isinstance(parent, keras.layers.ZeroPadding2D) else tensor.name)
