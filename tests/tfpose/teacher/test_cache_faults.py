"""A cache that is killed again and again, and one whose disk fills.

`pytest -m faults`, by hand and nightly.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.small_disk import SmallDisk, small_disk
from tests.tfpose import small_runs, toy_cache
from tfpose.teacher import cache as canvas_cache
from tfpose.teacher import fill_cache

from .test_fill_killed import PROGRAM, assert_same_bytes, go_on

__all__ = ["small_disk"]  # a fixture
pytestmark = [
    pytest.mark.soak,
    pytest.mark.faults,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
CANVASES, KILLS = 900, 3


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


def test_a_cache_killed_again_and_again_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """Each time at a random moment after a shard that the attempt wrote itself."""
    whole = toy_cache.make(tmp_path, canvases=CANVASES)
    program = PROGRAM.replace("300", str(CANVASES))
    command = [sys.executable, "-c", program, str(ROOT), str(tmp_path)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    folder, killed, seed = tmp_path / "killed", 0, random.randrange(10**6)
    dice = random.Random(seed)

    def shards() -> int:
        return len(list(folder.glob("canvases-*.npy")))

    for _ in range(KILLS):
        before, attempt = shards(), subprocess.Popen(command, env=environment)
        while shards() <= before and attempt.poll() is None:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.2))
        killed += attempt.poll() is None
        attempt.send_signal(signal.SIGKILL)
        attempt.wait()
    assert killed, "the cache was whole before anything could be killed"
    go_on(tmp_path, CANVASES)
    assert_same_bytes(whole, folder, whole.shards)


def test_a_disk_that_fills_while_a_cache_is_made_leaves_whole_shards(
    small_disk: SmallDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program takes the room once the first of three shards is there."""
    small_disk.grow(16)
    whole = toy_cache.make(tmp_path, canvases=150)
    (tmp_path / "killed").symlink_to(small_disk.place / "cache")
    (small_disk.place / "cache").mkdir()
    write = fill_cache._write_shard

    def meanwhile(shard: int) -> tuple[int, dict[str, str]]:
        if shard == 1:
            small_disk.fill(1 << 20)
        return write(shard)

    with monkeypatch.context() as patch:
        patch.setattr(fill_cache, "_write_shard", meanwhile)
        with pytest.raises(OSError, match=r"canvases-00001.* written; is the disk full\?"):
            go_on(tmp_path, 150)
    assert not small_disk.half_written()
    cache = canvas_cache.read(small_disk.place / "cache")
    assert cache.missing() == [1, 2]
    small_disk.free()
    go_on(tmp_path, 150)
    assert_same_bytes(whole, tmp_path / "killed", 3)
