"""Our own network, which runs where no model is named."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from estimator import PoseEstimator, pictures
from tests.conftest import ROOT
from tests.estimator.program.test_photographs import NECKS

SURE = 0.2  # the estimator's own --min_score


@pytest.fixture(scope="module")
def estimator() -> PoseEstimator:
    return PoseEstimator(threads=1)


def test_the_sample_holds_one_astronaut(estimator: PoseEstimator) -> None:
    poses = estimator(pictures.read(pictures.SAMPLE))
    assert (poses.person_score >= SURE).sum() == 1
    assert poses.found[0].sum() >= 9  # head, shoulders, arms
    place = dict(zip(poses.skeleton.keypoints, poses.xy[0], strict=True))
    assert np.linalg.norm(place["nose"] - (222, 111)) < 25
    assert place["right_shoulder"][0] < place["neck"][0] < place["left_shoulder"][0]


@pytest.mark.parametrize("name", NECKS)
def test_everyone_clearly_visible_is_found(
    name: str, estimator: PoseEstimator, shared: Path
) -> None:
    picture = pictures.read(shared / "photos" / name)
    poses = estimator(picture)
    necks = poses.xy[poses.person_score >= SURE, poses.skeleton.keypoints.index("neck")]
    assert len(necks) == len(NECKS[name])
    for place in NECKS[name]:
        distance = np.linalg.norm(necks - place, axis=1)
        assert distance.min() < 0.06 * picture.shape[0]


def test_nobody_is_found_where_nobody_is(estimator: PoseEstimator) -> None:
    ramp = np.linspace(0, 255, 640, dtype=np.uint8)
    poses = estimator(np.broadcast_to(ramp[None, :, None], (480, 640, 3)))
    assert not (poses.person_score >= SURE).any()


def test_the_main_job_needs_no_flag(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "estimator"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "sample.poses.jpg").is_file()
    assert "sample.poses.jpg" in ended.stdout
