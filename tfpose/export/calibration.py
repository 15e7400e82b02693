"""Pictures to calibrate and measure an export with, from folders, zips and prepared sets.

They are laid into the input as the estimator does it, so that calibration sees what the network
will see: real pictures, upright, with grey borders.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from absl import logging

from estimator import pictures
from estimator.arrays import Float, UInt8
from estimator.inputs import preprocess
from estimator.layout import ImageSpec

from ..data import prepared_sets
from ..data.picture_files import BadPicture, Pictures


class NoPicturesError(ValueError):
    """There are no pictures to calibrate or measure with."""


def read(sources: Sequence[str | Path], count: int, *, seed: int = 0) -> list[UInt8]:
    """Draws pictures, the same number from each source.

    Args:
      sources: picture files, folders, zips, or the folders of prepared data sets.
      count: of all pictures; fewer where there are fewer.
      seed: of the draw.

    Returns:
      (H, W, 3) uint8, RGB, upright. Files that cannot be read are named in the log and skipped.

    Raises:
      FileNotFoundError: a source does not exist.
      NoPicturesError: no picture can be read.
    """
    if not sources:
        raise NoPicturesError("no pictures were given: name a folder, a zip or a prepared set")
    if count < 1:
        raise NoPicturesError(f"at least one picture must be drawn, found a count of {count}")
    found = []
    for index, source in enumerate(map(Path, sources)):
        share = count // len(sources) + (index < count % len(sources))
        found += [picture for picture, _ in zip(_drawn(source, seed), range(share), strict=False)]
    if not found:
        raise NoPicturesError(f"no picture can be read from {', '.join(map(str, sources))}")
    return found


def _drawn(source: Path, seed: int) -> Iterator[UInt8]:
    """Yields all pictures of a source in random order, each read when it is asked for."""
    if (source / prepared_sets.INFO).is_file():
        yield from map(pictures.read, prepared_sets.encoded_pictures(source, seed=seed))
        return
    if source.suffix.lower() in pictures.SUFFIXES and source.is_file():
        yield pictures.read(source)
        return
    files = Pictures([source])
    names = sorted(name for name in files.names() if Path(name).suffix.lower() in pictures.SUFFIXES)
    for place in np.random.default_rng(seed).permutation(len(names)):
        try:
            yield pictures.read(files.read(names[place]))
        except (BadPicture, ValueError) as error:
            logging.warning("skipped %s: %s", names[place], error)


def inputs(found: Sequence[UInt8], image: ImageSpec) -> list[Float]:
    """Lays pictures into inputs for the calibration of int8, of the spec's own size.

    Args:
      found: pictures.
      image: of the spec.

    Returns:
      (1, height, width, 3) float32 each. Where 0 or 255 is missing, two values in the corner of the
      first are set to them: then the input's scale is 1, and a camera's bytes go in unchanged.

    Raises:
      NoPicturesError: there are no pictures.
    """
    if not found:
        raise NoPicturesError("int8 needs pictures to calibrate with, found none")
    fixed = fixed_size(image)
    laid = [lay_in(picture, fixed).astype(np.float32) for picture in found]
    if min(part.min() for part in laid) > 0 or max(part.max() for part in laid) < 255:
        laid[0][0, 0, 0, :2] = 0, 255
    return laid


def fixed_size(image: ImageSpec) -> ImageSpec:
    """The same input, fixed at the spec's own height and width."""
    return replace(image, flexible=False)


def lay_in(picture: UInt8, image: ImageSpec) -> UInt8:
    """Lays a whole picture in, (1, h, w, 3); for a top-down network it is one person's box."""
    if image.fit == "crop":
        box = (-0.5, -0.5, picture.shape[1], picture.shape[0])
        return preprocess.crop(picture, box, image)[0]
    return preprocess.letterbox(picture, image)[0]
