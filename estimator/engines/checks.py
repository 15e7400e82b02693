"""Checks that every engine makes: an input's shape, a graph's outputs, the cores it may use."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..arrays import UInt8
from ..spec import PoseSpec

MOST_THREADS = 4

ALONE = "{} takes one picture at a time, found a batch of {}; leave the batch at 1"


def check_image(image: UInt8) -> None:
    """Refuses an input that no engine takes.

    Raises:
      ValueError: the image is not (B, H, W, 3) uint8.
    """
    if image.dtype != np.uint8 or image.ndim != 4 or image.shape[3] != 3 or not len(image):
        raise ValueError(
            f"image must be (B, H, W, 3) uint8, found {image.shape} {image.dtype}; "
            "estimator.inputs.preprocess.letterbox makes it"
        )


def check_alone(path: Path, image: UInt8) -> None:
    """Refuses a batch for a graph that takes one picture at a time.

    Raises:
      ValueError: there is more than one picture.
    """
    if len(image) > 1:
        raise ValueError(ALONE.format(path, len(image)))


def check_size(path: Path, spec: PoseSpec, shape: tuple[int, ...]) -> None:
    """Refuses an input (B, H, W, 3) that the model in this file does not take.

    Raises:
      ValueError: the size is not that of a fixed graph, or no multiple of the spec's.
    """
    image = spec.image
    if not image.flexible and shape[1:3] != (image.height, image.width):
        raise ValueError(
            f"{path} takes {image.height}x{image.width} only (height x width), found "
            f"{shape[1]}x{shape[2]}"
        )
    if shape[1] % image.multiple or shape[2] % image.multiple:
        raise ValueError(
            f"{path} takes heights and widths that are multiples of {image.multiple}, "
            f"found {shape[1]}x{shape[2]}"
        )


def check_scale(path: Path, spec: PoseSpec) -> None:
    """Refuses a foreign file whose pixels must be scaled, which only the LiteRT engine does.

    Raises:
      ValueError: the spec's scale is not 1.
    """
    if spec.image.scale != 1:
        raise ValueError(
            f"{path} reads pixels times {spec.image.scale:.4g}: run the .tflite with LiteRT "
            "(engine 'litert')"
        )


def check_names(path: Path, spec: PoseSpec, found: Iterable[str]) -> None:
    """Refuses a graph that lacks an output.

    Raises:
      ValueError: says which outputs it has.
    """
    found = set(found)
    missing = sorted(set(spec.channels) - found)
    if missing:
        raise ValueError(
            f"{path}: its spec says outputs {sorted(spec.channels)}, the graph "
            f"lacks {missing}; it has {sorted(found)}"
        )


def usable_cores() -> int:
    """The number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def default_threads() -> int:
    """The threads of a network: the usable cores, at most 4; small networks gain little by more."""
    return min(MOST_THREADS, usable_cores())
