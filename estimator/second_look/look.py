"""SecondLook: a top-down network reads the people found in a picture again, each in a box.

Where the first network gives boxes besides, it reads those, too, in which nobody was found.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ..arrays import Float, UInt8
from ..decoders import heatmap
from ..geometry import invert, transform
from ..inputs import averaging, preprocess
from ..maps import Runner
from ..people import box_map
from ..people import boxes as person_boxes
from ..poses import Poses, concatenate
from ..skeleton import mapping
from ..spec import PoseSpec
from . import merging
from .options import Options

Box: TypeAlias = tuple[float, float, float, float]  # x, y, width, height
NO_BOXES = np.zeros((0, 5), np.float32)
SAME = 0.5  # intersection over union from which a box is that of a person found


class SecondLook:
    """Reads people again, each from a crop of the picture.

    Args:
      spec: of the top-down network.
      runner: of the same.
      first: spec of the network that finds people.
      options: at whom it looks.
      flip: average with the mirrored crops, too.

    Raises:
      ValueError: the network takes no boxes, is read by another decoder than `heatmap`, or knows
        no keypoint of the first network's.
    """

    def __init__(
        self,
        spec: PoseSpec,
        runner: Runner,
        *,
        first: PoseSpec,
        options: Options,
        flip: bool = False,
    ) -> None:
        if spec.image.fit != "crop" or not isinstance(spec.decoder, heatmap.Parameters):
            raise ValueError(
                f"{spec.model} is no top-down network: a second look needs a spec with image.fit "
                f"'crop' and the decoder 'heatmap', found {spec.image.fit!r}"
            )
        if not mapping(spec.skeleton, first.skeleton).any():
            raise ValueError(
                f"{spec.model} knows no keypoint of {first.model}'s "
                f"({', '.join(first.skeleton.keypoints)})"
            )
        self.spec, self.options = spec, options
        self.least_box = options.least_box(first)  # score of a box in which somebody is looked for
        self._most = options.most(first)
        merge = options.merging
        self._scale = merge.detected if first.answers == "boxes" else merge.box
        self._runner, self._first, self._flip = runner, first, flip

    def __call__(self, picture: UInt8, poses: Poses, boxes: Float = NO_BOXES) -> Poses:
        """Reads the people of a picture again.

        Args:
          picture: (H, W, 3) uint8, RGB.
          poses: the first network's, best first, in pixels of the picture.
          boxes: (N, 5) left, top, right, bottom of the people whom the first network sees, in
            pixels of the picture, as edges, and their scores, best first.

        Returns:
          The people with the same skeleton, best first. Those beyond `options.people` are as the
          first network found them.
        """
        most = len(poses) + len(boxes) if self.options.mode == "always" else self._most
        order = np.arange(len(poses))
        chosen, rest = poses.select(order[:most]), poses.select(order[most:])
        missed = self._missed(poses, boxes)[: most - len(chosen)]
        if len(chosen) + len(missed) == 0:
            return poses
        around = [box.box for box in person_boxes.around(chosen)]
        read = self._read(picture, around + [corners_to_box(corners) for corners in missed[:, :4]])
        order = np.arange(len(read))
        again, new = read.select(order[: len(chosen)]), read.select(order[len(chosen) :])
        seen = merging.merge(chosen, again, self.options.merging)
        known = concatenate([seen, rest], poses.skeleton)
        if len(new):
            new = merging.alone(
                new, missed[:, 4], poses.skeleton, self.options.merging, scale=self._scale
            )
            known = concatenate([known, merging.strangers(known, new)], poses.skeleton)
        return merging.best_first(known, self._first.image, limit=self.options.limit)

    def _missed(self, poses: Poses, boxes: Float) -> Float:
        """The boxes (M, 5) in which the first network found nobody."""
        boxes = boxes[boxes[:, 4] >= self.least_box]
        for box in person_boxes.around(poses):
            left, top, width, height = box.box
            corners = np.array([left, top, left + width, top + height], np.float32)
            boxes = boxes[box_map.overlaps(corners, boxes[:, :4]) < SAME]
        return boxes

    def _read(self, picture: UInt8, boxes: Sequence[Box]) -> Poses:
        """The people in some boxes by the second network, in pixels of the picture."""
        image = self.spec.image
        image = replace(image, box_padding=image.box_padding * self.options.widen)
        heatmaps, back = [], []
        for box in boxes:
            cut, matrix = preprocess.crop(picture, box, image)
            maps = averaging.answer(self._runner, cut, self.spec, flip=self._flip)
            heatmaps.append(maps["heatmaps"])
            back.append(invert(matrix))
        people = heatmap.decode_boxes(
            np.concatenate(heatmaps), self.spec.skeleton, self.spec.outputs, self.spec.decoder
        )
        places = [transform(matrix, xy) for matrix, xy in zip(back, people.xy, strict=True)]
        return replace(people, xy=np.stack(places))


def corners_to_box(corners: Float) -> Box:
    """Left, top, right and bottom as x, y, width and height."""
    left, top, right, bottom = map(float, corners)
    return left, top, right - left, bottom - top
