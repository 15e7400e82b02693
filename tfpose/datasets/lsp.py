"""Leeds Sports Pose and its extension (Johnson and Everingham 2010, BMVC; 2011, CVPR).

joints.mat holds MATLAB coordinates, whose first pixel is 1. The third number differs: in LSP it
is 1 for a joint that is occluded, in LSPET 1 for one that was labelled (their READMEs; LSPET's
other joints have no meaningful position).
"""

from pathlib import Path

import numpy as np
import scipy.io

from estimator import skeletons
from estimator.arrays import Float
from estimator.skeleton import Skeleton

from ..data.picture_files import Pictures
from ..data.pose_builder import PoseBuilder
from ..data.pose_set import PoseSet
from ..data.records import Sample, area_of, box_of

ORIGIN = 1.0  # MATLAB's first pixel
LSP_TRAIN = 1000  # of LSP's 2000 pictures the first are for training, the rest for the test


class Builder(PoseBuilder):
    """Leeds Sports Pose: `train` and `test` of LSP, `extended` is LSPET; one person a picture."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    lsp_dataset/ with joints.mat and images/im0001.jpg ..., or lspet_dataset/ with joints.mat and
    images/im00001.jpg ..., or both. They were at http://sam.johnson.io/research/lsp.html
    """

    @property
    def skeleton(self) -> Skeleton:
        return skeletons.get("lsp14")

    def sets(self, source: Path) -> dict[str, PoseSet]:
        sets = {}
        lsp, lspet = source / "lsp_dataset", source / "lspet_dataset"
        if (lsp / "joints.mat").is_file():
            keypoints = lsp_keypoints(lsp / "joints.mat")
            names = [f"im{index + 1:04d}.jpg" for index in range(len(keypoints))]
            sets["train"] = _pose_set(lsp, names[:LSP_TRAIN], keypoints[:LSP_TRAIN])
            sets["test"] = _pose_set(lsp, names[LSP_TRAIN:], keypoints[LSP_TRAIN:])
        if (lspet / "joints.mat").is_file():
            keypoints = lspet_keypoints(lspet / "joints.mat")
            names = [f"im{index + 1:05d}.jpg" for index in range(len(keypoints))]
            sets["extended"] = _pose_set(lspet, names, keypoints)
        if not sets:
            raise self.refuse(source)
        return {split: part for split, part in sets.items() if part.samples}


def lsp_keypoints(path: Path) -> Float:
    """(N, 14, 3) of LSP's joints.mat, which is (3, 14, N)."""
    joints = _joints(path, (3, 14, None)).transpose(2, 1, 0)
    occluded = joints[..., 2] > 0
    return _keypoints(joints, np.where(occluded, 1, 2))


def lspet_keypoints(path: Path) -> Float:
    """(N, 14, 3) of LSPET's joints.mat, which is (14, 3, N)."""
    joints = _joints(path, (14, 3, None)).transpose(2, 0, 1)
    return _keypoints(joints, np.where(joints[..., 2] > 0, 2, 0))


def _joints(path: Path, expected: tuple[int | None, ...]) -> Float:
    try:
        joints = scipy.io.loadmat(path)["joints"]
    except (KeyError, ValueError, TypeError, OSError, NotImplementedError) as error:
        raise ValueError(f"{path} holds no MATLAB matrix 'joints': {error!r}") from error
    if joints.ndim != 3 or joints.shape[:2] != expected[:2]:
        raise ValueError(
            f"{path} must hold 'joints' of shape {expected[:2]} x pictures, found {joints.shape}: "
            "LSP's is (3, 14, 2000), LSPET's (14, 3, 10000); were the folders mixed up?"
        )
    return np.asarray(joints, np.float32)


def _keypoints(joints: Float, visibility: Float) -> Float:
    keypoints = np.concatenate([joints[..., :2] - ORIGIN, visibility[..., np.newaxis]], axis=2)
    keypoints[visibility == 0] = 0
    return keypoints.astype(np.float32)


def _pose_set(folder: Path, names: list[str], keypoints: Float) -> PoseSet:
    samples = []
    for name, person in zip(names, keypoints, strict=True):
        boxes = box_of(person[np.newaxis])
        samples.append(
            Sample(
                picture=name,
                image_id=f"{folder.name}/{name}",
                height=None,
                width=None,
                keypoints=person[np.newaxis],
                boxes=boxes,
                areas=area_of(boxes),
            )
        )
    return PoseSet(samples=samples, pictures=Pictures([folder / "images"]))
