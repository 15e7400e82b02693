import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")

from estimator import pictures
from estimator.pose_estimator import PoseEstimator
from estimator.second_look.options import Options
from tfpose.serving.catalogue import open_all
from tfpose.serving.settings import Settings


def test_people_are_read_by_the_reader_that_is_named() -> None:
    models = {"pose": "tfpose_detector_nano"}
    _, (lane,), _ = open_all(Settings(models=models, reader="tfpose_person", lanes=1))
    picture = pictures.read(pictures.SAMPLE)
    found = lane["pose"](picture)
    looks = Options(), Options(model="tfpose_person")
    ours, named = (PoseEstimator(models["pose"], second_look=look)(picture) for look in looks)
    np.testing.assert_allclose(found.xy, named.xy, atol=0.1)
    assert np.nanmax(np.abs(found.xy - ours.xy)) > 1
