import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator.outputs import window
from estimator.outputs.video_writer import CODECS, VideoWriter
from estimator.streams import sources
from tests.estimator import mjpeg_server

RATE = 10.0


def numbers(path: Path) -> list[int]:
    return [mjpeg_server.number(frame.picture) for frame in sources.open_source(str(path))]


@pytest.mark.parametrize("suffix", sorted(CODECS))
def test_every_frame_comes_back(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    with VideoWriter(path, rate=RATE) as writer:
        for index in range(12):
            writer.write(mjpeg_server.numbered(index), index / RATE)
        assert not path.exists()
    assert numbers(path) == list(range(12))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert sources.open_source(str(path)).rate == pytest.approx(RATE)


def test_colours_are_kept(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.avi", rate=RATE) as writer:
        writer.write(np.full((48, 64, 3), (255, 0, 0), np.uint8), 0.0)
    (frame,) = sources.open_source(str(tmp_path / "a.avi"))
    assert frame.picture[20, 20] == pytest.approx([255, 0, 0], abs=8)


def test_a_frame_stands_until_the_next_and_a_crowd_of_frames_is_thinned(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.avi", rate=RATE) as writer:
        for index, time in enumerate((0.0, 0.1, 0.4, 0.42, 0.5)):
            writer.write(mjpeg_server.numbered(index), time)
    assert numbers(tmp_path / "a.avi") == [0, 1, 2, 2, 2, 4]


def test_a_long_gap_is_shortened(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.avi", rate=RATE) as writer:
        for index, time in enumerate((0.0, 3600.0, 3600.1)):
            writer.write(mjpeg_server.numbered(index), time)
    assert numbers(tmp_path / "a.avi") == [0] + [1] * 20 + [2]


@pytest.mark.parametrize("shape", [(49, 65), (96, 64), (24, 200)])
def test_frames_of_another_size_are_laid_in(shape: tuple[int, int], tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.avi", rate=RATE) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
        writer.write(np.full((*shape, 3), 200, np.uint8), 0.1)
    _, second = sources.open_source(str(tmp_path / "a.avi"))
    assert second.picture.shape == (48, 64, 3)
    assert second.picture[24, 32] == pytest.approx([200] * 3, abs=8)


def test_odd_sizes_become_even(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", rate=RATE) as writer:
        writer.write(np.zeros((49, 65, 3), np.uint8), 0.0)
    (frame,) = sources.open_source(str(tmp_path / "a.mp4"))
    assert frame.picture.shape == (48, 64, 3)


def test_what_cannot_be_written_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"must end in \.mp4"):
        VideoWriter(tmp_path / "a.gif", rate=RATE)
    with pytest.raises(FileNotFoundError, match="no folder"):
        VideoWriter(tmp_path / "none/a.mp4", rate=RATE)
    with pytest.raises(ValueError, match="rate must be positive"):
        VideoWriter(tmp_path / "a.mp4", rate=0)
    writer = VideoWriter(tmp_path / "a.mp4", rate=RATE)
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 21)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="has 2048 KiB left"):
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    writer.close()


def test_without_a_frame_there_is_no_file(tmp_path: Path) -> None:
    VideoWriter(tmp_path / "a.mp4", rate=RATE).close()
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_it_says_that_sound_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with VideoWriter(tmp_path / "a.mp4", rate=RATE, sound_of="b.mp4") as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    assert (tmp_path / "a.mp4").exists()
    assert "is silent: to keep the sound of b.mp4" in caplog.text


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_sound_is_kept(tmp_path: Path) -> None:
    loud, silent = tmp_path / "loud.mp4", tmp_path / "silent.mp4"
    sine = ["-f", "lavfi", "-i", "sine=440:d=2"]
    made = [*sine, "-f", "lavfi", "-i", "color=red:s=64x48:r=10:d=2", "-shortest"]
    subprocess.run(["ffmpeg", "-v", "error", *made, str(loud)], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(loud), "-an", str(silent)], check=True)
    for source, sounds in ((loud, True), (silent, False)):
        out = tmp_path / f"out_{source.name}"
        with VideoWriter(out, rate=RATE, sound_of=source) as writer:
            for index in range(20):
                writer.write(mjpeg_server.numbered(index), index / RATE)
        told = subprocess.run(["ffmpeg", "-i", str(out)], capture_output=True, text=True).stderr
        assert ("Audio:" in told) == sounds
        assert numbers(out) == list(range(20))


def test_no_screen_and_no_windows_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OSError, match="DISPLAY is not set"):
        window.Window("poses")
    monkeypatch.setenv("DISPLAY", ":0")

    def headless(*_: object) -> None:
        raise cv2.error("not implemented")

    monkeypatch.setattr(window.cv2, "namedWindow", headless)
    with pytest.raises(OSError, match="pip install opencv-python"):
        window.Window("poses")
