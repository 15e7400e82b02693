"""A top-down network over whole frames: first the boxes of people, then the pose in each box.

Boxes come from a detector or its file, or from a bottom-up network. As in HRNet's evaluation
(`lib/dataset/coco.py`, `lib/nms/nms.py`), the score of a person is that of the box times that of
the keypoints, and of two answers for one person, with an OKS above 0.9, the better stays.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..maps import Maps
from ..people import boxes as person_boxes
from ..people import suppression as people_suppression
from ..people.boxes import PersonBox
from ..people.suppression import Suppression
from ..pose_estimator import PoseEstimator
from ..poses import Poses
from .frames import Frame, coco_image_id

Boxes = Callable[[Frame], Sequence[PersonBox]]


class TopDown:
    """A frame estimator for `follow`: finds the boxes of a frame, then the person in each.

    Args:
      estimator: a top-down network.
      boxes: the boxes of a frame; `boxes_of_file` and `boxes_of_network` make such functions.
      suppression: how two answers for one person are resolved.

    Raises:
      ValueError: the network takes no boxes.
    """

    def __init__(
        self,
        estimator: PoseEstimator,
        boxes: Boxes,
        *,
        suppression: Suppression | None = None,
    ) -> None:
        if estimator.spec.image.fit != "crop":
            raise ValueError(
                f"{estimator.spec.model} finds people by itself; boxes and a detector are for "
                "models whose spec has image.fit 'crop'"
            )
        self._estimator, self._boxes = estimator, boxes
        self._suppression = suppression or Suppression()

    def __call__(self, frame: Frame) -> tuple[Poses, Maps | None]:
        """Finds the people of a frame, best first, in pixels of it."""
        boxes = person_boxes.usable(self._boxes(frame))
        poses = self._estimator(frame.picture, [box.box for box in boxes])
        image = self._estimator.spec.image
        return people_suppression.top_down(poses, boxes, image, self._suppression), None


def boxes_of_network(detector: PoseEstimator, *, min_score: float = 0.0) -> Boxes:
    """Makes a function that gives the boxes of a detector, or around a bottom-up network's people.

    Raises:
      ValueError: the detector needs boxes itself.
    """
    if detector.spec.image.fit != "letterbox":
        raise ValueError(f"the detector must find people by itself; {detector.spec.model} cannot")

    def boxes(frame: Frame) -> list[PersonBox]:
        return detector.person_boxes(frame.picture, min_score=min_score)

    return boxes


def boxes_of_file(
    path: str | os.PathLike[str], *, pictures: Sequence[Path] | None, min_score: float = 0.0
) -> Boxes:
    """Makes a function that gives the boxes of a detector's file (boxes.read_detections).

    Args:
      path: of the file.
      pictures: the pictures of the boxes; image_id is the COCO number of a picture, the name of its
        file or its stem. None for a video: image_id is the index of a frame.
      min_score: lowest score of a detection that is kept.

    Raises:
      FileNotFoundError, ValueError: there is no such file, or it has no box of these pictures.
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
    return list(dict.fromkeys([coco_image_id(file), file.name, file.stem]))
