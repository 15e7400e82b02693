"""The geometry of canvases: which part of a picture a crop shows, and laying one over another."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from estimator.arrays import Float, UInt8

from .options import CanvasOptions
from .scenes import Scene

GREY = 128
SHARPNESS = 1.4  # pixels kept per pixel of the crop, when a picture is reduced before sampling

Random = np.random.Generator
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A crop to fill.

    Attributes:
      height, width: pixels.
      share: factor on the person's size; below 1 in mosaics.
    """

    height: int
    width: int
    share: float


def covering(random: Random, image: UInt8, height: int, width: int, zoom: float) -> UInt8:
    """Cuts anywhere from a picture that is resized to cover the crop, and up to `zoom` larger."""
    factor = max(height / image.shape[0], width / image.shape[1]) * random.uniform(1, zoom)
    rows, columns = (
        max(edge, round(length * factor))
        for edge, length in zip((height, width), image.shape, strict=False)
    )
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    large = cv2.resize(image, (columns, rows), interpolation=interpolation)
    top, left = random.integers(0, rows - height + 1), random.integers(0, columns - width + 1)
    return np.asarray(large[top : top + height, left : left + width])


def around_a_person(
    random: Random, scene: Scene, image: UInt8, crop: Crop, options: CanvasOptions
) -> Matrix:
    """(2, 3) from a picture to a crop that has one of its people about the middle.

    Args:
      random: draws person, size, place and angle.
      scene: with labelled people.
      image: its picture.
      crop: the size.
      options: ranges of the draws.
    """
    assert scene.boxes is not None
    person = someone(scene, random)
    smallest = 0.55 * min(crop.height, crop.width) / max(image.shape[:2])
    factor = max(person_factor(scene.boxes[person], random, options, crop.share), smallest)
    factor = min(factor, options.enlarge)
    spot = _spot(scene, person, random)
    rotated = random.random() < options.rotated
    degrees = random.normal(0, options.rotation) if rotated else 0.0
    angle = np.deg2rad(np.clip(degrees, -4 * options.rotation, 4 * options.rotation))
    cosine, sine = np.cos(angle) * factor, np.sin(angle) * factor
    matrix = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    edges = np.array([crop.width, crop.height])
    matrix[:, 2] = edges * (0.5 + random.uniform(-0.3, 0.3, 2)) - matrix[:, :2] @ spot
    if not rotated:  # the picture covers as much of the crop as it can
        slack = edges - np.array([image.shape[1], image.shape[0]]) * factor
        matrix[:, 2] = np.clip(matrix[:, 2], np.minimum(slack, 0), np.maximum(slack, 0))
    return matrix


def _spot(scene: Scene, person: int, random: Random) -> Float:
    """(2,) the point that is placed near the middle: the person's box's, or a keypoint.

    A keypoint lets the crop's edge cut people off.
    """
    assert scene.keypoints is not None
    assert scene.boxes is not None
    if random.random() < 0.5:
        labelled = scene.keypoints[person][scene.keypoints[person, :, 2] > 0, :2]
        return np.asarray(labelled[random.integers(len(labelled))])
    left, top, wide, high = scene.boxes[person]
    return np.array([left + wide / 2, top + high / 2])


def someone(scene: Scene, random: Random) -> int:
    """Draws one of a scene's labelled people; it must have some."""
    assert scene.keypoints is not None
    return int(random.choice(np.flatnonzero((scene.keypoints[..., 2] > 0).any(axis=1))))


def person_factor(box: Float, random: Random, options: CanvasOptions, share: float) -> float:
    """The factor on a picture that makes a person's box as large as the options say.

    Args:
      box: (4,) x, y, width, height, pixels.
      random: draws the size.
      options: sizes of people, and the largest factor.
      share: a further factor on the size.
    """
    target = np.exp(random.uniform(*np.log(options.person))) * share
    return float(min(target / max(*box[2:], 20.0), options.enlarge))


def lay(image: UInt8, part: UInt8, opacity: Float, middle: tuple[float, float]) -> None:
    """Mixes a part into an image about a point x, y, in place; what lies outside is cut off.

    Args:
      image: (H, W, 3) uint8.
      part: (h, w, 3) uint8.
      opacity: (h, w) of the part, 0..1.
      middle: x, y of the part's middle, pixels of the image.
    """
    height, width = part.shape[:2]
    left, top = int(middle[0] - width / 2), int(middle[1] - height / 2)
    rows = slice(max(top, 0), min(top + height, image.shape[0]))
    columns = slice(max(left, 0), min(left + width, image.shape[1]))
    inside = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    alpha = opacity[inside][..., None]
    mixed = alpha * part[inside] + (1 - alpha) * image[rows, columns]
    image[rows, columns] = np.round(mixed).astype(np.uint8)


def sampled(
    image: UInt8, matrix: Matrix, height: int, width: int
) -> tuple[UInt8, npt.NDArray[np.bool_]]:
    """The crop (height, width, 3), and where the picture is in it, (height, width).

    Cubic, like the runtime's letterbox, since linear interpolation blurs. A picture that shrinks is
    averaged first.
    """
    factor = float(np.hypot(*matrix[:, 0]))
    if factor < 0.6:
        shrink = max(factor * SHARPNESS, 0.05)
        image = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        matrix = matrix / np.array([shrink, shrink, 1.0])
    size = (width, height)
    crop = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderValue=(GREY,) * 3)
    ones = np.ones(image.shape[:2], np.uint8)
    return crop, cv2.warpAffine(ones, matrix, size, flags=cv2.INTER_NEAREST) > 0
