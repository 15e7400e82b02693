"""A cache's teacher: from canvases to the answers that are kept, at one or several sizes."""

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from estimator.arrays import Float, UInt8
from estimator.engines.litert import LiteRtRunner
from estimator.inputs import averaging, preprocess
from estimator.maps import Maps

from . import tflite
from .cache import HINTS, TEACHER, Cache

Answer: TypeAlias = Callable[[UInt8], dict[str, Float]]  # canvas (H, W, 3) to (h, w, C) by name
MEASURED = 32  # canvases for the hints' mean and deviation
SAME = np.eye(2, 3)  # from a canvas to the input at its own size


def measure_hints(cache: Cache, canvas: Callable[[int], UInt8]) -> dict[str, list[float]]:
    """Mean and deviation of each channel of the teacher's features, over `MEASURED` canvases.

    Args:
      cache: with hints.
      canvas: from a number to a canvas.
    """
    ask = answerer(dataclasses.replace(cache, made={**cache.made, "hints": {}}))
    features = [ask(canvas(number))[HINTS] for number in range(MEASURED)]
    rows = np.concatenate([part.reshape(-1, part.shape[-1]) for part in features])
    deviation = np.maximum(rows.std(axis=0), 1e-6)
    return {"mean": rows.mean(axis=0).tolist(), "deviation": deviation.tolist()}


def answerer(cache: Cache) -> Answer:
    """Opens the cache's teacher; hints are normalised.

    Answers at several sizes are averaged on the cells of the first; hints are of the first alone.
    """
    at_own_size = _at_own_size(cache)
    scales = cache.made["scales"][1:]
    if not scales:
        return at_own_size
    image, path = cache.spec.image, cache.folder / TEACHER
    sizes = [averaging.scaled(image, scale) for scale in scales]
    # A runner per size: resizing one for every canvas would cost more than its memory.
    runners = [LiteRtRunner(path, cache.spec, threads=1) for _ in sizes]

    def ask(canvas: UInt8) -> dict[str, Float]:
        answer = at_own_size(canvas)
        parts = [Maps(outputs={name: answer[name] for name in cache.spec.channels}, matrix=SAME)]
        for size, runner in zip(sizes, runners, strict=True):
            laid, matrix = preprocess.letterbox(canvas, size)
            maps = {name: value[0] for name, value in runner(laid).items()}
            parts.append(Maps(outputs=maps, matrix=matrix))
        return answer | averaging.mean(parts, stride=cache.spec.outputs.stride).outputs

    return ask


def _at_own_size(cache: Cache) -> Answer:
    path, moments = cache.folder / TEACHER, dict(cache.made["hints"])
    if not cache.hints:
        runner = LiteRtRunner(path, cache.spec, threads=1)
        return lambda image: {name: maps[0] for name, maps in runner(image[None]).items()}
    network = tflite.signature(path)
    mean = np.array(moments.get("mean", 0.0), np.float32)
    deviation = np.array(moments.get("deviation", 1.0), np.float32)

    def ask(image: UInt8) -> dict[str, Float]:
        maps = {name: value[0] for name, value in network(image[None]).items()}
        return maps | {HINTS: (maps[HINTS] - mean) / deviation}

    return ask
