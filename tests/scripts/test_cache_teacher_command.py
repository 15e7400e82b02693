from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tfpose import small_runs, toy_cache
from tfpose.teacher import cache as canvas_cache

from .conftest import Tfpose


@pytest.mark.slow
def test_the_command_caches_a_folder_of_pictures_and_stops_clearly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tfpose: Tfpose
) -> None:
    small_runs.add_family(monkeypatch.setattr)
    teacher = toy_cache.write_teacher(tmp_path / "teacher.keras")
    lite = small_runs.as_tflite(teacher, tmp_path / "teacher.tflite")
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "one.png"), np.full((90, 90, 3), 60, np.uint8))
    common = (f"--out={tmp_path}/cache", f"--teacher={lite}", "--height=64", "--width=64")
    done = tfpose("cache-teacher", *common, f"--pictures={tmp_path}/pictures", "--canvases=3")
    assert done.returncode == 0, done.stderr
    assert "3 canvases" in done.stdout
    cache = canvas_cache.read(tmp_path / "cache")
    assert not cache.missing()
    assert np.load(cache.path(0))["image"].shape == (3, 64, 64, 3)
    for wrong, message in (
        (("--canvases=3",), "there are no pictures"),
        ((f"--pictures={tmp_path}/none",), "none: there is no such file or folder"),
        ((f"--pictures={tmp_path}/pictures", "--weights=a"), "ORIGIN=NUMBER, found 'a'"),
        ((f"--pictures={tmp_path}/pictures", "--seed=4", "--canvases=3"), "seed: 0, now 4"),
    ):
        stopped = tfpose("cache-teacher", *common, *wrong)
        assert stopped.returncode in (1, 2)
        assert message in stopped.stderr
        assert len(stopped.stderr.splitlines()) == 1
