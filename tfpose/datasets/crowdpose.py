"""CrowdPose (Li et al. 2019, arXiv:1812.00324): people who hide each other.

Its keypoints are whole numbers from 0, as COCO's, and are read so. It gives no areas.
"""

from pathlib import Path

from estimator import skeletons
from estimator.skeleton import Skeleton

from ..data import annotations
from ..data.picture_files import unpacked_or_zip
from ..data.pose_builder import PoseBuilder
from ..data.pose_set import PoseSet

SPLITS = ("train", "val", "test")


class Builder(PoseBuilder):
    """CrowdPose: people who hide each other; 14 keypoints."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    json/crowdpose_train.json, crowdpose_val.json, crowdpose_test.json, or some of them, and
    images/ or images.zip, from https://github.com/Jeff-sjtu/CrowdPose
    """

    @property
    def skeleton(self) -> Skeleton:
        return skeletons.get("crowdpose14")

    def sets(self, source: Path) -> dict[str, PoseSet]:
        files = {split: source / "json" / f"crowdpose_{split}.json" for split in SPLITS}
        if not any(path.is_file() for path in files.values()):
            raise self.refuse(source)
        images = unpacked_or_zip(source / "images")
        return {
            split: annotations.pose_set(path, [images], self.skeleton)
            for split, path in files.items()
            if path.is_file()
        }
