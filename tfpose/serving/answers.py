"""What an answer says of people: which of them, in which coordinates, and the times it took."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from fastapi import Request

from estimator import Poses
from estimator.outputs import results

from .lanes.batching import Done
from .service import Seen


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a client asked for.

    Attributes:
      min_score: keypoints below it are left out, and people without any; 0..1.
      max_people: the best so many; None for all.
      normalised: coordinates as shares of the picture's width and height, from edge to edge.
    """

    min_score: float = 0.0
    max_people: int | None = None
    normalised: bool = False

    def poses(self, seen: Seen) -> Poses:
        """The people that are answered."""
        poses = sure(seen.poses, self.min_score)
        if self.max_people is None or len(poses) <= self.max_people:
            return poses
        best = np.argsort(-poses.person_score, kind="stable")[: self.max_people]
        return poses.select(np.sort(best))

    def people(self, seen: Seen) -> dict[str, Any]:
        """`schemas.PictureAnswer` of a picture."""
        return people(self.poses(seen), seen.height, seen.width, normalised=self.normalised)


def sure(poses: Poses, min_score: float) -> Poses:
    """Without the keypoints below a score, and without whom nothing is left of."""
    kept = poses.score >= max(min_score, float(np.finfo(np.float32).tiny))  # (N, K)
    poses = replace(
        poses,
        xy=np.where(kept[..., np.newaxis], poses.xy, np.float32(np.nan)),
        score=np.where(kept, poses.score, np.float32(0)),
    )
    return poses.select(np.flatnonzero(kept.any(axis=1)))


def people(poses: Poses, height: int, width: int, *, normalised: bool = False) -> dict[str, Any]:
    """Poses as `schemas.PictureAnswer` says."""
    boxes, digits = poses.boxes.astype(np.float64), 2  # (N, 4)
    if normalised:  # pixel i reaches from i - 0.5 to i + 0.5
        sides, digits = np.array([width, height], np.float64), 6
        boxes = np.concatenate([(boxes[:, :2] + 0.5) / sides, boxes[:, 2:] / sides], axis=1)
    table = results.readable(
        poses, file="", height=height, width=width, model="", normalised=normalised
    )
    rounded = np.round(boxes, digits).tolist()
    rows = [{**row, "box": box} for row, box in zip(table["people"], rounded, strict=True)]
    return {"width": width, "height": height, "people": rows}


def timing(done: Sequence[Done[Any]], request: Request) -> dict[str, float]:
    """Milliseconds as `schemas.Timing` says."""
    seconds = {
        "waited": max(one.waited for one in done),
        "worked": sum(one.took for one in done),
        "total": time.monotonic() - request.state.arrived,
    }
    return {name: round(1000 * value, 2) for name, value in seconds.items()}
