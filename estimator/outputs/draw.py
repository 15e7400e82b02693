"""Draws poses, heatmaps and part affinity fields on a picture."""

import colorsys
import functools
import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ..arrays import Float, UInt8
from ..inputs import preprocess
from ..poses import Poses
from ..skeleton import Skeleton

COLOURS = ("side", "person")  # what the colour of a limb shows
_LEFT, _RIGHT, _MIDDLE = (255, 149, 0), (0, 170, 255), (240, 240, 240)  # RGB; also colour-blind
_OUTLINE = (20, 20, 20)
_SHIFT = 4  # OpenCV draws at sixteenths of a pixel
# Keypoints that lie close together are drawn thinner: ends or parts of names, and factors on the
# width of a limb. The 68 of a face and the 21 of a hand are one after the other.
_FACE = ("nose", "eye", "ear")
_FINE = ((_FACE, 0.6), (("toe", "heel"), 0.6))
_LANDMARK, _HAND = 0.15, 0.35
_FINGERS = ("hand_root", "thumb", "finger")
_GOLDEN_TURN = 0.618034  # of the hue circle, so that consecutive people differ most

Colour = tuple[int, int, int]


def skeletons(
    picture: UInt8,
    poses: Poses,
    *,
    min_score: float = 0.0,
    colour_by: str = "side",
    scores: bool = False,
    boxes: bool = False,
    names: Mapping[int, str] | None = None,
) -> UInt8:
    """Draws limbs and keypoints; the thickness follows the size of the picture and the person.

    People with an identity are labelled with it.

    Args:
      picture: (H, W, 3) uint8, RGB.
      poses: in pixels of the picture.
      min_score: keypoints of a lower score, and their limbs, are left out.
      colour_by: "side" (left orange, right blue, middle white) or "person": one colour per
        identity, or per index without identities.
      scores: write the score of each person above them.
      boxes: draw a box around each person's keypoints.
      names: labels by identity; the label of others is #1, #2, ...

    Returns:
      A new picture, (H, W, 3) uint8, RGB.

    Raises:
      ValueError: not (H, W, 3) uint8, or an unknown `colour_by`.
    """
    _check(picture, colour_by)
    canvas = np.ascontiguousarray(picture).copy()
    labels = []
    for person in reversed(range(len(poses))):  # the best on top
        shown = poses.score[person] >= max(min_score, np.finfo(np.float32).tiny)
        if not shown.any():
            continue
        identity = person if poses.identity is None else int(poses.identity[person])
        colours = _colours(poses.skeleton, colour_by, identity)
        xy = poses.xy[person]
        thickness = _thickness(picture.shape, xy[shown])
        _draw_person(canvas, poses.skeleton, xy, shown, colours, thickness)
        if boxes:
            colour = _person_colour(identity) if colour_by == "person" else _MIDDLE
            _draw_box(canvas, xy[shown], colour, thickness)
        labels.append((_label(poses, person, names or {}, scores=scores), xy[shown], thickness))
    for text, places, thickness in labels:  # after all people, so that no limb covers one
        if text:
            _write_label(canvas, text, places, thickness, above_box=boxes)
    return canvas


def _check(picture: UInt8, colour_by: str) -> None:
    preprocess.check_picture(picture)
    if colour_by not in COLOURS:
        raise ValueError(f"colour_by must be one of {COLOURS}, found {colour_by!r}")


def _label(poses: Poses, person: int, names: Mapping[int, str], *, scores: bool) -> str:
    """The name and the score of a person, as far as there are any to write."""
    parts = []
    if poses.identity is not None:
        identity = int(poses.identity[person])
        parts.append(names.get(identity, f"#{identity}"))
    if scores:
        parts.append(f"{poses.person_score[person]:.2f}")
    return " ".join(parts)


def heatmap(
    picture: UInt8,
    heatmaps: Float,
    matrix: npt.NDArray[np.floating],
    *,
    keypoints: int,
    stride: int,
    strength: float = 0.6,
) -> UInt8:
    """Blends the maximum of the heatmaps into a picture.

    Args:
      picture: (H, W, 3) uint8, RGB.
      heatmaps: (h, w, C), of which the first `keypoints` channels are shown.
      matrix: (2, 3), letterbox from picture to the network's input.
      keypoints: K; a background channel after them is left out.
      stride: input pixels per cell.
      strength: share of the heatmap's colour at a value of 1, 0..1.

    Returns:
      A new picture, (H, W, 3) uint8, RGB.
    """
    preprocess.check_picture(picture)
    heat = np.clip(heatmaps[..., :keypoints].max(axis=2), 0, 1)  # (h, w)
    heat = _on_picture(heat, matrix, stride, picture.shape[0], picture.shape[1])  # (H, W)
    colours = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    colours = cv2.cvtColor(colours, cv2.COLOR_BGR2RGB)
    share = np.float32(strength) * np.sqrt(heat)
    return np.asarray(cv2.blendLinear(picture, colours, 1 - share, share))


