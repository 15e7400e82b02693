"""Narrows the ranges of int8: rare large values are clipped, and the others get finer steps.

int8 divides a tensor's range, up to the largest value in any picture, into 255 steps. Behind the
first layers of human_pose_estimation_0001 that value is twice the largest of a usual picture, and
the step rounds faint channels to 0: this one tensor changes the fields by 8% of their rms, and by
0.8% with half its range. The range of each tensor minimises the error of the convolutions that read
it, where others minimise the tensor's own error (Banner et al. 2019, arXiv:1810.05723).

The network itself stores the range: a tensor behind a ReLU is scaled as in `equalise`, so that its
range ends at 6, and the ReLU becomes a ReLU6, which every runtime fuses.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from estimator.arrays import Float

from .answers import answers
from .equalise import ScaledTensor, find, scale

TOP = 6.0  # of a ReLU6
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)  # of the range, tried one after the other
GAIN = 0.9  # largest ratio of squared errors at which a narrower range is taken
PICTURES = 12  # to try the ranges on


def clip(network: keras.Model, calibration: Sequence[Float]) -> int:
    """Scales and clips in place; values inside the ranges stay as they are.

    Args:
      network: a copy that may be changed; `equalise` comes first.
      calibration: inputs (1, H, W, 3).

    Returns:
      The number of tensors with a range of 0 to `TOP` now.
    """
    places = list(find(network))
    if not places:
        return 0
    some = calibration[:: -(-len(calibration) // PICTURES)]
    tensors = keras.Model(network.input, {place.relu.name: place.tensor for place in places})
    answered = list(answers(tensors, some))
    for place in places:
        found = [np.asarray(answer[place.relu.name]) for answer in answered]
        reach = max(float(values.max()) for values in found)
        if reach > 0:
            channels = place.tensor.shape[-1]
            scale(place, np.full(channels, _range(place, found, reach) / TOP, np.float32))
            _end_at_top(place.relu)
    return len(places)


def _range(place: ScaledTensor, found: Sequence[Float], reach: float) -> float:
    """The end of the range, narrowed while that lowers the error of the convolutions behind."""
    end, least = reach, _error(place, found, reach)
    for share in SHARES:
        error = _error(place, found, share * reach)
        if error > GAIN * least:
            break
        end, least = share * reach, error
    return end


def _error(place: ScaledTensor, found: Sequence[Float], end: float) -> float:
    """Sum of squared errors that a tensor's rounding causes in the convolutions behind it."""
    parts = [rounded(values, end) - values for values in found]
    return sum(
        float(keras.ops.sum(keras.ops.square(convolved(layer, part))))
        for part in parts
        for layer in place.consumers
    )


def rounded(values: Float, end: float) -> Float:
    """Values as int8 rounds them in a range of 0 to `end`."""
    step = end / 255
    return np.asarray(np.clip(np.round(values / step), 0, 255) * step, np.float32)


def convolved(layer: keras.Layer, values: Any, kernel: Any = None) -> Any:
    """Convolves without bias and activation, with the layer's kernel or another one.

    Args:
      layer: Conv2D or DepthwiseConv2D.
      values: (B, H, W, C).
      kernel: of the layer's shape.
    """
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    function = keras.ops.depthwise_conv if depthwise else keras.ops.conv
    return function(
        values,
        layer.kernel if kernel is None else kernel,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
    )


def _end_at_top(relu: keras.Layer) -> None:
    if isinstance(relu, keras.layers.ReLU):
        relu.max_value = TOP
    else:
        relu.activation = keras.activations.relu6
