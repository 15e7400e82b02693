"""The pictures that lower the figures most: missed people, wrong answers, and drawings of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from estimator import pictures
from estimator.arrays import UInt8
from estimator.outputs import draw, results
from estimator.poses import Poses

from ..data.annotations import KEYPOINT_SHIFT
from ..data.annotations.labels import ImageId
from ..data.picture_files import Pictures
from .evaluate import Report

LEAST = 0.5  # an answer whose OKS to everybody is lower is wrong


@dataclass(frozen=True, kw_only=True)
class PictureCost:
    """One picture's effect on the figures.

    Attributes:
      image_id: of the picture.
      file: its name.
      people: number of people who count.
      missed: sum over the people of the share of OKS thresholds at which they were not found; its
        sum over all pictures is the missing part of the recall.
      wrong: number of answers that match nobody at OKS 0.5.
    """

    image_id: ImageId
    file: str
    people: int
    missed: float
    wrong: int


def costs(report: Report) -> list[PictureCost]:
    """The cost of every picture, the largest first: by missed people, then by wrong answers."""
    matches = report.evaluation.matches[0]  # of all areas
    count = len(report.image_ids)
    least = int(np.argmin(np.abs(report.evaluation.thresholds - LEAST)))
    found = np.bincount(matches.picture, weights=matches.hit.mean(axis=0), minlength=count)
    wrong = ~matches.hit[least] & ~matches.ignored[least]
    wrongs = np.bincount(matches.picture, weights=wrong, minlength=count)
    listed = [
        PictureCost(
            image_id=image_id,
            file=report.truth.images[image_id].file_name,
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
    """Draws the truth, left, beside the answers, right, in one file per picture, named by rank.

    Args:
      report: of the evaluation.
      images: folders and zips of the pictures.
      worst: the pictures to draw, in order.
      folder: created where it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for rank, cost in enumerate(worst, start=1):
        picture = pictures.read(images.read(cost.file))
        answers = [result for result in report.results if result["image_id"] == cost.image_id]
        sides = (
            draw.skeletons(picture, report.truth.poses(cost.image_id)),
            draw.skeletons(picture, _poses(report, answers), scores=True),
        )
        path = folder / f"{rank:03d}_{Path(cost.file).stem}.jpg"
        results.write_picture(path, _side_by_side(sides))
        written.append(path)
    return written


def _side_by_side(sides: Sequence[UInt8]) -> UInt8:
    gap = np.full((sides[0].shape[0], 8, 3), 255, np.uint8)
    return np.asarray(cv2.hconcat([sides[0], gap, sides[1]]))


def _poses(report: Report, answers: Sequence[Mapping[str, Any]]) -> Poses:
    """COCO results as people, best first."""
    ranked = sorted(answers, key=lambda result: -result["score"])
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
