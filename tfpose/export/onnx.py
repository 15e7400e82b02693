"""A network as an .onnx: `image` (B, H, W, 3) float32, RGB 0..255, to named maps.

tf2onnx converts a graph of static shape, which keeps dilated convolutions whole; with open shapes
they become slices, splits and concatenations. The sizes are opened afterwards.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from estimator.spec import PoseSpec

OPSET = 17  # of 2022: ONNX Runtime 1.12 and OpenVINO 2022.3 read it


def to_onnx(network: keras.Model, spec: PoseSpec) -> bytes:
    """Converts a network from `deployed`.

    Args:
      network: of fixed size.
      spec: where its image is flexible, batch, height and width of the file are open.

    Raises:
      ImportError: tf2onnx is not installed.
    """
    try:
        import tf2onnx
    except ImportError as error:
        raise ImportError("ONNX needs tf2onnx: pip install 'tfpose[onnx-export]'") from error

    def answer(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(network(image, training=False))

    image = tf.TensorSpec(network.input.shape, tf.float32, name="image")
    function = tf.function(answer, autograph=False)
    proto, _ = tf2onnx.convert.from_function(
        function, input_signature=[image], opset=OPSET, custom_op_handlers={"Erfc": (_erfc, [])}
    )
    if spec.image.flexible:
        _open_sizes(proto, spec)
    data: bytes = proto.SerializeToString()
    return data


def _erfc(graph: Any, node: Any, name: str, _: Any) -> None:
    """Makes TensorFlow's Erfc, which its GELU holds and tf2onnx leaves as it is, 1 - Erf."""
    output, (x,) = list(node.output), node.input
    shape, kind = graph.get_shape(output[0]), graph.get_dtype(output[0])
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", [x], shapes=[shape], dtypes=[kind])
    one = graph.make_const(f"{name}_one", np.ones((), np.float32))
    graph.make_node(
        "Sub",
        [one.output[0], erf.output[0]],
        name=name,
        outputs=output,
        shapes=[shape],
        dtypes=[kind],
    )


def _open_sizes(proto: Any, spec: PoseSpec) -> None:
    """Replaces batch, height and width by names; runtimes infer the inner shapes anew."""
    from onnx import TensorProto, helper

    graph = proto.graph
    del graph.value_info[:]
    for value in [*graph.input, *graph.output]:
        channels = spec.channels.get(value.name, 3)
        end = "" if value.name == "image" else "_of_maps"
        shape: list[str | int] = ["batch", f"height{end}", f"width{end}", channels]
        said = f"height and width are multiples of {spec.image.multiple}" if not end else ""
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, shape, said))
