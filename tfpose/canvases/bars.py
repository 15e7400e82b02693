"""Bars of one colour at the lower and right edge of a picture, left by padding.

Some data sets store all pictures at one size and fill the rest with one colour. No camera sees
that, so it is cut off. Above and on the left nothing is cut off: labels would have to move.
"""

import numpy as np

from estimator.arrays import UInt8

TOLERANCE = 8  # grey levels from the corner's colour, for JPEG's noise
SHARE = 0.97  # of a bar line's pixels that have it; JPEG rings where the bar begins
SMALLEST = 24  # pixels that must be left, or nothing is cut off


def without(image: UInt8) -> UInt8:
    """Cuts off a picture's bars; a picture that is nearly all of one colour stays whole.

    Args:
      image: (H, W, 3) uint8.

    Returns:
      (h, w, 3), a view of the upper left part.
    """
    corner = image[-1, -1].astype(np.int16)
    if not (_plain(image[-1:], corner).all() or _plain(image[:, -1:], corner).all()):
        return image
    plain = _plain(image, corner)
    height = _content(plain.mean(axis=1))
    width = _content(plain[: max(height, 1)].mean(axis=0))
    return image[:height, :width] if min(height, width) >= SMALLEST else image


def _plain(image: UInt8, corner: np.ndarray) -> np.ndarray:
    """(H, W) where a pixel has the corner's colour."""
    return np.asarray((np.abs(image - corner) <= TOLERANCE).all(axis=-1))


def _content(plain: np.ndarray) -> int:
    """The number of lines before the bar; `plain` has the share of plain pixels of each line."""
    content = np.flatnonzero(plain < SHARE)
    return int(content[-1]) + 1 if len(content) else 0
