"""Contact sheets: tiled pictures with their people drawn, for inspection.

Left is orange, right is blue, the middle is white; an occluded keypoint is a ring.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from estimator import files
from estimator.arrays import Float, UInt8
from estimator.skeleton import Skeleton

LEFT, RIGHT, MIDDLE = (40, 150, 255), (255, 130, 30), (255, 255, 255)  # BGR
HOLE = (0, 0, 0)
IGNORED = (60, 60, 200)  # BGR, over regions that the loss ignores
CAPTION, INDENT = 18, 3  # height and left margin of a caption's line, pixels
LINES = 4  # of a caption
FONT, FONT_SIZE = cv2.FONT_HERSHEY_PLAIN, 0.8
SUBPIXEL = 4  # bits of a coordinate's fraction, for cv2


def draw_people(
    picture: UInt8, keypoints: Float, skeleton: Skeleton, *, thickness: int = 2
) -> UInt8:
    """Draws keypoints (P, K, 3) and limbs on a copy of a BGR picture (H, W, 3)."""
    drawn = picture.copy()
    for person in keypoints:
        seen = (person[:, 2] > 0) & np.isfinite(person).all(axis=1)
        spots = [_point(x, y) for x, y in np.nan_to_num(person[:, :2]).clip(-1e5, 1e5)]
        for start, end in skeleton.drawn_limbs:
            if seen[start] and seen[end]:
                colour = _colour(skeleton, start, end)
                _line(drawn, spots[start], spots[end], colour, thickness)
        for index in np.flatnonzero(seen):
            radius = (thickness + 1) << SUBPIXEL
            colour = _colour(skeleton, int(index), int(index))
            cv2.circle(drawn, spots[index], radius, colour, -1, cv2.LINE_AA, SUBPIXEL)
            if person[index, 2] == 1:
                cv2.circle(drawn, spots[index], radius // 2, HOLE, -1, cv2.LINE_AA, SUBPIXEL)
    return drawn


def draw_box(picture: UInt8, corners: Float, *, thickness: int = 1) -> UInt8:
    """Draws a box (left, top, right, bottom) on a copy of a BGR picture."""
    drawn = picture.copy()
    start, end = _point(*corners[:2]), _point(*corners[2:])
    cv2.rectangle(drawn, start, end, MIDDLE, thickness, cv2.LINE_AA, SUBPIXEL)
    return drawn


def cut(picture: UInt8, corners: Float, margin: float) -> UInt8:
    """Cuts out (left, top, right, bottom) with a margin, a share of the longer side."""
    height, width = picture.shape[:2]
    reach = margin * max(float((corners[2:] - corners[:2]).max()), 8.0)
    left, top = np.clip(corners[:2] - reach, 0, (width - 2, height - 2)).astype(int)
    right, bottom = np.clip(corners[2:] + reach, (left + 2, top + 2), (width, height)).astype(int)
    return picture[top:bottom, left:right]


def shade(picture: UInt8, mask: UInt8) -> UInt8:
    """Tints a copy of a BGR picture red where the mask (H, W) is not 0."""
    shaded = picture.copy()
    here = mask > 0
    shaded[here] = (0.5 * shaded[here] + 0.5 * np.array(IGNORED)).astype(np.uint8)
    return shaded


def fit(picture: UInt8, height: int, width: int, caption: str = "") -> UInt8:
    """Fits a BGR picture into a tile of that size, above a text of as many lines as it needs."""
    lines = wrapped(caption, width - 2 * INDENT)
    room = height - CAPTION * len(lines)
    factor = min(room / picture.shape[0], width / picture.shape[1])
    inner_height = max(1, round(picture.shape[0] * factor))
    inner_width = max(1, round(picture.shape[1] * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    tile = np.full((height, width, 3), 32, np.uint8)
    left = (width - inner_width) // 2
    tile[:inner_height, left : left + inner_width] = cv2.resize(
        picture, (inner_width, inner_height), interpolation=method
    )
    for number, line in enumerate(lines):
        spot = (INDENT, room + CAPTION * (number + 1) - 5)
        cv2.putText(tile, line, spot, FONT, FONT_SIZE, MIDDLE, 1, cv2.LINE_AA)
    return tile


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` pixels, broken at blanks; a longer word stays whole.

    There is one line at least, and four at most, the last of which ends in "..." if more follow.
    """
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if not lines[-1] or cv2.getTextSize(longer, FONT, FONT_SIZE, 1)[0][0] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], lines[LINES - 1] + " ..."]
    return lines


def tile(tiles: Sequence[UInt8], columns: int) -> UInt8:
    """Joins tiles of one size, (H, W, 3) each, row by row."""
    blank = np.zeros_like(tiles[0])
    missing = -len(tiles) % columns
    rows = np.stack([*tiles, *[blank] * missing])
    rows = rows.reshape(-1, columns, *tiles[0].shape).transpose(0, 2, 1, 3, 4)
    return rows.reshape(rows.shape[0] * rows.shape[1], -1, 3)


def write(path: Path, sheet: UInt8) -> None:
    """Writes a BGR sheet.

    Raises:
      ValueError: cv2 cannot write that kind of file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written, encoded = cv2.imencode(path.suffix or ".png", sheet)
    if not written:
        raise ValueError(f"cannot write a picture as {path}: call it .png")
    files.write(path, encoded.tobytes())


def decode(picture: bytes) -> UInt8:
    """Decodes a picture to (H, W, 3) BGR, with its pixels as stored (no EXIF rotation)."""
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), flags)
    if image is None:
        raise ValueError("not a picture that cv2 reads")
    return np.asarray(image, np.uint8)


def _colour(skeleton: Skeleton, start: int, end: int) -> tuple[int, int, int]:
    names = (skeleton.keypoints[start], skeleton.keypoints[end])
    if any(name.startswith("left") for name in names):
        return MIDDLE if any(name.startswith("right") for name in names) else LEFT
    return RIGHT if any(name.startswith("right") for name in names) else MIDDLE


def _point(x: float, y: float) -> tuple[int, int]:
    return round(x * (1 << SUBPIXEL)), round(y * (1 << SUBPIXEL))


def _line(
    picture: UInt8,
    start: tuple[int, int],
    end: tuple[int, int],
    colour: tuple[int, int, int],
    thickness: int,
) -> None:
    cv2.line(picture, start, end, colour, thickness, cv2.LINE_AA, SUBPIXEL)
