"""Samples a policy: from a seed to the matrix, flip, fill and colours of one training sample.

Every random number is stateless: the same seed, picture and people give the same sample, on every
machine and in any order.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf

from estimator.skeleton import Skeleton

from . import affine
from .policy import AugmentPolicy, Draw

# One uniform number each, in this order; a new one goes to the end, so that samples stay the same.
_NUMBERS = (
    *("person",),
    *("scale", "scale_on", "cut", "cut_on"),
    *("stretch_x", "stretch_y", "rotation", "rotation_on"),
    *("flip", "shift_x", "shift_y"),
    *("half_body", "upper_body", "fill"),
    *("colour_on", "colour_which"),
    *("brightness", "brightness_on", "contrast", "contrast_on"),
    *("channel_on", "red", "green", "blue", "blur"),
)
_LOWER_BODY = ("hip", "knee", "ankle", "foot", "heel", "toe", "pelvis")
_HALF_BODY_MARGIN = 1.5  # factor on the extent of the keypoints (HRNet's JointsDataset.py)


class _Change(NamedTuple):
    """How a picture is turned and resized; scalars.

    Attributes:
      degrees: clockwise.
      factor: along both axes.
      stretch_x, stretch_y: further factors, before the rotation.
    """

    degrees: tf.Tensor
    factor: tf.Tensor
    stretch_x: tf.Tensor
    stretch_y: tf.Tensor


class Sample(NamedTuple):
    """The changes of one training sample; tensors.

    Attributes:
      matrix: (3, 3) from picture to input, the flip included.
      flipped: bool; left and right keypoints change places.
      fill: (3,) RGB around the picture, 0..255.
      gain: (3,) factor on R, G and B.
      contrast: factor on the distance from each channel's mean.
      blurred: bool.
    """

    matrix: tf.Tensor
    flipped: tf.Tensor
    fill: tf.Tensor
    gain: tf.Tensor
    contrast: tf.Tensor
    blurred: tf.Tensor


class Scene(NamedTuple):
    """The picture and people of a sample; tensors.

    Attributes:
      height, width: of the picture, pixels.
      keypoints: (P, K, 3) x, y, visibility.
      boxes: (P, 4) x, y, width, height.
      areas: (P,) square pixels.
    """

    height: tf.Tensor
    width: tf.Tensor
    keypoints: tf.Tensor
    boxes: tf.Tensor
    areas: tf.Tensor


def seed_of(image_id: tf.Tensor, person: tf.Tensor, epoch: tf.Tensor, seed: int) -> tf.Tensor:
    """The seed, (2,) int64, of a record's sample in an epoch."""
    record = tf.strings.to_hash_bucket_fast(image_id, 2**47) * 2**16
    return tf.stack(
        [record + tf.cast(person, tf.int64), tf.cast(epoch, tf.int64) + seed * 2**32], axis=0
    )


def draw(
    policy: AugmentPolicy,
    skeleton: Skeleton,
    scene: Scene,
    seed: tf.Tensor,
    *,
    height: int,
    width: int,
    box_padding: float | None = None,
) -> Sample:
    """Draws the changes of one sample.

    Args:
      policy: ranges and probabilities.
      skeleton: of the keypoints.
      scene: the picture and its people; a top-down sample's one person.
      seed: (2,) integers.
      height, width: of the network's input, pixels.
      box_padding: factor on the person's box, which makes the sample top-down; None: bottom-up.

    Raises:
      ValueError: the policy's frame does not suit a top-down sample.
    """
    if box_padding is not None and policy.frame != "fit":
        raise ValueError(
            f"a top-down sample shows a person's box, not the frame {policy.frame!r}: use a policy "
            'with frame="fit", such as hrnet'
        )
    number = _numbers(seed)
    size = tf.constant([width, height], tf.float32)
    change = _change(policy, number)
    spread = tf.stack([number["shift_x"], number["shift_y"]]) * 2 - 1  # (2,), -1..1
    if policy.frame == "random_crop":
        centre, unit, room = _random_crop(scene, size, change)
        shift = -spread * room
    else:
        centre, unit = _framed(policy, skeleton, scene, number, size, box_padding)
        shift = spread * size * policy.shift
    flipped = number["flip"] < policy.flip
    factor = unit * change.factor
    matrix = affine.product(
        affine.flipping(flipped, width),
        affine.translation((width - 1) / 2 + shift[0], (height - 1) / 2 + shift[1]),
        affine.rotation(change.degrees),
        affine.scaling(factor * change.stretch_x, factor * change.stretch_y),
        affine.translation(-centre[0], -centre[1]),
    )
    fill = tf.cast(number["fill"] * len(policy.fills), tf.int32)
    colour = tf.gather(tf.constant(policy.fills, tf.float32), fill)
    return Sample(matrix, flipped, colour, *_colours(policy, number))


