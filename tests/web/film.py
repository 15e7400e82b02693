"""A film for Chromium's made camera: a photograph that moves, as concatenated JPEGs."""

import math
from pathlib import Path

import cv2
import numpy as np

from estimator import pictures

HEIGHT, WIDTH, FRAMES = 480, 640, 60


def write(path: Path) -> None:
    """Writes 60 frames of the sample photograph, which swings and breathes; the loop is closed."""
    photo = cv2.imread(str(pictures.SAMPLE))
    assert photo is not None
    height, width = photo.shape[:2]
    parts = []
    for frame in range(FRAMES):
        turn = 2 * math.pi * frame / FRAMES
        scale = min(HEIGHT / height, WIDTH / width) * (0.95 + 0.05 * math.cos(turn))
        x = (WIDTH - width * scale) / 2 + 30 * math.sin(turn)
        y = (HEIGHT - height * scale) / 2 + 8 * math.sin(2 * turn)
        moved = cv2.warpAffine(photo, np.array([[scale, 0, x], [0, scale, y]]), (WIDTH, HEIGHT))
        parts.append(cv2.imencode(".jpg", moved)[1].tobytes())
    path.write_bytes(b"".join(parts))
