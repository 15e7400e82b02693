"""Made people who walk: the same body moved sideways, with noise and with frames unseen."""

import numpy as np

from estimator import skeletons
from estimator.poses import Poses

SKELETON = skeletons.get("openpose18")
RATE = 30.0  # frames a second
HEIGHT, WIDTH = 300.0, 110.0  # pixels of the person
SIZE = float(np.sqrt(HEIGHT * WIDTH))

# Standing, seen from the front: x and y as shares of width and height, by OpenPose's order.
BODY = np.array(
    [
        *((0.50, 0.06), (0.50, 0.18), (0.20, 0.19), (0.08, 0.36), (0.00, 0.52)),
        *((0.80, 0.19), (0.92, 0.36), (1.00, 0.52), (0.33, 0.52), (0.32, 0.76), (0.30, 1.00)),
        *((0.67, 0.52), (0.68, 0.76), (0.70, 1.00), (0.45, 0.03), (0.55, 0.03)),
        *((0.38, 0.05), (0.62, 0.05)),
    ]
) * (WIDTH, HEIGHT)


def person(x: float, y: float = 100.0) -> np.ndarray:
    """(18, 2): somebody whose left edge is at x."""
    return np.add(BODY, (x, y))


def frame(people: list[np.ndarray], score: list[float] | None = None) -> Poses:
    """One frame's people; NaN is not found."""
    xy = np.array(people, np.float32).reshape(-1, len(BODY), 2)
    return Poses(
        skeleton=SKELETON,
        xy=xy,
        score=np.where(np.isnan(xy[..., 0]), 0, 1).astype(np.float32),
        person_score=np.array(score or [1.0] * len(xy), np.float32),
    )
