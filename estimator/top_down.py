"""A top-down network over whole pictures: people's boxes first, then a look at each.

Boxes come from a detector's file or from a bottom-up network, whose people get a second look. As
in HRNet's evaluation (`lib/dataset/coco.py`, `lib/nms/nms.py`), a person's score is the box's
times the keypoints', and of two answers for one person, OKS above 0.9, the better stays.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import oks, person_boxes, writers
from .frames import Frame
from .maps import Maps
from .person_boxes import PersonBox
from .pose_estimator import PoseEstimator
from .poses import Poses

Boxes = Callable[[Frame], Sequence[PersonBox]]
VISIBLE_ABOVE = 0.2  # HRNet's IN_VIS_THRE


class TopDown:
    """A look for `stream.follow`: a frame's boxes, and the person in each.

    Args:
      estimator: a top-down network.
      boxes: where to look in a frame; `boxes_of_file` and `boxes_of_network` make some.

    Raises:
      ValueError: the network is none that looks at boxes.
    """

    def __init__(self, estimator: PoseEstimator, boxes: Boxes) -> None:
        if estimator.spec.image.fit != "crop":
            raise ValueError(
                f"{estimator.spec.model} finds people by itself; boxes and a detector are for "
                "models whose spec has image.fit 'crop'"
            )
        self._estimator, self._boxes = estimator, boxes

    def __call__(self, frame: Frame) -> tuple[Poses, Maps | None]:
        """The people of a frame, best first, in pixels of it."""
        looks = self._boxes(frame)
        poses = self._estimator(frame.picture, [look.box for look in looks])
        score = poses.person_score * np.array([look.score for look in looks], np.float32)
        area = np.array([look.box[2] * look.box[3] for look in looks], np.float32)
        alike = oks.between(
            poses.xy,
            poses.score,
            area,
            sigmas=poses.skeleton.sigmas,
            visible_above=VISIBLE_ABOVE,
        )
        return replace(poses, person_score=score).select(oks.suppress(alike, score)), None


def boxes_of_network(detector: PoseEstimator, *, min_score: float = 0.0) -> Boxes:
    """Boxes around the people that a bottom-up network finds.

    Raises:
      ValueError: the detector needs boxes itself.
    """
    if detector.spec.image.fit != "letterbox":
        raise ValueError(f"the detector must find people by itself; {detector.spec.model} cannot")

    def boxes(frame: Frame) -> list[PersonBox]:
        poses = detector(frame.picture)
        return person_boxes.around(poses.select(poses.person_score >= min_score))

    return boxes


def boxes_of_file(
    path: str | os.PathLike[str], *, pictures: Sequence[Path] | None, min_score: float = 0.0
) -> Boxes:
    """Boxes of a detector's file in COCO's results format (person_boxes.read_detections).

    Args:
      path: of the file.
      pictures: whose boxes they should be: an entry's image_id is COCO's number of a picture, its
        file's name or its stem. None for a video, of which it is the frame's number, from 0.
      min_score: of a detection.

    Raises:
      FileNotFoundError, ValueError: there is no such file, or none of it is of these pictures.
    """
    found = person_boxes.read_detections(path, min_score=min_score)
    if (
        pictures is not None
        and found
        and not any(set(_ids(name)) & set(found) for name in pictures)
    ):
        raise ValueError(
            f"{path} is of other pictures: it has image ids as {next(iter(found))!r}, the first "
            f"picture would be {' or '.join(map(repr, _ids(pictures[0])))}"
        )

    def boxes(frame: Frame) -> list[PersonBox]:
        names = [frame.index] if pictures is None else _ids(Path(frame.name))
        return next((found[name] for name in names if name in found), [])

    return boxes


def _ids(file: Path) -> list[int | str]:
    return list(dict.fromkeys([writers.coco_image_id(file), file.name, file.stem]))
