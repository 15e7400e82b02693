"""A set of one's own: pictures, annotations in COCO's keypoint format or none, any skeleton."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from estimator import skeletons
from estimator.skeleton import Skeleton

from ..data import annotations as reader
from ..data import pose_set
from ..data.annotations import fitting
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
      choice: of categories and keypoint names in the annotation files.
    """

    annotations: dict[str, Path] = field(default_factory=dict)
    pictures: tuple[Path, ...] = ()
    skeleton: Skeleton = field(default_factory=lambda: skeletons.get("coco17"))
    choice: reader.Choice = field(default_factory=reader.Choice)


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
            split: reader.pose_set(
                path,
                config.pictures,
                self.skeleton,
                choice=dataclasses.replace(config.choice, split=split),
            )
            for split, path in config.annotations.items()
        }


def skeleton_of(annotations: Path, choice: reader.Choice | None = None) -> Skeleton:
    """The shipped skeleton that an annotation file names the keypoints of.

    Args:
      annotations: the file or folder.
      choice: of format, split, categories and keypoint names.

    Raises:
      ValueError: there is none; has the fix.
    """
    found = reader.read(annotations, choice=choice)
    return fitting.skeleton_of(found, map(skeletons.get, ("coco17", *skeletons.names())))