def fields(
    picture: UInt8,
    pafs: Float,
    matrix: npt.NDArray[np.floating],
    *,
    stride: int,
    strength: float = 0.8,
) -> UInt8:
    """Blends the longest field vector of every cell into a picture; the hue is its direction.

    Args:
      picture: (H, W, 3) uint8, RGB.
      pafs: (h, w, 2L), x before y.
      matrix: (2, 3), letterbox from picture to the network's input.
      stride: input pixels per cell.
      strength: share of the field's colour at a length of 1, 0..1.

    Returns:
      A new picture, (H, W, 3) uint8, RGB. Right is red, down green-yellow, left cyan, up violet.
    """
    preprocess.check_picture(picture)
    vectors = pafs.reshape(*pafs.shape[:2], -1, 2)  # (h, w, L, 2)
    strongest = np.square(vectors).sum(axis=3).argmax(axis=2)[..., np.newaxis, np.newaxis]
    vector = np.take_along_axis(vectors, strongest, axis=2)[:, :, 0]  # (h, w, 2)
    vector = _on_picture(vector, matrix, stride, picture.shape[0], picture.shape[1])  # (H, W, 2)
    length, turn = cv2.cartToPolar(vector[..., 0], vector[..., 1], angleInDegrees=True)
    bright = np.full_like(turn, 255)
    hsv = np.stack([turn / 2, bright, bright], axis=2).astype(np.uint8)  # OpenCV's hue ends at 180
    colours = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    share = np.float32(strength) * np.minimum(length, 1)
    return np.asarray(cv2.blendLinear(picture, colours, 1 - share, share))


def beside(picture: UInt8, drawn: UInt8) -> UInt8:
    """Two pictures of equal size, (H, W, 3) uint8, side by side: (H, 2 W, 3)."""
    if picture.shape != drawn.shape:
        raise ValueError(
            f"both pictures must have the same size, found {picture.shape} and {drawn.shape}"
        )
    return np.concatenate([picture, drawn], axis=1)


def _on_picture(
    heat: Float, matrix: npt.NDArray[np.floating], stride: int, height: int, width: int
) -> Float:
    """Resamples a map onto the picture: enlarged to the input, cropped, resized."""
    cells_high, cells_wide = heat.shape[:2]
    size = (cells_wide * stride, cells_high * stride)
    enlarged = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)
    factor_x, factor_y = matrix[0, 0], matrix[1, 1]
    left = round(matrix[0, 2] - (factor_x - 1) / 2)
    top = round(matrix[1, 2] - (factor_y - 1) / 2)
    bottom = top + max(1, round(height * factor_y))
    right = left + max(1, round(width * factor_x))
    inner = enlarged[top:bottom, left:right]
    return np.asarray(cv2.resize(inner, (width, height), interpolation=cv2.INTER_LINEAR))


def _thickness(shape: Sequence[int], xy: Float) -> float:
    """The width of a limb in pixels: from the person's extent, bounded by that of the picture."""
    picture = math.sqrt(shape[0] * shape[1])
    extent = float(np.max(xy.max(axis=0) - xy.min(axis=0)))
    return max(1.0, min(max(extent / 45, picture / 400), picture / 90))


def _colours(skeleton: Skeleton, colour_by: str, person: int) -> list[Colour]:
    """One colour per keypoint."""
    if colour_by == "person":
        return [_person_colour(person)] * len(skeleton.keypoints)
    sides = {"left": _LEFT, "right": _RIGHT}
    return [sides.get(name.partition("_")[0], _MIDDLE) for name in skeleton.keypoints]


def _person_colour(person: int) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(person * _GOLDEN_TURN % 1, 0.75, 1.0)
    return int(red * 255), int(green * 255), int(blue * 255)


def _draw_box(canvas: UInt8, xy: Float, colour: Colour, thickness: float) -> None:
    """Draws an outlined box with a margin around the keypoints."""
    low, high = _box(xy, thickness)
    for shade, width in ((_OUTLINE, thickness * 0.9), (colour, thickness * 0.4)):
        cv2.rectangle(canvas, low, high, shade, max(1, round(width)), cv2.LINE_AA)


