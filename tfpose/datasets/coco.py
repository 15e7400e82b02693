"""COCO's person keypoints, 2017 (Lin et al. 2014, arXiv:1405.0312)."""

from pathlib import Path
from typing import ClassVar

from estimator import skeletons
from estimator.skeleton import Skeleton

from .. import coco_json
from ..pictures import Pictures
from ..pose_builder import PoseBuilder
from ..pose_set import PoseSet

SPLITS = {"train": "train2017", "validation": "val2017"}
