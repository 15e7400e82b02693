"""Keeps OpenVINO's int8 convolutions from saturating on x86 processors without VNNI.

There, the products of two neighbouring input channels, uint8 times int8, are added in 16 bits with
saturation (the instruction VPMADDUBSW), so a sum above 32767 is cut: 255 * (w0 + w1) fits only
where w0 + w1 <= 128. LiteRT adds in 32 bits and has no such limit. Kernels whose neighbours may
pass it are scaled down, output channel by output channel, and their scales up by as much: the
weights of those channels keep between 7 and 8 bits.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

SUM = 128  # the largest w0 + w1 whose products with 255 fit into int16: 32767 // 255
GROUP = 4  # input channels that lie side by side in OpenVINO's int8 kernels


def factors(kernel: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """What each output channel of an int8 kernel is multiplied by, .5 to 1.

    Args:
      kernel: (outputs, inputs, height, width), the weights as integers.

    Returns:
      (outputs,), 1 where no two neighbours can saturate. Rounding may add half to each, which the
      factor allows for. Kernels with fewer than four inputs may be laid out with other neighbours,
      so there any two weights are taken as neighbours.
    """
    weights = kernel.astype(np.float32)
    sides = np.stack([weights.clip(min=0), (-weights).clip(min=0)])  # a sum saturates at both ends
    if kernel.shape[1] < GROUP:
        top = 2 * sides.max(axis=(0, 2, 3, 4))
    else:
        even = sides[:, :, 0::2]
        odd = np.zeros_like(even)
        odd[:, :, : kernel.shape[1] // 2] = sides[:, :, 1::2]
        top = (even + odd).max(axis=(0, 2, 3, 4))
    return np.where(top > SUM, (SUM - 1) / np.maximum(top, SUM), 1).astype(np.float32)


def guard(model: Any) -> int:
    """Scales the kernels of an OpenVINO model, in place.

    Kernels are found as OpenVINO reads a quantised .tflite: int8 constant, Convert, Multiply by a
    constant scale, Convolution. Depthwise kernels add nothing across channels and stay.

    Args:
      model: an `openvino.Model`.

    Returns:
      The number of kernels that changed.
    """
    from openvino import opset13

    changed = 0
    for constant in model.get_ordered_ops():
        scaling = _scaling(constant)
        if scaling is None:
            continue
        kernel = constant.get_data()
        by = factors(kernel)
        if (by == 1).all():
            continue
        column = by.reshape(-1, 1, 1, 1)
        smaller = opset13.constant(np.rint(kernel * column).astype(np.int8))
        for reader in list(constant.output(0).get_target_inputs()):
            reader.replace_source_output(smaller.output(0))
        scale = scaling.get_source_output().get_node().get_data()
        scaling.replace_source_output(opset13.constant(scale / column).output(0))
        changed += 1
    return changed


def _scaling(constant: Any) -> Any:
    """The input of the Multiply that holds a convolution's scales; None for other constants."""
    if (
        constant.get_type_name() != "Constant"
        or constant.get_element_type().get_type_name() != "i8"
    ):
        return None
    convert = _reader(constant, "Convert")
    multiply = convert and _reader(convert, "Multiply")
    if not multiply or not _reader(multiply, "Convolution"):
        return None
    for place in multiply.inputs():
        if place.get_source_output().get_node().get_type_name() == "Constant":
            return place
    return None


def _reader(node: Any, kind: str) -> Any:
    """The node of that kind which alone reads this node's output; None where there is no such."""
    readers = [place.get_node() for place in node.output(0).get_target_inputs()]
    return readers[0] if len(readers) == 1 and readers[0].get_type_name() == kind else None
