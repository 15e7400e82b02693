"""A cache whose making ends at any moment ends with the bytes of one that went through."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.tfpose import small_runs, toy_cache
from tfpose.canvases.scenes import gather, unlabelled
from tfpose.data.picture_files import Pictures
from tfpose.teacher import cache as canvas_cache
from tfpose.teacher import fill_cache

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.tfpose import small_runs
from tests.tfpose.teacher.test_fill_killed import go_on
small_runs.add_family()
go_on(Path(sys.argv[2]), 300)
"""


class KilledError(BaseException):
    """Takes a kill's place: nothing catches it."""


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


def go_on(folder: Path, canvases: int) -> None:
    """Begins or goes on with the cache `killed` of a folder in which `toy_cache.make` made one."""
    files = Pictures([folder / "pictures"])
    options = toy_cache.options(folder / "teacher.keras", canvases)
    fill_cache.fill(options, gather(unlabelled(files), files=files), folder / "killed")


def assert_same_bytes(whole: canvas_cache.Cache, killed: Path, shards: int) -> None:
    names = sorted(path.name for path in whole.folder.glob("canvases-*"))
    assert len(names) == shards
    for name in [*names, "cache.json"]:
        assert (whole.folder / name).read_bytes() == (killed / name).read_bytes()
    assert not list(killed.glob("*.partial"))


@pytest.mark.slow
def test_a_cache_killed_at_any_moment_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole = toy_cache.make(tmp_path, canvases=300)
    killed = tmp_path / "killed"
    command = [sys.executable, "-c", PROGRAM, str(ROOT), str(tmp_path)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with subprocess.Popen(command, env=environment) as process:
        deadline = time.monotonic() + 1800
        while not (killed / "canvases-00001.npy").is_file():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert 2 <= len(list(killed.glob("canvases-*.npy"))) < 5
    go_on(tmp_path, 300)
    assert_same_bytes(whole, killed, 5)


@pytest.mark.parametrize("moment", ["in the writing", "before the renaming", "after the renaming"])
def test_a_cache_that_ends_at_a_shard_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(canvas_cache, "CANVASES_A_SHARD", 4)
    whole = toy_cache.make(tmp_path, canvases=10)
    save, move = np.save, os.replace

    def half_saved(file: Any, array: np.ndarray) -> None:
        if "canvases-00001" not in str(getattr(file, "name", "")):
            save(file, array)
            return
        save(file, array[: len(array) // 2])
        raise KilledError

    def moved(source: Any, place: Any) -> None:
        last = Path(place).name == "canvases-00001.npy"
        if last and moment == "before the renaming":
            raise KilledError
        move(source, place)
        if last:
            raise KilledError

    with monkeypatch.context() as patch:
        if moment == "in the writing":
            patch.setattr(np, "save", half_saved)
        patch.setattr(os, "replace", moved)
        with pytest.raises(KilledError):
            go_on(tmp_path, 10)
    killed = tmp_path / "killed"
    assert (killed / "canvases-00001.npy").is_file() == (moment == "after the renaming")
    go_on(tmp_path, 10)
    assert_same_bytes(whole, killed, 3)
