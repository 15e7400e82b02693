"""Reading pictures: files, folders and globs in, upright RGB out.

Headers are read here, too; fitting pictures to a network is `estimator.inputs`.
"""

from .reading import (
    FLIPPED_X,
    FLIPPED_Y,
    MAX_PIXELS,
    SAMPLE,
    SUFFIXES,
    Listing,
    decode,
    find,
    is_of_the_system,
    read,
    turn,
)

__all__ = [
    "FLIPPED_X",
    "FLIPPED_Y",
    "MAX_PIXELS",
    "SAMPLE",
    "SUFFIXES",
    "Listing",
    "decode",
    "find",
    "is_of_the_system",
    "read",
    "turn",
]
