"""Narrows the ranges of int8: what few pixels reach is cut off, and the others get finer steps.

int8 divides a tensor's range, up to the largest value in any picture, into 255 steps. Behind the
first layers of human_pose_estimation_0001 that value is twice what a usual picture reaches, and the
step rounds faint channels to nothing: that one tensor moves the fields by 8% of their rms, and by
0.8% with half its range. How much to cut off is chosen for each tensor by what it costs the
convolutions that read it, as others choose it by the tensor's own error (Banner et al. 2019,
arXiv:1810.05723).

The range is stored in the network itself: a tensor behind a ReLU is scaled as `equalise` does, so
that its range ends at 6, and the ReLU becomes a ReLU6, which every runtime fuses.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from estimator.arrays import Float

from .equalise import Place, find, scale

TOP = 6.0  # of a ReLU6
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)  # of the range, that are tried in turn
GAIN = 0.9  # of the squared error, that a narrower range leaves at most, or it is not taken
PICTURES = 12  # that they are tried on


def clip(network: keras.Model, calibration: Sequence[Float]) -> int:
    """Scales and clips in place: the largest values are cut off, all others are as before.

    Args:
      network: a copy that may be changed; `equalise` comes first.
      calibration: inputs (1, H, W, 3).

    Returns:
      How many tensors have a range of 0 to `TOP` now.
    """
    places = list(find(network))
    if not places:
        return 0
    some = calibration[:: -(-len(calibration) // PICTURES)]
    tensors = keras.Model(network.input, {place.relu.name: place.tensor for place in places})
    answers = [tensors(image, training=False) for image in some]
    for place in places:
        found = [np.asarray(answer[place.relu.name]) for answer in answers]
        reach = max(float(values.max()) for values in found)
        if reach > 0:
            channels = place.tensor.shape[-1]
            scale(place, np.full(channels, _range(place, found, reach) / TOP, np.float32))
            _end_at_top(place.relu)
    return len(places)


def _range(place: Place, found: Sequence[Float], reach: float) -> float:
    """The end of the range: it is narrowed as long as that helps the convolutions behind it."""
    end, least = reach, _error(place, found, reach)
    for share in SHARES:
        error = _error(place, found, share * reach)
        if error > GAIN * least:
            break
        end, least = share * reach, error
    return end


def _error(place: Place, found: Sequence[Float], end: float) -> float:
    """Sum of squares, in what the convolutions behind a tensor make of its rounding."""
    parts = [rounded(values, end) - values for values in found]
    return sum(
        float(keras.ops.sum(keras.ops.square(convolved(layer, part))))
        for part in parts
        for layer in place.consumers
    )


def rounded(values: Float, end: float) -> Float:
    """What int8 keeps of values in a range of 0 to `end`."""
    step = end / 255
    return np.asarray(np.clip(np.round(values / step), 0, 255) * step, np.float32)


def convolved(layer: keras.Layer, values: Any, kernel: Any = None) -> Any:
    """A convolution's products, without bias and activation; with another kernel if one is given.

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
