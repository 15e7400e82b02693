"""Poses and heatmaps on a picture."""

import colorsys
import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from . import preprocess
from .arrays import Float, UInt8
from .poses import Poses
from .skeleton import Skeleton

COLOURS = ("side", "person")  # what a limb's colour tells
_LEFT, _RIGHT, _MIDDLE = (255, 149, 0), (0, 170, 255), (240, 240, 240)  # RGB; also colour-blind
_OUTLINE = (20, 20, 20)
_SHIFT = 4  # OpenCV draws at sixteenths of a pixel
_FACE = ("nose", "eye", "ear")  # close together: drawn finer
_GOLDEN_TURN = 0.618034  # of the hue circle: neighbours in the list differ most

Colour = tuple[int, int, int]


def skeletons(
    picture: UInt8,
    poses: Poses,
    *,
    min_score: float = 0.0,
    colour_by: str = "side",
    scores: bool = False,
) -> UInt8:
    """Draws people's limbs and keypoints, as thick as the picture and the person are large.

    Args:
      picture: (H, W, 3) uint8, RGB.
      poses: in pixels of the picture.
      min_score: keypoints below it, and limbs at them, are left out.
      colour_by: "side" (left orange, right blue, middle white) or "person".
      scores: write each person's score above them.

    Returns:
      A new picture, (H, W, 3) uint8, RGB.

    Raises:
      ValueError: not (H, W, 3) uint8, or an unknown `colour_by`.
    """
    preprocess.check_picture(picture)
    if colour_by not in COLOURS:
        raise ValueError(f"colour_by must be one of {COLOURS}, found {colour_by!r}")
    canvas = np.ascontiguousarray(picture).copy()
    for person in reversed(range(len(poses))):  # the best on top
        shown = poses.score[person] >= max(min_score, np.finfo(np.float32).tiny)
        if not shown.any():
            continue
        colours = _colours(poses.skeleton, colour_by, person)
        xy = poses.xy[person]
        thickness = _thickness(picture.shape, xy[shown])
        _draw_person(canvas, poses.skeleton, xy, shown, colours, thickness)
        if scores:
            _write_score(canvas, float(poses.person_score[person]), xy[shown], thickness)
    return canvas


def heatmap(
    picture: UInt8,
    heatmaps: Float,
    matrix: npt.NDArray[np.floating],
    *,
    keypoints: int,
    stride: int,
    strength: float = 0.6,
) -> UInt8:
    """Lays the strongest keypoint's heat of every place over a picture.

    Args:
      picture: (H, W, 3) uint8, RGB.
      heatmaps: (h, w, C), of which the first `keypoints` channels are shown.
      matrix: (2, 3), letterbox from picture to the network's input.
      keypoints: K; a background channel behind them is left out.
      stride: input pixels a cell.
      strength: share of the heat's colour where it is hottest, 0..1.

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


def _on_picture(
    heat: Float, matrix: npt.NDArray[np.floating], stride: int, height: int, width: int
) -> Float:
    """A map laid onto the picture: enlarged to the input, cut to the letterbox, resized."""
    cells_high, cells_wide = heat.shape
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
    """A limb's width in pixels: from the person's extent, within bounds from the picture's."""
    picture = math.sqrt(shape[0] * shape[1])
    extent = float(np.max(xy.max(axis=0) - xy.min(axis=0)))
    return max(1.0, min(max(extent / 45, picture / 400), picture / 90))


def _colours(skeleton: Skeleton, colour_by: str, person: int) -> list[Colour]:
    """A colour a keypoint."""
    if colour_by == "person":
        red, green, blue = colorsys.hsv_to_rgb(person * _GOLDEN_TURN % 1, 0.75, 1.0)
        return [(int(red * 255), int(green * 255), int(blue * 255))] * len(skeleton.keypoints)
    sides = {"left": _LEFT, "right": _RIGHT}
    return [sides.get(name.partition("_")[0], _MIDDLE) for name in skeleton.keypoints]


def _draw_person(
    canvas: UInt8,
    skeleton: Skeleton,
    xy: Float,
    shown: npt.NDArray[np.bool_],
    colours: Sequence[Colour],
    thickness: float,
) -> None:
    """Outlines first, so that no outline crosses a limb; a limb has the colour of its far end."""
    limbs = [(start, end) for start, end in skeleton.drawn_limbs if shown[start] and shown[end]]
    keypoints = np.flatnonzero(shown).tolist()
    thick = [
        max(1.0, thickness * (0.6 if name.endswith(_FACE) else 1)) for name in skeleton.keypoints
    ]
    rim = max(1.0, thickness / 3)
    for start, end in limbs:
        _line(canvas, xy[start], xy[end], _OUTLINE, min(thick[start], thick[end]) + 2 * rim)
    for index in keypoints:
        _dot(canvas, xy[index], _OUTLINE, thick[index] * 0.9 + rim)
    for start, end in limbs:
        sided = end if colours[start] == _MIDDLE else start
        _line(canvas, xy[start], xy[end], colours[sided], min(thick[start], thick[end]))
    for index in keypoints:
        _dot(canvas, xy[index], colours[index], thick[index] * 0.9)


def _line(canvas: UInt8, start: Float, end: Float, colour: Colour, thickness: float) -> None:
    """An anti-aliased limb with square ends; OpenCV's own lines are whole pixels thick."""
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
    across = np.array([-along[1], along[0]], np.float32) * np.float32(thickness / 2)
    corners = np.stack([start + across, end + across, end - across, start - across])
    fixed = np.round(corners * (1 << _SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(canvas, fixed, colour, cv2.LINE_AA, _SHIFT)


def _dot(canvas: UInt8, centre: Float, colour: Colour, radius: float) -> None:
    x, y = np.round(centre * (1 << _SHIFT)).astype(int).tolist()
    cv2.circle(canvas, (x, y), round(radius * (1 << _SHIFT)), colour, -1, cv2.LINE_AA, _SHIFT)


def _write_score(canvas: UInt8, score: float, xy: Float, thickness: float) -> None:
    """Above the highest keypoint, or below the picture's edge where there is no room."""
    scale = max(0.35, thickness / 5)
    x, y = xy[xy[:, 1].argmin()].tolist()
    text = f"{score:.2f}"
    wide, high = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0]
    place = (max(0, round(x - wide / 2)), max(high + 2, round(y - 4 * thickness)))
    for colour, weight in ((_OUTLINE, 4), ((255, 255, 255), 1)):
        width = max(1, round(weight * scale))
        cv2.putText(
            canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, width, cv2.LINE_AA
        )
