"""COCO's person keypoints, 2017 (Lin et al. 2014, arXiv:1405.0312)."""

from pathlib import Path

from estimator import skeletons
from estimator.skeleton import Skeleton

from ..data import annotations
from ..data.picture_files import unpacked_or_zip
from ..data.pose_builder import PoseBuilder
from ..data.pose_set import PoseSet

SPLITS = {"train": "train2017", "val": "val2017"}


class Builder(PoseBuilder):
    """COCO's person keypoints, 2017. Pictures without people stay in: they are negatives."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    annotations/person_keypoints_train2017.json and train2017/ or train2017.zip, and the same of
    val2017, or one of the two, from https://cocodataset.org/#download
    """

    @property
    def skeleton(self) -> Skeleton:
        return skeletons.get("coco17")

    def sets(self, source: Path) -> dict[str, PoseSet]:
        files = {
            split: source / "annotations" / f"person_keypoints_{name}.json"
            for split, name in SPLITS.items()
        }
        if not any(path.is_file() for path in files.values()):
            raise self.refuse(source)
        return {
            split: annotations.pose_set(
                path, [unpacked_or_zip(source / SPLITS[split])], self.skeleton
            )
            for split, path in files.items()
            if path.is_file()
        }
