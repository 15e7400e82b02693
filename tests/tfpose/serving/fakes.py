"""A network that finds the people it was told to, and an app around it."""

import base64
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from fastapi import FastAPI

from estimator import ImageSpec, OutputSpec, Poses, PoseSpec, skeletons
from estimator.decoders import paf
from tfpose.serving.app import create_app
from tfpose.serving.settings import Settings

SKELETON = skeletons.get("openpose18")
SPEC = PoseSpec(
    model="fake",
    skeleton=SKELETON,
    image=ImageSpec(height=304, width=400),
    outputs=OutputSpec(),
    decoder=paf.Parameters(),
)
# Somebody upright of stature 200 whose eyes are at 0, 0 (Winter 2009's shares of it).
STANDING = {
    "nose": (0, 4),
    "right_eye": (-4, 0),
    "left_eye": (4, 0),
    "right_ear": (-9, 0),
    "left_ear": (9, 0),
    "neck": (0, 24),
    "right_shoulder": (-26, 24),
    "left_shoulder": (26, 24),
    "right_hip": (-20, 81),
    "left_hip": (20, 81),
    "right_knee": (-20, 130),
    "left_knee": (20, 130),
    "right_ankle": (-20, 179),
    "left_ankle": (20, 179),
}


def people(*found: dict[str, tuple[float, float]]) -> Poses:
    """Poses of these keypoints, all of score 0.9."""
    xy = np.full((len(found), len(SKELETON.keypoints), 2), np.nan, np.float32)
    for person, keypoints in enumerate(found):
        for name, place in keypoints.items():
            xy[person, SKELETON.keypoints.index(name)] = place
    score = np.where(np.isnan(xy[..., 0]), 0, 0.9).astype(np.float32)
    return Poses(
        skeleton=SKELETON, xy=xy, score=score, person_score=np.full(len(found), 0.9, np.float32)
    )


def standing(x: float, y: float, names: Sequence[str] = tuple(STANDING)) -> dict:
    """STANDING with the eyes at x, y; only the keypoints named."""
    return {name: (STANDING[name][0] + x, STANDING[name][1] + y) for name in names}


class FakeNetwork:
    """Takes PoseEstimator's place: gives `poses` after `seconds`, and notes what it was given."""

    engine = "fake"

    def __init__(self, poses: Poses, seconds: float = 0.0) -> None:
        self.poses, self.seconds, self.spec = poses, seconds, SPEC
        self.seen: list[tuple[int, int]] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, picture: np.ndarray, boxes: object = None) -> Poses:
        self.seen.append(picture.shape[:2])
        time.sleep(self.seconds)
        assert self.free.wait(20)
        return self.poses


def fake_app(network: FakeNetwork, **settings: object) -> FastAPI:
    return create_app(
        Settings(**({"models": {"pose": "fake"}, "lanes": 2, "hosts": ("testserver",)} | settings)),
        opener=lambda name, threads: network,
    )


def picture(height: int = 300, width: int = 400, kind: str = ".jpg") -> bytes:
    """An encoded grey ramp."""
    ramp = np.broadcast_to(np.arange(width, dtype=np.uint8)[None, :, None], (height, width, 3))
    return cv2.imencode(kind, ramp)[1].tobytes()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def read(path: Path) -> str:
    return encoded(path.read_bytes())
