"""Gives pictures that were stretched to a square their shape back.

Sets for classifiers are often stored so. A camera's picture is 4:3 or 3:4 nearly always; of the
two, the one in which detectors and teachers are surer of a person is taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from tqdm import tqdm

from estimator import files, pictures
from estimator.arrays import Float, UInt8
from estimator.poses import Poses

from ..data.picture_files import Pictures

SHAPES = (4 / 3, 3 / 4)  # width over height
QUALITY = 95  # of the JPEGs
JPEG = (".jpg", ".jpeg")

Label = Callable[[UInt8], tuple[Poses, Float]]  # as `top_down.TopDown`


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many pictures became what.

    Attributes:
      unstretched: squares that were given 4:3 or 3:4.
      nobody: squares in which nobody is found in either shape; they stay as they are.
      others: pictures that are no squares; they stay as they are.
      before: pictures that an earlier run had written.
      unread: names of those that cannot be read.
    """

    unstretched: int
    nobody: int
    others: int
    before: int
    unread: tuple[str, ...]


def unstretch(images: Pictures, folder: Path, label: Label) -> Count:
    """Writes every picture below a folder, squares with their shape.

    A picture keeps its name and, where it is no square with people, its bytes. The others become
    JPEGs: NAME.png is NAME.png.jpg then. Those that are there already are not made again.

    Args:
      images: the pictures.
      folder: to write into; it is made.
      label: finds the people of a picture; only the best person's score counts.

    Raises:
      ValueError: there are no pictures.
      OSError: the disk is full.
    """
    done = dict.fromkeys(("unstretched", "nobody", "others", "before"), 0)
    unread = []
    for name, target in tqdm(list(_targets(images, folder)), unit="picture"):
        changed = target if target.suffix.lower() in JPEG else Path(f"{target}.jpg")
        if target.exists() or changed.exists():
            done["before"] += 1
            continue
        try:
            data = images.read(name)
            picture = pictures.read(data)
        except (ValueError, OSError):
            unread.append(name)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shape = shape_of(picture, label)
        if shape is None:
            files.write(target, data)
            done["nobody" if is_square(picture) else "others"] += 1
        else:
            files.write(changed, _encoded(reshaped(picture, shape)))
            done["unstretched"] += 1
    return Count(**done, unread=tuple(unread))


def shape_of(picture: UInt8, label: Label) -> float | None:
    """The shape of `SHAPES` in which the best person of a square picture has the higher score.

    Args:
      picture: (H, W, 3) uint8, RGB.
      label: finds the people of a picture.

    Returns:
      Width over height; None for a picture that is no square, or in which nobody is found.
    """
    if not is_square(picture):
        return None
    scores = []
    for shape in SHAPES:
        people, _ = label(reshaped(picture, shape))
        scores.append(float(people.person_score.max(initial=0)))
    return SHAPES[int(np.argmax(scores))] if max(scores) > 0 else None


def is_square(picture: UInt8) -> bool:
    """Whether a picture is as wide as it is high."""
    return bool(picture.shape[0] == picture.shape[1])


def reshaped(picture: UInt8, shape: float) -> UInt8:
    """A square picture with width over height `shape` and, within a pixel, the same area."""
    side = picture.shape[0]
    width, height = max(1, round(side * shape**0.5)), max(1, round(side / shape**0.5))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR))


def _targets(images: Pictures, folder: Path) -> Iterator[tuple[str, Path]]:
    for name in images.photographs():
        parts = [part for part in PurePosixPath(name).parts if part not in ("/", "..", ".")]
        yield name, folder.joinpath(*parts)


def _encoded(picture: UInt8) -> bytes:
    settings = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    return encoded.tobytes()
