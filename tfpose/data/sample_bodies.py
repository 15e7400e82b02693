"""Drawn people with the 26 keypoints of `halpe26`, seen from the front: faces, hands, feet.

They stand, wave and stride at any place and size, upright, before rectangles and noise. A person's
left is on the right of the picture, in mirrored pictures too, so left and right can be learnt.
"""

import random
from collections.abc import Mapping

import cv2
import numpy as np

from estimator import skeletons
from estimator.arrays import Float, UInt8

SKELETON = skeletons.get("halpe26")
HEIGHT, WIDTH = 240, 220  # of a picture
_REACH = 0.44  # of a hand from the middle, a share of the person's height
_SHIFT = 4  # bits of a pixel that cv2 draws with
Point = tuple[float, float]


def body(draw: random.Random) -> tuple[UInt8, Float]:
    """A person, (240, 220, 3) RGB, and the keypoints (26, 3) in pixels, all of them visible."""
    tall = draw.uniform(120, 200)  # head to foot, pixels
    points = _pose(draw)
    left = draw.uniform(_REACH * tall, WIDTH - _REACH * tall)
    top = draw.uniform(10, HEIGHT - 12 - tall)
    placed = {name: (left + tall * x, top + tall * y) for name, (x, y) in points.items()}
    picture = _background(draw)
    _paint(picture, placed, tall, draw)
    rows = [(*placed[name], 2) for name in SKELETON.keypoints]
    return picture, np.array(rows, np.float32)


def _pose(draw: random.Random) -> dict[str, Point]:
    """Keypoints as shares of the person's height, (0, 0) above the middle of the head."""
    lean = draw.uniform(-0.03, 0.03)
    points = {"head": (lean, 0.0), "neck": (0.0, 0.17), "hip": (0.0, 0.51)}
    points["nose"] = (lean + draw.uniform(-0.008, 0.008), 0.085)
    for side, sign in (("left", 1), ("right", -1)):
        points[f"{side}_eye"] = (points["nose"][0] + sign * 0.022, 0.064)
        points[f"{side}_ear"] = (lean + sign * 0.05, 0.078)
        points[f"{side}_shoulder"] = (sign * 0.11, 0.185 + draw.uniform(-0.01, 0.01))
        points[f"{side}_hip"] = (sign * 0.06, 0.515)
        points |= _arm(points[f"{side}_shoulder"], side, sign, draw)
        points |= _leg(points[f"{side}_hip"], side, sign, draw)
    return points


def _arm(shoulder: Point, side: str, sign: int, draw: random.Random) -> dict[str, Point]:
    upper = draw.uniform(0.1, 1.9)  # radians from straight down, outwards
    lower = upper + draw.uniform(-0.4, 1.2)
    elbow = _along(shoulder, sign * upper, 0.16)
    return {f"{side}_elbow": elbow, f"{side}_wrist": _along(elbow, sign * lower, 0.15)}


def _leg(hip: Point, side: str, sign: int, draw: random.Random) -> dict[str, Point]:
    upper = draw.uniform(0.0, 0.45)
    knee = _along(hip, sign * upper, 0.23)
    ankle = _along(knee, sign * (upper - draw.uniform(0.0, 0.4)), 0.21)
    x, y = ankle
    return {
        f"{side}_knee": knee,
        f"{side}_ankle": ankle,
        f"{side}_heel": (x - sign * 0.012, y + 0.025),
        f"{side}_big_toe": (x + sign * 0.03, y + 0.05),
        f"{side}_small_toe": (x + sign * 0.065, y + 0.035),
    }


def _along(start: Point, angle: float, length: float) -> Point:
    return start[0] + length * float(np.sin(angle)), start[1] + length * float(np.cos(angle))


def _background(draw: random.Random) -> UInt8:
    picture = np.full((HEIGHT, WIDTH, 3), [draw.randrange(70, 200) for _ in range(3)], np.uint8)
    for _ in range(draw.randrange(2, 7)):
        corner = draw.randrange(WIDTH), draw.randrange(HEIGHT)
        other = corner[0] + draw.randrange(20, 90), corner[1] + draw.randrange(20, 120)
        colour = tuple(draw.randrange(70, 200) for _ in range(3))
        cv2.rectangle(picture, corner, other, colour, -1)
    noise = np.random.default_rng(draw.randrange(2**32)).normal(0, 8, picture.shape)
    return np.asarray((picture + noise).clip(0, 255), np.uint8)


def _paint(picture: UInt8, points: Mapping[str, Point], tall: float, draw: random.Random) -> None:
    skin = (draw.randrange(150, 240), draw.randrange(110, 180), draw.randrange(80, 140))
    shirt, trousers = ([draw.randrange(0, 255) for _ in range(3)] for _ in range(2))

    def line(names: tuple[str, ...], colour: tuple[int, ...] | list[int], width: float) -> None:
        corners = np.array([points[name] for name in names]) * 2**_SHIFT
        thick = max(1, round(width * tall))
        cv2.polylines(
            picture, [corners.round().astype(np.int32)], False, colour, thick, cv2.LINE_AA, _SHIFT
        )

    def dot(name: str, colour: tuple[int, ...], radius: float) -> None:
        x, y = (round(value * 2**_SHIFT) for value in points[name])
        cv2.circle(
            picture, (x, y), round(radius * tall * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT
        )

    for side in ("left", "right"):
        line((f"{side}_hip", f"{side}_knee", f"{side}_ankle"), trousers, 0.06)
        line((f"{side}_ankle", f"{side}_heel", f"{side}_big_toe"), (40, 30, 30), 0.022)
        line((f"{side}_ankle", f"{side}_small_toe", f"{side}_big_toe"), (40, 30, 30), 0.022)
    trunk = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
    cv2.fillPoly(
        picture, [np.array([points[name] for name in trunk]).round().astype(np.int32)], shirt
    )
    for side in ("left", "right"):
        line((f"{side}_shoulder", f"{side}_elbow"), shirt, 0.05)
        line((f"{side}_elbow", f"{side}_wrist"), skin, 0.035)
        dot(f"{side}_wrist", skin, 0.024)
    line(("neck", "nose"), skin, 0.05)
    _face(picture, points, tall, skin)
    for side in ("left", "right"):
        dot(f"{side}_ear", skin, 0.015)
        dot(f"{side}_eye", (30, 30, 60), 0.009)
    dot("nose", (190, 60, 50), 0.009)


def _face(picture: UInt8, points: Mapping[str, Point], tall: float, skin: tuple[int, ...]) -> None:
    """An oval from the top of the head to the chin, and hair on its top."""
    x, top = points["head"]
    centre = round(x), round(top + 0.075 * tall)
    axes = round(0.05 * tall), round(0.075 * tall)
    cv2.ellipse(picture, centre, axes, 0, 0, 360, skin, -1, cv2.LINE_AA)
    cv2.ellipse(picture, centre, axes, 0, 205, 335, (60, 40, 20), -1, cv2.LINE_AA)
