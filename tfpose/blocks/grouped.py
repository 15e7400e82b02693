"""Grouped convolutions that train on a CPU and convert to few TFLite operators.

Keras 3 runs a grouped convolution on TensorFlow through XLA, whose gradient on a CPU takes
hundreds of milliseconds a layer, and it has no grouped transposed convolution at all. Both are
sums of depthwise convolutions: input channel i of every group is one picture with as many channels
as there are groups, and its share of the output is a depthwise convolution with as many outputs a
channel as a group has. These layers keep PyTorch's parameters, number for number.
"""

from typing import Any

import keras

Tensor = Any  # keras has no types


@keras.saving.register_keras_serializable(package="tfpose")
class GroupedConv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """`Conv2D(groups=...)` whose training pass is a sum of depthwise convolutions.

    Away from training it is Keras's own, which TFLite's converter turns into one CONV_2D; that is
    twice as fast there as the sum (groups of 2 channels, XNNPACK) and needs no strided slices. A
    GPU delegate splits such a CONV_2D into one a group (TensorFlow's
    `lite/delegates/gpu/common/model_builder.cc`), and refuses depthwise convolutions with more
    than one output a channel (`lite/tools/versioning/gpu_compatibility.cc`), so neither form is
    for mobile GPUs.
    """

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if not training:
            return super().call(inputs)
        x = _grouped(
            inputs,
            self.kernel,
            self.groups,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
        )
        if self.use_bias:
            x = keras.ops.add(x, self.bias)
        return x if self.activation is None else self.activation(x)


@keras.saving.register_keras_serializable(package="tfpose")
class GroupedConv2DTranspose(keras.layers.Layer):  # type: ignore[misc]
    """A transposed convolution in groups: kernel 4, stride 2, one output channel a group, no bias.

    It equals PyTorch's `ConvTranspose2d(kernel_size=4, stride=2, padding=1, groups=filters)`. An
    output row 2i sees input rows i - 1 and i through kernel rows 3 and 1, and a row 2i + 1 sees
    rows i and i + 1 through 2 and 0; columns likewise. So it is four convolutions of kernel 2 at
    the input's size, one for each parity of row and column, whose answers are interleaved: 4
    multiplications for each input of an output instead of the 16 that inserting zeros takes.
    TFLite gets STRIDED_SLICE, PAD, DEPTHWISE_CONV_2D with one output a channel, ADD, CONCATENATION
    and DEPTH_TO_SPACE: all run on mobile GPUs.
    """

    def __init__(self, filters: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.filters = filters

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        if channels is None or channels % self.filters:
            raise ValueError(
                f"{self.name} needs input channels in a multiple of its {self.filters} groups, "
                f"found {channels}"
            )
        inputs = 4 * channels // self.filters  # that each output sees
        start = keras.initializers.RandomNormal(stddev=(2 / inputs) ** 0.5)  # He et al. 2015
        # (kh, kw, out / groups, in), the order of Keras's Conv2DTranspose
        self.kernel = self.add_weight(name="kernel", shape=(4, 4, 1, channels), initializer=start)

    def call(self, inputs: Tensor) -> Tensor:
        ops = keras.ops
        channels = inputs.shape[-1]
        share = channels // self.filters  # input channels a group
        kernel = ops.flip(ops.transpose(self.kernel, (0, 1, 3, 2)), (0, 1))  # (4, 4, in, 1)
        # each (B, h, w, filters)
        parts = [inputs[..., first::share] for first in range(share)] if share > 1 else [inputs]
        phases = []
        for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
            edges = ((0, 0), (1 - row, row), (1 - column, column), (0, 0))
            taps = kernel[row::2, column::2]  # (2, 2, in, 1)
            answers = [
                ops.depthwise_conv(ops.pad(part, edges), taps[:, :, first::share], padding="valid")
                for first, part in enumerate(parts)
            ]
            phases.append(sum(answers[1:], answers[0]))
        return ops.depth_to_space(ops.concatenate(phases, axis=-1), 2)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, height, width, _ = input_shape
        doubled = (None if length is None else 2 * length for length in (height, width))
        return (batch, *doubled, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


def _grouped(x: Tensor, kernel: Tensor, groups: int, **settings: Any) -> Tensor:
    """The convolution of x (B, H, W, in) by kernel (kh, kw, in / groups, out)."""
    ops = keras.ops
    height, width, share, filters = kernel.shape
    shape = (height, width, groups, filters // groups)
    answers = [
        ops.depthwise_conv(
            x[..., first::share], ops.reshape(kernel[:, :, first], shape), **settings
        )
        for first in range(share)
    ]
    return sum(answers[1:], answers[0])
