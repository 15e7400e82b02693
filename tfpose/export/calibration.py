"""The pictures that an export is calibrated and measured with: from folders, zips, prepared sets.

They are laid into the input as the estimator does, so that calibration sees what the network will:
real pictures, upright, with their grey borders.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from estimator import pictures, preprocess
from estimator.arrays import Float, UInt8
from estimator.spec import ImageSpec

from ..picture_files import BadPicture, Pictures

DATASET_INFO = "dataset_info.json"  # TensorFlow Datasets writes it into a prepared set's folder


class NoPicturesError(ValueError):
    """There is nothing to calibrate or to measure with."""


def read(sources: Sequence[str | Path], count: int, *, seed: int = 0) -> list[UInt8]:
    """Draws pictures, as many from each source.

    Args:
      sources: picture files, folders, zips, or the folders of prepared data sets.
      count: how many in all; fewer where there are fewer.
      seed: of the draw.

    Returns:
      (H, W, 3) uint8, RGB, upright. What cannot be read is named in the log and left out.

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
    """All pictures of a source in random order, each read when it is asked for."""
    if (source / DATASET_INFO).is_file():
        yield from _prepared(source, seed)
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
            logging.warning("left out %s: %s", names[place], error)


def _prepared(folder: Path, seed: int) -> Iterator[UInt8]:
    """The pictures of a prepared set's first split, its shards in random order."""
    builder = tfds.builder_from_directory(folder)
    records = builder.as_dataset(
        split=next(iter(builder.info.splits)),
        shuffle_files=True,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(shuffle_seed=seed, try_autocache=False),
    )
    for record in records:
        yield pictures.read(record["image"].numpy())


def inputs(found: Sequence[UInt8], image: ImageSpec) -> list[Float]:
    """Network inputs to calibrate int8 with, of the spec's own size.

    Args:
      found: pictures.
      image: of the spec.

    Returns:
      (1, height, width, 3) float32 each. If they do not hold 0 and 255, two values in the corner of
      the first are set so: the input's scale is then 1, and a camera's bytes go in unchanged.

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
    """The same input, of the spec's own height and width only."""
    return replace(image, flexible=False)


def lay_in(picture: UInt8, image: ImageSpec) -> UInt8:
    """A whole picture as the network's input, (1, h, w, 3); top-down, it is one person's box."""
    if image.fit == "crop":
        box = (-0.5, -0.5, picture.shape[1], picture.shape[0])
        return preprocess.crop(picture, box, image)[0]
    return preprocess.letterbox(picture, image)[0]
