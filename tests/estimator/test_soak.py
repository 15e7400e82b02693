"""Faults that take time or rights to make: 50,000 files, a disk that is really full, random models.

`pytest -m faults`, by hand and nightly.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from estimator import ImageSpec, OutputSpec, PoseEstimator, PoseSpec, bundle, pictures, skeletons
from estimator.decoders import paf
from estimator.outputs import frame_writers, video_writer
from estimator.poses import Poses
from estimator.streams.frames import Frame
from tests.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]  # a fixture
pytestmark = [pytest.mark.soak, pytest.mark.faults]
ROOT = Path(__file__).resolve().parents[2]
FILES = 50_000
SPEC = PoseSpec(
    model="m",
    skeleton=skeletons.get("coco17"),
    image=ImageSpec(height=64, width=64),
    outputs=OutputSpec(pafs=False),
    decoder=paf.Parameters(),
)


def test_fifty_thousand_files_are_gone_through_and_the_bad_ones_named(tmp_path: Path) -> None:
    """All but two are empty; one of the two has a name that is no UTF-8."""
    folder, out = tmp_path / "in", tmp_path / "out.json"
    folder.mkdir()
    for index in range(FILES - 2):
        (folder / f"{index}.jpg").touch()
    good = [folder / "good.jpg", folder / os.fsdecode(b"caf\xe9.jpg")]
    for path in good:
        path.write_bytes(pictures.SAMPLE.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "estimator", str(folder), "--draw=none", f"--json={out}"],
        cwd=ROOT,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.rstrip().endswith(b"2 pictures done, 49998 failed, 0 other files skipped")
    assert done.stderr.count(b"skipped: ") == FILES - 2
    rows = json.loads(out.read_text())
    assert {os.fsencode(row["file"]) for row in rows} == {os.fsencode(path) for path in good}


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "coco", "openpose_json"])
def test_a_disk_that_fills_is_told_by_the_name_of_the_file(
    kind: str, small_disk: SmallDisk
) -> None:
    skeleton = SPEC.skeleton
    count = len(skeleton.keypoints)
    poses = Poses(
        skeleton=skeleton,
        xy=np.full((30, count, 2), 123.45, np.float32),
        score=np.full((30, count), 0.5, np.float32),
        person_score=np.full(30, 0.5, np.float32),
    )
    picture = np.zeros((8, 8, 3), np.uint8)
    path = small_disk.place / "out"
    writer = frame_writers.open_writer(kind, path, SPEC, live=False, numbered=True)

    def fill() -> None:
        for index in range(100_000):
            frame = Frame(picture=picture, index=index, time=index, name="a.jpg", captured=0.0)
            writer.write(frame, poses)

    with pytest.raises(OSError, match=r"No space left on device .*out.* cannot be written"):
        fill()
    try:
        writer.close()
    except OSError as error:
        assert "out" in str(error)  # noqa: PT017
    assert not small_disk.half_written()
    if kind == "json":
        assert not path.exists()
    if kind == "jsonl":
        whole = path.read_bytes().rpartition(b"\n")[0].splitlines()
        assert all(json.loads(line)["frame"] == index for index, line in enumerate(whole))


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_onto_a_disk_that_fills_is_told_and_the_one_before_stays(
    suffix: str, small_disk: SmallDisk
) -> None:
    """Frames of noise: a second of them is more than the disk has."""
    small_disk.grow(12)
    path, source = small_disk.place / f"out{suffix}", np.random.default_rng(0)
    path.write_bytes(b"the video of before")
    frame = source.integers(0, 256, (720, 960, 3)).astype(np.uint8)

    def fill() -> None:
        with video_writer.VideoWriter(path, rate=30) as writer:
            for index in range(120):
                writer.write(np.roll(frame, index, axis=1), index / 30)

    with pytest.raises(OSError, match=rf"out\{suffix}"):
        fill()
    assert path.read_bytes() == b"the video of before"
    assert not small_disk.half_written()


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_whose_frames_were_lost_on_a_full_disk_is_not_kept(
    suffix: str, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program takes the room after the check: OpenCV says nothing of it."""
    monkeypatch.setattr(video_writer, "MIN_FREE", 0)
    path, source = small_disk.place / f"out{suffix}", np.random.default_rng(0)
    frame = source.integers(0, 256, (240, 320, 3)).astype(np.uint8)
    writer = video_writer.VideoWriter(path, rate=30)
    for index in range(30):
        if index == 10:
            monkeypatch.setattr(video_writer.files, "check_room", lambda *_: None)
            small_disk.fill(0)
        writer.write(np.roll(frame, index, axis=1), index / 30)
    with pytest.raises(OSError, match=rf"out\{suffix} was not written whole"):
        writer.close()
    assert not path.exists()
    assert not small_disk.half_written()


def test_random_onnx_files_are_refused_by_name(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    source = random.Random(0)
    for index in range(200):
        path = tmp_path / f"{index}.onnx"
        bundle.write_onnx(path, source.randbytes(source.randrange(400)), SPEC)
        with pytest.raises(ValueError, match=path.name):
            PoseEstimator(path)
