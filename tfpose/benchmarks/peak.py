"""What the machine can multiply: large convolutions in LiteRT, the fastest kernels here."""

from functools import cache

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from estimator.spec import PoseSpec
from tfpose import export, models
from tfpose.export import costs

from . import timing

CELLS, CHANNELS = 32, 512  # height and width, and channels of a 1x1 convolution: 0.27 GMAC
LAYERS = 4


@cache
def measured(kind: str, threads: int) -> float:
    """GMAC/s of `kind` ("float32" or "int8"), the median of some runs.

    The layers are 1x1 convolutions, one after the other: matrix products that fill the kernels.
    """
    image = keras.Input((CELLS, CELLS, CHANNELS), batch_size=1, name="image")
    x = image
    for _ in range(LAYERS):
        x = keras.layers.Conv2D(CHANNELS, 1)(x)
    network = keras.Model(image, {"maps": x})
    noise = np.random.default_rng(0).uniform(0, 255, image.shape).astype(np.float32)
    noise[0, 0, 0, :2] = 0, 255
    flatbuffer = export.to_tflite(network, kind, [noise] if kind == "int8" else [])
    interpreter = Interpreter(model_content=flatbuffer, num_threads=threads)
    interpreter.allocate_tensors()
    time = timing.medians({"peak": interpreter.invoke}, repeats=50, seconds=3)["peak"]
    return costs.macs(network) / time / 1e6


def macs(spec: PoseSpec, height: int, width: int) -> int:
    """Multiplications of a network of ours for one picture of this size."""
    sized = models.spec(spec.model, skeleton=spec.skeleton, height=height, width=width)
    return costs.macs(models.build(sized))