def colours(policy: AugmentPolicy, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Draws a sample's changes of colour alone: (3,) gain, contrast and whether to blur.

    Args:
      policy: ranges and probabilities.
      seed: (2,) integers; the result is `draw`'s for the same seed.
    """
    return _colours(policy, _numbers(seed))


def _numbers(seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """A uniform number, 0..1, for each name."""
    uniform = tf.random.stateless_uniform([len(_NUMBERS)], seed)
    return dict(zip(_NUMBERS, tf.unstack(uniform), strict=True))


def _change(policy: AugmentPolicy, number: dict[str, tf.Tensor]) -> _Change:
    factor = _value(policy.scale, number["scale"], number["scale_on"], 1.0)
    factor /= _value(policy.cut, number["cut"], number["cut_on"], 1.0)
    return _Change(
        degrees=_value(policy.rotation, number["rotation"], number["rotation_on"], 0.0),
        factor=factor,
        stretch_x=_value(policy.stretch, number["stretch_x"], 0.0, 1.0),
        stretch_y=_value(policy.stretch, number["stretch_y"], 0.0, 1.0),
    )


def _value(draw: Draw, number: tf.Tensor, switch: tf.Tensor, neutral: float) -> tf.Tensor:
    """A draw's value at a uniform number; `switch`, another one, decides whether it is applied."""
    if draw.low == draw.high and draw.probability == 1:
        return tf.constant(draw.low, tf.float32)
    if draw.deviation is None:
        value = draw.low + number * (draw.high - draw.low)
    else:
        normal = tf.math.ndtri(tf.clip_by_value(number, 1e-6, 1 - 1e-6))
        value = (draw.low + draw.high) / 2 + normal * draw.deviation
        value = tf.clip_by_value(value, draw.low, draw.high)
    return value if draw.probability == 1 else tf.where(switch < draw.probability, value, neutral)


def _random_crop(
    scene: Scene, size: tf.Tensor, change: _Change
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Centre (2,) in the picture, unit factor, and half of the room (2,) for moving the crop.

    The crop stays within the largest upright rectangle of the rotated picture.
    """
    picture = tf.cast(tf.stack([scene.width, scene.height]), tf.float32)
    width, height = picture[0] * change.stretch_x, picture[1] * change.stretch_y
    inner = _inscribed(width, height, change.degrees)  # (2,)
    unit = tf.reduce_min(size) / tf.reduce_min(inner)
    room = tf.maximum(inner * unit * change.factor - size, 0.0) / 2
    return (picture - 1) / 2, unit, room


def _inscribed(width: tf.Tensor, height: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """(2,) width and height of the largest upright rectangle inside a rotated one.

    Either two of its corners touch the longer sides (thin or strongly rotated rectangles), or all
    four touch one side each.
    """
    radians = tf.abs(degrees) * (math.pi / 180)
    sine, cosine = tf.abs(tf.sin(radians)), tf.abs(tf.cos(radians))
    short, long = tf.minimum(width, height), tf.maximum(width, height)
    wide = width >= height
    over_sine = short / 2 / tf.maximum(sine, 1e-6)
    over_cosine = short / 2 / tf.maximum(cosine, 1e-6)
    two = tf.where(wide, [over_sine, over_cosine], [over_cosine, over_sine])
    double = cosine * cosine - sine * sine
    diagonal = tf.abs(double) < 1e-3  # both cases agree there, and `four` would divide by 0
    double = tf.where(diagonal, 1.0, double)
    four = tf.stack([width * cosine - height * sine, height * cosine - width * sine]) / double
    return tf.where(diagonal | (short <= 2 * sine * cosine * long), two, four)


def _framed(
    policy: AugmentPolicy,
    skeleton: Skeleton,
    scene: Scene,
    number: dict[str, tf.Tensor],
    size: tf.Tensor,
    box_padding: float | None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Centre (2,) in the picture, and the factor of scale 1."""
    if box_padding is not None:
        return _top_down(policy, skeleton, scene, number, size, box_padding)
    picture = tf.cast(tf.stack([scene.width, scene.height]), tf.float32)
    centre, unit = (picture - 1) / 2, tf.reduce_min(size / picture)
    if policy.frame == "fit":
        return centre, unit
    labelled = tf.reduce_sum(tf.cast(scene.keypoints[..., 2] > 0, tf.int32), axis=1)  # (P,)
    qualified = (
        (labelled >= policy.min_keypoints)
        & (scene.areas >= policy.min_area)
        & (scene.boxes[:, 3] > 0)
    )
    chosen = tf.where(qualified)[:, 0]
    count = tf.size(chosen)
    # The boxes are padded by one, for a picture where nobody qualifies.
    index = tf.cast(number["person"] * tf.cast(count, tf.float32), tf.int32)
    box = tf.gather(tf.pad(tf.gather(scene.boxes, chosen), [[0, 1], [0, 0]]), index)
    found = count > 0
    return (
        tf.where(found, box[:2] + box[2:] / 2, centre),
        tf.where(found, policy.person_height * size[1] / box[3], unit),
    )


def _top_down(
    policy: AugmentPolicy,
    skeleton: Skeleton,
    scene: Scene,
    number: dict[str, tf.Tensor],
    size: tf.Tensor,
    box_padding: float,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Centre and factor of `estimator.geometry.crop_matrix`, or of half of the body."""
    box = scene.boxes[0]
    centre, unit = box[:2] + box[2:] / 2, tf.reduce_min(size / box[2:]) / box_padding
    if policy.half_body == 0:
        return centre, unit
    xy, labelled = scene.keypoints[0, :, :2], scene.keypoints[0, :, 2] > 0
    upper = tf.constant([not _is_lower(name) for name in skeleton.keypoints])
    halves = tf.stack([labelled & ~upper, labelled & upper])  # (2, K)
    counts = tf.reduce_sum(tf.cast(halves, tf.int32), axis=1)
    wanted = tf.cast(number["upper_body"] < policy.upper_body, tf.int32)
    wanted = tf.where(counts[wanted] > 2, wanted, 1 - wanted)
    half = tf.gather(halves, wanted)[:, None]
    total = tf.reduce_sum(tf.cast(labelled, tf.int32))
    low = tf.reduce_min(tf.where(half, xy, xy.dtype.max), axis=0)
    extent = tf.reduce_max(tf.where(half, xy, xy.dtype.min), axis=0) - low
    cut = (
        (number["half_body"] < policy.half_body)
        & (total > policy.half_body_keypoints)
        & (tf.gather(counts, wanted) > 2)
        & tf.reduce_all(extent > 0)
    )
    members = tf.cast(half, tf.float32)
    mean = tf.math.divide_no_nan(tf.reduce_sum(xy * members, 0), tf.reduce_sum(members))
    half_unit = tf.reduce_min(size / tf.maximum(extent, 1e-6)) / _HALF_BODY_MARGIN
    return tf.where(cut, mean, centre), tf.where(cut, half_unit, unit)


def _is_lower(keypoint: str) -> bool:
    return any(part in keypoint for part in _LOWER_BODY)


def _colours(
    policy: AugmentPolicy, number: dict[str, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(3,) gain, contrast and whether to blur."""
    brightness = _value(policy.brightness, number["brightness"], number["brightness_on"], 1.0)
    contrast = _value(policy.contrast, number["contrast"], number["contrast_on"], 1.0)
    blurred = number["blur"] < policy.blur
    if policy.one_colour_change is not None:
        on = number["colour_on"] < policy.one_colour_change
        which = tf.cast(number["colour_which"] * 3, tf.int32)
        brightness = tf.where(on & (which == 0), brightness, 1.0)
        contrast = tf.where(on & (which == 1), contrast, 1.0)
        blurred &= on & (which == 2)
    channels = [
        _value(policy.channel, number[name], number["channel_on"], 1.0)
        for name in ("red", "green", "blue")
    ]
    return tf.stack(channels) * brightness, contrast, blurred
