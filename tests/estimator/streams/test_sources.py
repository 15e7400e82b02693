import io
import logging
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator.outputs import results
from estimator.pictures import jpeg_stream
from estimator.streams import sources
from estimator.streams.frames import Frame
from tests.estimator import mjpeg_server


def jpeg(index: int, height: int = 48, width: int = 64) -> bytes:
    return cv2.imencode(".jpg", mjpeg_server.numbered(index, height, width))[1].tobytes()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Ten numbered frames at 10 a second."""
    path = tmp_path / "ten.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    for index in range(10):
        writer.write(mjpeg_server.numbered(index))
    writer.release()
    return path


def numbers(frames: list[Frame]) -> list[int]:
    return [mjpeg_server.number(frame.picture) for frame in frames]


def test_a_video_loses_no_frame_and_tells_their_times(video: Path) -> None:
    with sources.open_source(str(video)) as source:
        assert (source.live, source.rate, source.frames, source.dropped) == (False, 10, 10, 0)
        frames = []
        for frame in source:
            time.sleep(0.01)  # a slow reader
            frames.append(frame)
    assert numbers(frames) == list(range(10))
    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(10) / 10)


def test_a_video_s_colours_are_rgb(tmp_path: Path) -> None:
    path = tmp_path / "red.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    writer.write(np.full((48, 64, 3), (0, 0, 255), np.uint8))  # OpenCV's is BGR
    writer.release()
    (frame,) = sources.open_source(str(path))
    assert frame.picture[24, 32] == pytest.approx([255, 0, 0], abs=8)


def test_a_closed_source_ends_after_the_frame_in_hand(video: Path) -> None:
    source = sources.open_source(str(video))
    frames = iter(source)
    next(frames)
    source.close()
    assert list(frames) == []


def test_pictures_come_in_natural_order_and_a_bad_one_is_named(tmp_path: Path) -> None:
    for index in (2, 10, 1):
        results.write_picture(tmp_path / f"shot_{index}.png", mjpeg_server.numbered(index))
    (tmp_path / "shot_3.png").write_text("text")
    for name in (str(tmp_path), str(tmp_path / "*.png"), str(tmp_path / "shot_%d.png")):
        source = sources.open_source(name, rate=5.0)
        frames = list(source)
        assert numbers(frames) == [1, 2, 10]
        assert [frame.time for frame in frames] == pytest.approx([0, 0.2, 0.6])
        ((file, reason),) = source.failures
        assert file.endswith("shot_3.png")
        assert "is no picture" in reason


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("none.mp4", FileNotFoundError, "no video at none.mp4"),
        ("none.jpg", FileNotFoundError, "no picture or folder at none.jpg"),
        ("shot_%04d.png", FileNotFoundError, "no pictures of the sequence"),
        ("a%d_%d.png", ValueError, "one number in the file's name"),
        ("camera:99", ValueError, "camera:99 cannot be opened"),
        ("http://127.0.0.1:9/stream", ValueError, "is the camera plugged in and free"),
        ("text.mp4", ValueError, "text.mp4 is no video that OpenCV can read"),
    ],
)
def test_what_cannot_be_opened_says_why(
    name: str,
    error: type[Exception],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_text("text")
    with pytest.raises(error, match=message):
        sources.open_source(name)


def test_a_rate_must_be_positive() -> None:
    with pytest.raises(ValueError, match="rate must be positive, found 0"):
        sources.open_source("x.jpg", rate=0)


def test_a_cut_off_video_is_told(video: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = video.read_bytes()
    sixth = [place for place in range(len(data)) if data[place : place + 3] == b"\xff\xd8\xff"][5]
    video.write_bytes(data[:sixth])
    with caplog.at_level(logging.WARNING):
        frames = list(sources.open_source(str(video)))
    assert 0 < len(frames) < 10
    assert "of the 10 frames in its header" in caplog.text


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        *((name, True) for name in ("-", "camera:0", "rtsp://a/b", "HTTP://a", "a.mp4", "A.MOV")),
        *((name, False) for name in ("a.jpg", "folder", "*.png", "camera", "a_%d.png")),
    ],
)
def test_streams_are_told_from_pictures(name: str, stream: bool) -> None:
    assert sources.is_stream(name) == stream


class Trickle(io.RawIOBase):
    """Bytes that come seven at a time, as a pipe's may."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, count: int = -1) -> bytes:
        return self._data.read(min(count, 7))


@pytest.mark.parametrize("between", [b"", b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n"])
@pytest.mark.parametrize("open_stream", [io.BytesIO, Trickle])
def test_jpegs_in_a_pipe_are_taken_apart(open_stream: type, between: bytes) -> None:
    data = b"".join(between + jpeg(index) for index in range(5))
    source = sources.Piped(open_stream(data), rate=10.0)
    frames = list(source)
    assert numbers(frames) == list(range(5))
    assert frames[-1].time == pytest.approx(0.4)


def test_a_thumbnail_does_not_end_its_picture() -> None:
    thumbnail = jpeg(9, 16, 16)
    inside = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = jpeg(3)
    picture = whole[:2] + inside + whole[2:]
    assert list(jpeg_stream.split(io.BytesIO(picture + whole))) == [picture, whole]


def test_one_picture_of_any_kind_may_be_piped() -> None:
    png = cv2.imencode(".png", mjpeg_server.numbered(6))[1].tobytes()
    assert numbers(list(sources.Piped(io.BytesIO(png)))) == [6]


def test_nothing_piped_is_an_error_and_a_cut_off_picture_is_named() -> None:
    with pytest.raises(ValueError, match="standard input was empty"):
        list(sources.Piped(io.BytesIO(b"")))
    source = sources.Piped(io.BytesIO(jpeg(0) + jpeg(1)[:-40]))
    assert numbers(list(source)) == [0]
    ((name, reason),) = source.failures
    assert name == "picture 1 of standard input"
    assert "is cut off" in reason


class Recorded:
    """In place of cv2.VideoCapture: opened, knows its number of frames, and has none left."""

    def __init__(self, *_: object) -> None:
        self.asked: list[int] = []

    def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name
        return True

    def get(self, number: int) -> float:
        return {cv2.CAP_PROP_FRAME_COUNT: 1800.0, cv2.CAP_PROP_FPS: 30.0}.get(number, 0.0)

    def read(self, *_: object) -> tuple[bool, None]:
        return False, None

    def release(self) -> None:
        pass


@pytest.mark.parametrize(
    ("address", "live"), [("http://h/a.mp4", False), ("rtsp://h/a", True), ("UDP://h:1", True)]
)
def test_a_recording_that_is_pushed_is_live_all_the_same(
    address: str, live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a server sends on while the network works, so that frames must be left out."""
    monkeypatch.setattr(sources.cv2, "VideoCapture", Recorded)
    with sources.open_source(address) as source:
        assert source.live == live
        assert source.frames == (None if live else 1800)
