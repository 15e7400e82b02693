"""A set of one's own: pictures, annotations in COCO's keypoint format or none, any skeleton."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from estimator import skeletons
from estimator.skeleton import Skeleton

from ..data import coco_json, pose_set, whole_body
from ..data.pose_builder import PoseBuilder
from ..data.pose_set import PoseSet


@dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):  # type: ignore[misc]
    """Where the set is.

    Attributes:
      name: of the set; it is read as "custom/NAME".
      annotations: the annotation file of each split; empty for pictures without labels, which
        are one split, "train".
      pictures: folders and zips, shared by the splits.
      skeleton: what the pictures were labelled with; without labels, any that the network shares
        a keypoint with.
    """

    annotations: dict[str, Path] = field(default_factory=dict)
    pictures: tuple[Path, ...] = ()
    skeleton: Skeleton = field(default_factory=lambda: skeletons.get("coco17"))


class Builder(PoseBuilder):
    """A set of one's own, in COCO's keypoint format."""

    BUILDER_CONFIGS = ()  # each set brings its own

    @property
    def skeleton(self) -> Skeleton:
        skeleton: Skeleton = self.builder_config.skeleton
        return skeleton

    def sets(self, source: Path) -> dict[str, PoseSet]:
        config: Any = self.builder_config
        if not config.annotations:
            return {"train": pose_set.unlabelled(config.pictures, self.skeleton)}
        return {
            split: coco_json.pose_set(
                whole_body.read(path, self.skeleton), config.pictures, self.skeleton
            )
            for split, path in config.annotations.items()
        }


def skeleton_of(annotations: Path) -> Skeleton:
    """The shipped skeleton that an annotation file names the keypoints of.

    Raises:
      ValueError: there is none; holds a skeleton file to begin with.
    """
    coco = coco_json.read(annotations)
    for name in skeletons.names():
        if skeletons.get(name).keypoints == coco.keypoints:
            return skeletons.get(name)
    raise ValueError(
        f"{annotations} has keypoints of its own ({', '.join(coco.keypoints) or 'without names'}), "
        "which no skeleton that ships has. Write one (docs/your_own_data.md) and give it as "
        f"--skeleton; {', '.join(skeletons.names())} ship"
    )
