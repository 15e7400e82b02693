"""Costs of the networks: parameters, multiplications, file sizes, latency on this machine."""

import re
import time
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

from .. import export, models
from ..blocks.grouped import GroupedConv2DTranspose

WARM_UP = 2  # runs before the clock starts


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One network, at its default input.

    Attributes:
      spec: the default.
      source: the paper's arXiv number, or the family's first line.
      parameters: trainable ones.
      macs: multiplications and additions of its convolutions, linear layers and attention, for one
        picture.
    """

    spec: PoseSpec
    source: str
    parameters: int
    macs: int

    @property
    def task(self) -> str:
        """ "detector", "bottom-up" for networks of whole pictures, "top-down" for one person's."""
        if self.spec.answers == "boxes":
            return "detector"
        return {"letterbox": "bottom-up", "crop": "top-down"}[self.spec.image.fit]


def entry(name: str, *, skeleton: Skeleton | None = None) -> Entry:
    """Builds a network and counts its parameters and multiplications.

    Args:
      name: of the network.
      skeleton: keypoints instead of its own.

    Raises:
      ValueError: there is no such model.
    """
    spec = models.spec(name, skeleton=skeleton)
    model = models.build(spec)
    text = models.family_of(name).__doc__ or ""
    paper = re.search(r"arXiv:\d+\.\d+", text)
    return Entry(
        spec=spec,
        source=paper[0] if paper else text.partition("\n")[0],
        parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        macs=macs(model),
    )


def macs(model: keras.Model) -> int:
    """Multiplications of a network of fixed size in its matrices, for one picture.

    Those of convolutions, of linear layers, and of the products of two tensors in attention.
    """
    return sum(_operation_macs(operation) for operation in model.operations)


def file_sizes(name: str) -> tuple[int, int]:
    """Bytes of the network as .tflite: in float32, and with weights in int8."""
    converter = export.converter(_deployed(name))
    whole = len(converter.convert())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return whole, len(converter.convert())


def latency(name: str, *, threads: int, runs: int) -> float:
    """Seconds that LiteRT takes for one picture in float32, the median of `runs`."""
    network = _deployed(name)
    interpreter = Interpreter(model_content=export.to_tflite(network), num_threads=threads)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    interpreter.set_tensor(image["index"], np.full(image["shape"], 128, np.float32))
    seconds = []
    for _ in range(WARM_UP + runs):
        start = time.perf_counter()
        interpreter.invoke()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[WARM_UP:]))


def _deployed(name: str) -> keras.Model:
    spec = models.spec(name)
    model = models.build(spec)
    return export.deployed(model, spec, spec.image.height, spec.image.width)


def _operation_macs(operation: Any) -> int:
    """Multiplications of a kernel: once per cell of the output, or of a transposed one's input."""
    layers = keras.layers
    if isinstance(operation, layers.Conv2DTranspose | GroupedConv2DTranspose):
        cells = operation.input.shape[1:3]
    elif isinstance(operation, layers.Conv2D | layers.DepthwiseConv2D):
        cells = operation.output.shape[1:3]
    elif isinstance(operation, layers.Dense):
        cells = operation.output.shape[1:-1]
    elif type(operation).__name__ == "Matmul":  # keras.ops.matmul; Keras exports no class for it
        return int(np.prod(operation.output.shape[1:])) * int(operation.input[0].shape[-1])
    else:
        return 0
    return int(np.prod(operation.kernel.shape)) * int(np.prod(cells))
