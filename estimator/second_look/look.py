"""SecondLook: a top-down network reads the people found in a picture again, each in a box."""

from dataclasses import replace

import numpy as np

from ..arrays import UInt8
from ..decoders import heatmap
from ..geometry import invert, transform
from ..inputs import averaging, preprocess
from ..maps import Runner
from ..people import boxes as person_boxes
from ..poses import Poses, concatenate
from ..skeleton import mapping
from ..spec import PoseSpec
from . import merging
from .options import Options


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
        self._runner, self._first, self._flip = runner, first, flip

    def __call__(self, picture: UInt8, poses: Poses) -> Poses:
        """Reads the people of a picture again.

        Args:
          picture: (H, W, 3) uint8, RGB.
          poses: the first network's, best first, in pixels of the picture.

        Returns:
          The people with the same skeleton, best first. Those beyond `options.people` are as the
          first network found them.
        """
        count = len(poses) if self.options.mode == "always" else self.options.people
        order = np.arange(len(poses))
        chosen, rest = poses.select(order[:count]), poses.select(order[count:])
        if len(chosen) == 0:
            return poses
        seen = merging.merge(chosen, self._read(picture, chosen), self.options.merging)
        everyone = concatenate([seen, rest], poses.skeleton)
        return merging.best_first(everyone, self._first.image, limit=self.options.limit)

    def _read(self, picture: UInt8, poses: Poses) -> Poses:
        """The same people by the second network, in pixels of the picture."""
        image = self.spec.image
        image = replace(image, box_padding=image.box_padding * self.options.widen)
        heatmaps, back = [], []
        for box in person_boxes.around(poses):
            cut, matrix = preprocess.crop(picture, box.box, image)
            maps = averaging.answer(self._runner, cut, self.spec, flip=self._flip)
            heatmaps.append(maps["heatmaps"])
            back.append(invert(matrix))
        people = heatmap.decode_boxes(
            np.concatenate(heatmaps), self.spec.skeleton, self.spec.outputs, self.spec.decoder
        )
        places = [transform(matrix, xy) for matrix, xy in zip(back, people.xy, strict=True)]
        return replace(people, xy=np.stack(places))
