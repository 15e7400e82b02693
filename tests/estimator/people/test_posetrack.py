"""A real clip with a real network: PoseTrack18's 000001, two skiers and a third who comes in."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import PoseEstimator, pictures
from estimator.arrays import UInt8
from estimator.people.tracking import PRESETS, Tracker

FOLDER = "posetrack18/videos/000001_mpiinew_test"
SURE = 0.3  # person_score; below are fragments at the picture's edge


@pytest.fixture(scope="module")
def clip(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("clip")
    with zipfile.ZipFile(shared / "data/samples.zip") as archive:
        archive.extractall(target, [n for n in archive.namelist() if n.startswith(FOLDER)])
    return target / FOLDER


def frames(clip: Path, kind: str) -> list[UInt8]:
    if kind == "pictures":
        return [pictures.read(file) for file in sorted(clip.glob("*.jpg"))]
    capture = cv2.VideoCapture(str(next(clip.glob("*.mp4"))))
    read = iter(capture.read, (False, None))
    return [np.ascontiguousarray(picture[..., ::-1]) for _, picture in read]


@pytest.mark.parametrize("kind", ["pictures", "video"])
def test_identities_are_kept(kind: str, clip: Path, trained_model: Path) -> None:
    estimator = PoseEstimator(trained_model)
    found = [estimator(picture) for picture in frames(clip, kind)]
    assert len(found) == 5
    for preset in PRESETS.values():
        tracker = Tracker(preset)
        for index, poses in enumerate(found):
            named = tracker(poses, index / 30)
            place = {
                int(identity): float(box[0] + box[2] / 2)
                for identity, box in zip(named.identity, named.boxes, strict=True)
            }
            sure = named.select(named.person_score > SURE).identity.tolist()
            assert {1, 2} <= set(sure)
            assert place[1] == pytest.approx(455, abs=40)
            assert place[2] == pytest.approx(725, abs=40)
