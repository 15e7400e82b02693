"""tf-pose-estimation's frozen TensorFlow 1 graphs: weights are the graph's constants.

A constant has the name of its variable, with a suffix of freezing and folding:
`MobilenetV2/Conv/weights/read/_2__cf__2`. Batch norms that use a picture's own statistics have
empty constants for them, which are skipped. Where a transform folded batch norms into biases, the
import names the missing layers.
"""

import os
import re
from pathlib import Path

from .assign import TF1, Array

LAYOUT = TF1
FROZEN = re.compile(r"/read(/_\d+__cf__\d+)?$")
PARAMETERS = frozenset(name for names in TF1.parameters.values() for name in names)


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Reads the constants of a frozen graph that were variables, by their scopes' names.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no frozen graph, or holds no weights.
    """
    import tensorflow as tf

    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {path}")
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(Path(path).read_bytes())
    except Exception as error:  # protobuf's DecodeError, by version
        raise ValueError(f"{path} is no frozen TensorFlow graph: {error}") from error
    arrays = {}
    for node in graph.node:
        name = FROZEN.sub("", node.name)
        if node.op == "Const" and name.rpartition("/")[2] in PARAMETERS:
            array = tf.make_ndarray(node.attr["value"].tensor)
            if array.size:
                arrays[name] = array
    if not arrays:
        raise ValueError(f"{path} is a graph without weights: was it frozen?")
    return arrays
