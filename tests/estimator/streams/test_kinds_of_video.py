"""Videos that are not plain: animations, raw streams, no suffix, uneven times, parts of a file."""

import fractions
import logging
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator.outputs.video_writer import VideoWriter
from estimator.streams import containers, sliced, sources
from tests.estimator import mjpeg_server

Image = pytest.importorskip("PIL.Image")


def animation(path: Path, count: int = 5) -> Path:
    frames = [
        Image.fromarray(np.ascontiguousarray(mjpeg_server.numbered(index)[..., ::-1]))
        for index in range(count)
    ]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0)
    return path


def encoded(path: Path, times: list[int], *, kind: str | None = None) -> Path:
    """Numbered frames in H.264, at times in milliseconds."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w", format=kind) as file:
        stream = file.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"crf": "10", "bf": "0"}
        stream.codec_context.time_base = fractions.Fraction(1, 1000)
        for index, time in enumerate(times):
            picture = np.ascontiguousarray(mjpeg_server.numbered(index)[..., ::-1])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, fractions.Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def numbers(source: sources.Source) -> list[int]:
    with source:
        return [mjpeg_server.number(frame.picture) for frame in source]


def test_animated_gif_is_a_video_and_a_still_one_a_picture(tmp_path: Path) -> None:
    moving, still = animation(tmp_path / "a.gif"), animation(tmp_path / "b.gif", 1)
    assert sources.is_stream(str(moving))
    assert not sources.is_stream(str(still))
    assert len(numbers(sources.open_source(str(moving)))) == 5
    assert len(numbers(sources.open_source(str(still)))) == 1


@pytest.mark.parametrize("name", ["a.webp", "a.gif"])
def test_animation_among_pictures_is_said_to_be_read_by_its_first_frame(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    animation(tmp_path / name)
    with caplog.at_level(logging.WARNING):
        assert len(numbers(sources.open_source(str(tmp_path)))) == 1
    assert f"{name} is an animation: only its first frame is read" in caplog.text


def test_raw_stream_and_a_file_without_suffix_are_read(tmp_path: Path) -> None:
    raw = encoded(tmp_path / "raw.h264", [*range(0, 400, 50)], kind="h264")
    bare = encoded(tmp_path / "clip", [*range(0, 400, 50)], kind="mp4")
    renamed = tmp_path / "clip.dat"
    renamed.write_bytes(raw.read_bytes())
    for path in (raw, bare, renamed):
        assert sources.is_stream(str(path))
        assert len(numbers(sources.open_source(str(path)))) == 8


def test_video_given_as_a_picture_is_named(tmp_path: Path) -> None:
    path = encoded(tmp_path / "clip.jpg", [0, 50], kind="mp4")
    source = sources.open_source(str(path))
    assert numbers(source) == []
    assert "a video, no picture" in source.failures[0][1]


def test_film_of_a_video_of_uneven_times_keeps_every_frame(tmp_path: Path) -> None:
    times = [0, 50, 100, 300, 550, 600, 750]
    path = encoded(tmp_path / "vfr.mp4", times)
    source = sources.Video(str(path))
    rate = containers.film_rate(str(path), source.rate or 0)
    assert rate == pytest.approx(20, rel=0.01)
    film = tmp_path / "film.mp4"
    with source, VideoWriter(film, rate=rate) as writer:
        for frame in source:
            writer.write(frame.picture, frame.time)
    seen = numbers(sources.Video(str(film)))
    assert list(dict.fromkeys(seen)) == list(range(7))
    assert len(seen) == 16


def test_even_times_keep_the_rate_of_the_file(tmp_path: Path) -> None:
    path = encoded(tmp_path / "cfr.mp4", [*range(0, 400, 50)])
    assert containers.film_rate(str(path), 20.0) == 20.0


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_whole_file_with_an_edit_list_is_not_damaged_and_a_cut_one_is(tmp_path: Path) -> None:
    edits = box(b"trak", box(b"edts", box(b"elst", bytes(20))))
    whole = box(b"ftyp", b"isom") + box(b"moov", edits) + box(b"mdat", bytes(100))
    path = tmp_path / "a.mp4"
    for content, expected in (
        (whole, True),
        (whole[:-1], False),
        (box(b"moov", b"") + box(b"mdat", b""), False),
        (b"", False),
    ):
        path.write_bytes(content)
        assert containers.shows_a_part(path) is expected


@pytest.mark.parametrize(
    ("text", "expected", "times"),
    [
        ("2:5", [2, 3, 4], [0, 0.1, 0.2]),
        (":4:2", [0, 2], [0, 0.2]),
        ("7:", [7, 8, 9], [0, 0.1, 0.2]),
        ("::4", [0, 4, 8], [0, 0.4, 0.8]),
    ],
)
def test_frames_are_those_of_a_slice(
    tmp_path: Path, text: str, expected: list[int], times: list[float]
) -> None:
    path = tmp_path / "ten.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    for index in range(10):
        writer.write(mjpeg_server.numbered(index))
    writer.release()
    source = sliced.Sliced(sources.open_source(str(path)), sliced.parse(text))
    assert source.frames == len(expected)
    with source:
        found = list(source)
    assert [frame.index for frame in found] == expected
    assert [mjpeg_server.number(frame.picture) for frame in found] == expected
    assert [frame.time for frame in found] == pytest.approx(times)


@pytest.mark.parametrize("text", ["5", "a:b", "-1:", "3:3", "::0", "1:2:3:4"])
def test_what_is_no_slice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"START:STOP|counted from 0|no frame"):
        sliced.parse(text)
