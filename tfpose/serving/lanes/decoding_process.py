"""The program of the process in `decoder`: encoded pictures on standard input, pixels on output.

It ends when its input does, and so with the service, however that ends.
"""

import math
import os
import sys

import cv2
import numpy as np
import numpy.typing as npt

from estimator import geometry, pictures
from estimator.arrays import UInt8
from estimator.inputs import scaled_decoding
from estimator.pictures import header as picture_header

from . import framing

_NICE = 10  # others on the machine go first


def main() -> None:
    """Answers until the input ends; the second argument is the memory that a picture may take."""
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    cv2.setNumThreads(1)
    _restrict(int(sys.argv[2]))
    while (message := framing.receive(source)) is not None:
        asked, data = message
        try:
            picture, matrix = read(data, factor=asked["factor"], pixels=asked["pixels"])
        except (ValueError, MemoryError) as error:
            said = str(error) if isinstance(error, ValueError) else "takes too much memory"
            framing.send(sink, {"error": said}, b"")
        else:
            framing.send(
                sink, {"shape": picture.shape, "matrix": matrix.tolist()}, picture.tobytes()
            )


def read(data: bytes, *, factor: int, pixels: int) -> tuple[UInt8, npt.NDArray[np.float64]]:
    """Decodes a picture and makes it smaller.

    Args:
      data: the file.
      factor: 1, or for a JPEG 2, 4 or 8: by which its sides are reduced at least.
      pixels: of the result at most.

    Returns:
      picture: (H, W, 3) uint8, RGB, upright.
      matrix: (2, 3), from pixels of the whole picture to pixels of this one.

    Raises:
      ValueError: it cannot be decoded.
    """
    header = picture_header.read(data)
    whole = header.height * header.width
    while header.jpeg and factor < scaled_decoding.MOST and whole > pixels * factor**2:
        factor *= 2
    picture = pictures.decode(data, "the picture", factor)
    matrix = scaled_decoding.matrix(header, factor)
    height, width = picture.shape[:2]
    shrink = math.sqrt(pixels / (height * width))
    if shrink >= 1:
        return picture, matrix
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    smaller = geometry.scaling(size[0] / width, size[1] / height)
    picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    return picture, smaller @ np.vstack([matrix, [0, 0, 1]])


def _restrict(memory: int) -> None:
    """Bounds memory and lowers priority, where the system can."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    os.nice(_NICE)
    with open("/proc/self/statm", encoding="ascii") as figures:
        used = int(figures.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))


if __name__ == "__main__":
    main()
