"""The pictures that cost most: which people were missed, and drawings to see why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from estimator import draw, pictures, writers
from estimator.arrays import UInt8
from estimator.poses import Poses

from .coco_json import KEYPOINT_SHIFT
from .evaluate import Report
from .picture_files import Pictures

LEAST = 0.5  # an answer below this OKS to everybody is wrong


@dataclass(frozen=True, kw_only=True)
class PictureCost:
    """What one picture did to the figures.

    Attributes:
      image_id: of the picture.
      file: its name.
      people: how many count.
      missed: people, each counted by the share of OKS thresholds at which nobody was found there;
        the sum over all pictures is what recall lacks.
      wrong: answers that are nobody, at OKS 0.5.
    """

    image_id: int
    file: str
    people: int
    missed: float
    wrong: int


def costs(report: Report) -> list[PictureCost]:
    """Every picture of an evaluation, the costliest first: by people missed, then wrong answers."""
    matches = report.evaluation.matches[0]  # of all areas
    count = len(report.image_ids)
    least = int(np.argmin(np.abs(report.evaluation.thresholds - LEAST)))
    found = np.bincount(matches.picture, weights=matches.hit.mean(axis=0), minlength=count)
    wrong = ~matches.hit[least] & ~matches.ignored[least]
    wrongs = np.bincount(matches.picture, weights=wrong, minlength=count)
    listed = [
        PictureCost(
            image_id=image_id,
            file=str(report.truth.images[image_id]["file_name"]),
            people=int(matches.people[index]),
            missed=round(float(matches.people[index] - found[index]), 6),
            wrong=int(wrongs[index]),
        )
        for index, image_id in enumerate(report.image_ids)
    ]
    return sorted(listed, key=lambda cost: (-cost.missed, -cost.wrong, cost.image_id))


def draw_costs(
    report: Report, images: Pictures, worst: Iterable[PictureCost], folder: Path
) -> list[Path]:
    """Draws the truth, left, beside the answers, right; one file a picture, the rank in its name.

    Args:
      report: of the evaluation.
      images: where the pictures lie.
      worst: which to draw, in order.
      folder: is made if there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for rank, cost in enumerate(worst, start=1):
        picture = pictures.read(images.read(cost.file))
        results = [result for result in report.results if result["image_id"] == cost.image_id]
        sides = (
            draw.skeletons(picture, report.truth.poses(cost.image_id)),
            draw.skeletons(picture, _poses(report, results), scores=True),
        )
        path = folder / f"{rank:03d}_{Path(cost.file).stem}.jpg"
        writers.write_picture(path, _side_by_side(sides))
        written.append(path)
    return written


def _side_by_side(sides: Sequence[UInt8]) -> UInt8:
    gap = np.full((sides[0].shape[0], 8, 3), 255, np.uint8)
    return np.asarray(cv2.hconcat([sides[0], gap, sides[1]]))


def _poses(report: Report, results: Sequence[Mapping[str, Any]]) -> Poses:
    """COCO results as people, best first."""
    ranked = sorted(results, key=lambda result: -result["score"])
    skeleton = report.truth.skeleton
    flat = [result["keypoints"] for result in ranked]
    keypoints = np.reshape(flat, (len(flat), len(skeleton.keypoints), 3)).astype(np.float32)
    found = keypoints[..., 2:] > 0
    return Poses(
        skeleton=skeleton,
        xy=np.where(found, keypoints[..., :2] + np.float32(KEYPOINT_SHIFT), np.float32(np.nan)),
        score=keypoints[..., 2],
        person_score=np.array([result["score"] for result in ranked], np.float32),
    )
