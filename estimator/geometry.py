"""The pixel convention, and the matrices between picture, network input and maps.

The centre of pixel i has coordinate i: in the picture, in the network's input and in every map.
So a picture of width W covers -0.5 to W - 0.5, and a cell of a map of stride s lies at
`input = (map + 0.5) * s - 0.5`. Points are (x, y); matrices are (2, 3) and act on columns
(x, y, 1). Other conventions are converted where they enter, never here.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .arrays import Float, check_shape


def map_to_input(xy: Float, stride: int) -> Float:
    """Converts points (..., 2) from map cells to pixels of the network's input."""
    return (xy + np.float32(0.5)) * np.float32(stride) - np.float32(0.5)


def input_to_map(xy: Float, stride: int) -> Float:
    """Converts points (..., 2) from pixels of the network's input to map cells."""
    return (xy + np.float32(0.5)) / np.float32(stride) - np.float32(0.5)


def transform(matrix: npt.NDArray[np.floating], xy: Float) -> Float:
    """Applies a (2, 3) matrix to points (..., 2); NaN stays NaN."""
    check_shape("matrix", matrix, (2, 3))
    moved: Float = (xy @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return moved


def invert(matrix: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The inverse of a (2, 3) matrix.

    Raises:
      ValueError: the matrix is singular.
    """
    check_shape("matrix", matrix, (2, 3))
    (a, b, x), (c, d, y) = matrix.tolist()  # numbers: numpy takes ten times as long for so few
    area = a * d - b * c
    if not abs(area) >= 1e-12:
        raise ValueError(f"matrix {matrix.tolist()} is singular and cannot be inverted")
    return np.array(
        [
            [d / area, -b / area, (b * y - d * x) / area],
            [-c / area, a / area, (c * x - a * y) / area],
        ],
        np.float64,
    )


def scaling(factor_x: float, factor_y: float) -> npt.NDArray[np.float64]:
    """The (2, 3) matrix of a resize: pixel edges, not pixel centres, stay in place."""
    return np.array(
        [[factor_x, 0, (factor_x - 1) / 2], [0, factor_y, (factor_y - 1) / 2]], np.float64
    )


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """How a whole picture fits into a network's input: resized, then padded.

    Attributes:
      height, width: of the network's input, pixels.
      inner_height, inner_width: of the resized picture inside it, pixels.
      top, left: padding above and left of the picture, pixels; the rest is below and right.
      matrix: (2, 3), from picture to input. The factors of x and y differ slightly where the
        inner size is rounded to whole pixels.
    """

    height: int
    width: int
    inner_height: int
    inner_width: int
    top: int
    left: int
    matrix: npt.NDArray[np.float64]


def letterbox(picture_height: int, picture_width: int, height: int, width: int) -> Letterbox:
    """Fits a whole picture, centred and with its aspect ratio kept, into the network's input.

    Args:
      picture_height, picture_width: pixels, at least 1.
      height, width: of the network's input, pixels, at least 1.

    Raises:
      ValueError: a size is below 1.
    """
    if min(picture_height, picture_width, height, width) < 1:
        raise ValueError(
            f"sizes must be at least 1 pixel, found a picture of {picture_height}x{picture_width} "
            f"for an input of {height}x{width} (height x width)"
        )
    factor = min(height / picture_height, width / picture_width)
    inner_height = min(height, max(1, round(picture_height * factor)))
    inner_width = min(width, max(1, round(picture_width * factor)))
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    matrix = scaling(inner_width / picture_width, inner_height / picture_height)
    matrix[:, 2] += (left, top)
    return Letterbox(
        height=height,
        width=width,
        inner_height=inner_height,
        inner_width=inner_width,
        top=top,
        left=left,
        matrix=matrix,
    )


def crop_matrix(
    box: tuple[float, float, float, float],
    height: int,
    width: int,
    *,
    padding: float,
    degrees: float = 0.0,
) -> npt.NDArray[np.float64]:
    """The matrix that cuts a person's box out of a picture for a top-down network.

    The box is widened about its centre to the input's aspect ratio, then by `padding`
    (Xiao et al. 2018, arXiv:1804.06208, section 3: 1.25), and turned.

    Args:
      box: x, y of the top left corner, width and height, pixels of the picture, as edges: a box
        around pixel i alone is (i - 0.5, ..., 1, ...).
      height, width: of the network's input, pixels.
      padding: factor on the box, 1 keeps it.
      degrees: turns the picture about the box's centre, clockwise on the screen.

    Returns:
      (2, 3), from picture to input.

    Raises:
      ValueError: the box has no area.
    """
    left, top, box_width, box_height = box
    if not (box_width > 0 and box_height > 0):
        raise ValueError(f"box {box} (x, y, width, height) must have positive width and height")
    factor = min(width / box_width, height / box_height) / padding
    cosine = factor * math.cos(math.radians(degrees))
    sine = factor * math.sin(math.radians(degrees))
    centre_x, centre_y = left + box_width / 2, top + box_height / 2
    return np.array(
        [
            [cosine, -sine, (width - 1) / 2 - cosine * centre_x + sine * centre_y],
            [sine, cosine, (height - 1) / 2 - sine * centre_x - cosine * centre_y],
        ],
        np.float64,
    )
