"""The main job on real photographs with a real network: Intel's human-pose-estimation-0001."""

from pathlib import Path

import numpy as np
import pytest

from estimator import PoseEstimator, pictures

# Necks, read off the drawn photographs (pixels); every clearly visible person is listed.
NECKS = {
    "golf.jpg": [(484, 444)],
    "p1.jpg": [(111, 51)],
    "p2.jpg": [(138, 119), (356, 130)],
    "p3.jpg": [(142, 256), (291, 175), (444, 262)],
    "ski.jpg": [(64, 300), (174, 302), (306, 112), (461, 142), (614, 82)],
}


@pytest.fixture(scope="module")
def estimator(trained_model: Path) -> PoseEstimator:
    return PoseEstimator(trained_model, threads=1)


@pytest.mark.parametrize("name", NECKS)
def test_everyone_clearly_visible_is_found(
    name: str, estimator: PoseEstimator, shared: Path
) -> None:
    picture = pictures.read(shared / "photos" / name)
    poses = estimator(picture)
    assert len(poses) == len(NECKS[name])
    necks = poses.xy[:, poses.skeleton.keypoints.index("neck")]  # (N, 2)
    for place in NECKS[name]:
        distance = np.linalg.norm(necks - place, axis=1)
        assert distance.min() < 0.04 * picture.shape[0]


def test_the_sample_holds_one_astronaut(estimator: PoseEstimator) -> None:
    poses = estimator(pictures.read(pictures.SAMPLE))
    assert len(poses) == 1
    nose = poses.xy[0, poses.skeleton.keypoints.index("nose")]
    assert np.linalg.norm(nose - (222, 111)) < 15
    assert poses.found.sum() >= 9  # head, shoulders, arms


def test_nobody_is_found_where_nobody_is(estimator: PoseEstimator) -> None:
    ramp = np.linspace(0, 255, 640, dtype=np.uint8)
    assert len(estimator(np.broadcast_to(ramp[None, :, None], (480, 640, 3)))) == 0