def _box(xy: Float, thickness: float) -> tuple[tuple[int, int], tuple[int, int]]:
    left, top = np.round(xy.min(axis=0) - 3 * thickness).astype(int).tolist()
    right, bottom = np.round(xy.max(axis=0) + 3 * thickness).astype(int).tolist()
    return (left, top), (right, bottom)


def _draw_person(
    canvas: UInt8,
    skeleton: Skeleton,
    xy: Float,
    shown: npt.NDArray[np.bool_],
    colours: Sequence[Colour],
    thickness: float,
) -> None:
    """Draws outlines first, so that none covers a limb; a limb has the colour of its side."""
    places = xy.tolist()  # Python numbers are faster than numpy's for so few
    limbs = [(start, end) for start, end in skeleton.drawn_limbs if shown[start] and shown[end]]
    keypoints = np.flatnonzero(shown).tolist()
    factors = [_fineness(name) for name in skeleton.keypoints]
    thick = [max(1.0, thickness * factor) for factor in factors]
    rims = [max(1.0, thickness / 3) * (factor if factor < 0.5 else 1) for factor in factors]
    for start, end in limbs:
        width = min(thick[start], thick[end]) + 2 * min(rims[start], rims[end])
        _line(canvas, places[start], places[end], _OUTLINE, width)
    for index in keypoints:
        _dot(canvas, places[index], _OUTLINE, thick[index] * 0.9 + rims[index])
    for start, end in limbs:
        sided = end if colours[start] == _MIDDLE else start
        _line(canvas, places[start], places[end], colours[sided], min(thick[start], thick[end]))
    for index in keypoints:
        _dot(canvas, places[index], colours[index], thick[index] * 0.9)


@functools.cache
def _fineness(name: str) -> float:
    """How thin a keypoint and its limbs are drawn, as a share of a limb's width."""
    if name.startswith("face_"):
        return _LANDMARK
    if any(part in name for part in _FINGERS):
        return _HAND
    return next((factor for ends, factor in _FINE if name.endswith(ends)), 1.0)


def _line(
    canvas: UInt8,
    start: Sequence[float],
    end: Sequence[float],
    colour: Colour,
    thickness: float,
) -> None:
    """Draws an anti-aliased limb with square ends; OpenCV's lines have integer widths."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    half = thickness / 2 / max(math.hypot(along_x, along_y), 1e-6)
    x, y = -along_y * half, along_x * half  # across the limb
    corners = [
        (start[0] + x, start[1] + y),
        (end[0] + x, end[1] + y),
        (end[0] - x, end[1] - y),
        (start[0] - x, start[1] - y),
    ]
    fixed = np.array([(_fixed(x), _fixed(y)) for x, y in corners], np.int32)
    cv2.fillConvexPoly(canvas, fixed, colour, cv2.LINE_AA, _SHIFT)


def _dot(canvas: UInt8, centre: Sequence[float], colour: Colour, radius: float) -> None:
    x, y = centre
    cv2.circle(canvas, (_fixed(x), _fixed(y)), _fixed(radius), colour, -1, cv2.LINE_AA, _SHIFT)


def _fixed(length: float) -> int:
    """A length in sixteenths of a pixel."""
    return round(length * (1 << _SHIFT))


def _write_label(canvas: UInt8, text: str, xy: Float, thickness: float, *, above_box: bool) -> None:
    """Writes a label above the highest keypoint or the box, inside the picture.

    It has a dark background instead of outlined letters, since the fonts of OpenCV 4 and 5 differ.
    """
    scale = max(0.35, thickness / 6)
    weight = max(1, round(scale))
    (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, weight)
    rim = max(1, round(high / 5))
    x, y = xy[xy[:, 1].argmin()].tolist()
    (left, top), _ = _box(xy, thickness)
    if not above_box:
        left, top = round(x - wide / 2), round(y - 3 * thickness)
    left = min(max(0, left), max(0, canvas.shape[1] - wide - 2 * rim))
    top = max(0, top - high - below - 2 * rim)
    corner = (left + wide + 2 * rim, top + high + below + 2 * rim)
    cv2.rectangle(canvas, (left, top), corner, _OUTLINE, -1)
    place = (left + rim, top + rim + high)
    cv2.putText(
        canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), weight, cv2.LINE_AA
    )
