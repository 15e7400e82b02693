"""`python -m estimator` over videos, streams and sequences."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import bundle
from estimator.decoders import heatmap
from estimator.outputs import results
from estimator.streams import sources
from tests.conftest import ROOT
from tests.estimator import mjpeg_server
from tests.estimator.conftest import colour_spec
from tests.estimator.program.test_main import run

Model = Callable[..., Path]


@pytest.fixture
def clip(tmp_path: Path, blobs: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a.avi: six frames of one person, at 10 a second."""
    monkeypatch.chdir(tmp_path)
    writer = cv2.VideoWriter("a.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (48, 32))
    for _ in range(6):
        writer.write(np.ascontiguousarray(blobs[..., ::-1]))
    writer.release()
    return tmp_path


def frames(path: Path) -> list[np.ndarray]:
    return [frame.picture for frame in sources.open_source(str(path))]


def test_a_video_is_drawn_beside_itself(
    colour_model: Model, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"--model={colour_model()}", "a.avi") == 0
    assert len(frames(clip / "a.poses.mp4")) == 6
    out = capsys.readouterr().out
    assert out.startswith("a.avi: 6 frames in ")
    assert out.endswith("; a.poses.mp4\n")


@pytest.mark.parametrize(("threads", "wanted"), [(1, 3), (2, 1)])
def test_opencv_keeps_to_one_thread_where_several_networks_run(
    threads: int, wanted: int, colour_model: Model, clip: Path
) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        assert run(f"--model={colour_model()}", "a.avi", f"--threads={threads}") == 0
        assert cv2.getNumThreads() == wanted
    finally:
        cv2.setNumThreads(before)


def test_every_output_at_once(colour_model: Model, clip: Path) -> None:
    arguments = ["--jsonl=a.jsonl", "--csv=a.csv", "--json=a.json", "--video=b.avi", "--smooth"]
    assert run(f"--model={colour_model()}", "a.avi", *arguments) == 0
    rows = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert [row["frame"] for row in rows] == list(range(6))
    assert [row["time"] for row in rows] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert {person["id"] for row in rows for person in row["people"]} == {1}
    assert len(json.loads(Path("a.json").read_text())) == 6
    table = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert [row["identity"] for row in table] == ["1"] * 6
    assert float(table[5]["green_x"]) == pytest.approx(27.5, abs=0.5)
    assert len(frames(clip / "b.avi")) == 6
    assert not Path("a.poses.mp4").exists()


def test_pictures_become_a_video(colour_model: Model, clip: Path, blobs: np.ndarray) -> None:
    for index in range(4):
        results.write_picture(clip / f"shot_{index}.png", blobs)
    for name in ("shot_%d.png", "*.png"):
        assert run(f"--model={colour_model()}", name, "--video=b.avi", "--rate=5") == 0
        assert sources.open_source("b.avi").rate == 5
        assert len(frames(clip / "b.avi")) == 4


def test_pictures_are_tracked_and_written(
    colour_model: Model, clip: Path, blobs: np.ndarray
) -> None:
    for index in range(3):
        results.write_picture(clip / f"shot_{index}.png", blobs)
    arguments = ["*.png", "--track", "--jsonl=a.jsonl", "--draw=none"]
    assert run(f"--model={colour_model()}", *arguments) == 0
    rows = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert [person["id"] for row in rows for person in row["people"]] == [1, 1, 1]
    assert rows[2]["file"] == "shot_2.png"


def test_beside_and_fields_and_boxes(colour_model: Model, clip: Path) -> None:
    model = f"--model={colour_model()}"
    assert run(model, "a.avi", "--beside", "--draw_boxes", "--scores", "--video=b.avi") == 0
    assert frames(clip / "b.avi")[0].shape == (32, 96, 3)
    assert run(model, "a.avi", "--draw=fields", "--video=c.avi") == 0
    assert frames(clip / "c.avi")[0].shape == (32, 48, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.mp4"], "no video at none.mp4"),
        (["a.avi", "camera:0"], "one stream at a time; found a.avi, camera:0"),
        (["http://127.0.0.1:9/x"], "http://127.0.0.1:9/x cannot be opened"),
        (["a.avi", "--video=b.gif"], "a video's name must end in .mp4"),
        (["a.avi", "--video=a.avi"], "a.avi is one of the pictures; it would be overwritten"),
        (["a.avi", "--jsonl=b", "--csv=b"], "--jsonl and --csv both name b"),
        (["a.avi", "--csv=none/b.csv"], "no folder none to write into"),
        (["a.avi", "--openpose_json=x"], "'colours' has no keypoint of openpose18"),
        (["a.avi", "--show"], "there is no screen to show on"),
        (["a.avi", "--scales=1,x"], "--scales must be factors as 0.5,1,1.5"),
        (["a.avi", "--scales=1,2"], "scale 1 only, found 2"),
        (["a.avi", "--scales=0"], "scales must be positive"),
        (["a.avi", "--boxes=b.json"], "no detections at b.json"),
        (["a.avi", "--boxes=boxes.json"], "colours finds people by itself"),
        (["a.avi", "--boxes=b", "--detector=b"], "give one"),
        (["text.mp4"], "text.mp4 is no video that OpenCV can read"),
    ],
)
def test_what_cannot_work_is_said_before_work_starts(
    arguments: list[str],
    message: str,
    colour_model: Model,
    clip: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    Path("text.mp4").write_text("text")
    Path("boxes.json").write_text("[]")
    assert run(f"--model={colour_model()}", *arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert not list(clip.glob("*.poses.*"))


@pytest.fixture
def top_down_model(colour_flatbuffer: bytes, tmp_path: Path) -> Path:
    """The colour network, laid into boxes."""
    from dataclasses import replace

    spec = colour_spec(fit="crop", box_padding=1.0)
    spec = replace(
        spec,
        outputs=replace(spec.outputs, pafs=False),
        decoder=heatmap.Parameters(min_score=0.5),
    )
    path = tmp_path / "top_down.tflite"
    bundle.write_tflite(path, colour_flatbuffer, spec)
    return path


def test_boxes_of_a_file_by_frame_and_by_picture(
    top_down_model: Path, clip: Path, blobs: np.ndarray
) -> None:
    """Two pictures of the person next to each other; a box around the right one."""
    results.write_picture(clip / "twins.png", np.concatenate([blobs, blobs], axis=1))
    boxes = [{"image_id": "twins", "bbox": [48, 0, 48, 32], "score": 0.5}]
    Path("boxes.json").write_text(json.dumps(boxes))
    model = f"--model={top_down_model}"
    arguments = ["--boxes=boxes.json", "--json=a.json"]
    assert run(model, "twins.png", *arguments) == 0
    (row,) = json.loads(Path("a.json").read_text())
    (person,) = row["people"]
    assert person["keypoints"]["green"]["x"] == pytest.approx(48 + 27.5, abs=0.1)
    assert person["score"] == pytest.approx(0.5, abs=0.01)
    boxes = [{"image_id": 2, "bbox": [0, 0, 48, 32], "score": 1.0}]
    Path("boxes.json").write_text(json.dumps(boxes))
    assert run(model, "a.avi", "--batch=2", *arguments) == 0
    rows = json.loads(Path("a.json").read_text())
    assert [len(row["people"]) for row in rows] == [0, 0, 1, 0, 0, 0]


def test_boxes_of_other_pictures_are_refused(
    top_down_model: Path, clip: Path, blobs: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    results.write_picture(clip / "000000000139.png", blobs)
    boxes = [{"image_id": 7, "bbox": [48, 0, 48, 32], "score": 0.5}]
    Path("boxes.json").write_text(json.dumps(boxes))
    assert run(f"--model={top_down_model}", "000000000139.png", "--boxes=boxes.json") == 2
    assert "it has image ids as 7, the first picture would be 139" in capsys.readouterr().err


def test_a_detector_s_people_get_a_second_look(
    top_down_model: Path, colour_model: Model, clip: Path
) -> None:
    arguments = [f"--detector={colour_model()}", "--jsonl=a.jsonl", "--track", "--min_score=0"]
    assert run(f"--model={top_down_model}", "a.avi", *arguments) == 0
    rows = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert [[person["id"] for person in row["people"]] for row in rows] == [[1]] * 6
    assert len(frames(clip / "a.poses.mp4")) == 6


def test_a_reader_reads_the_people_of_another_network(
    top_down_model: Path, colour_model: Model, clip: Path
) -> None:
    """A person read again has the geometric mean of both networks' scores, times 0.65."""
    model, scores = f"--model={colour_model()}", []
    for more in ([], [f"--reader={top_down_model}"]):
        assert run(model, "a.avi", "--json=a.json", "--min_score=0", "--frames=0:1", *more) == 0
        ((person,),) = (row["people"] for row in json.loads(Path("a.json").read_text()))
        scores.append(person["score"])
    alone, read = scores
    assert 0.65 * (alone * 0.4) ** 0.5 < read < 0.65 * (alone * 0.7) ** 0.5


def test_a_reader_that_would_not_be_used_is_refused(
    top_down_model: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = f"--reader={top_down_model}"
    assert run(f"--model={top_down_model}", "a.avi", reader) == 2
    assert "which reads people in boxes itself" in capsys.readouterr().err
    assert run("a.avi", reader, "--second_look=off") == 2
    assert "while second_look is 'off'" in capsys.readouterr().err


def test_a_heatmap_of_boxes_is_refused(
    top_down_model: Path,
    colour_model: Model,
    clip: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    detector = f"--detector={colour_model()}"
    assert run(f"--model={top_down_model}", "a.avi", detector, "--draw=heatmap") == 2
    assert "with boxes there are none: draw skeletons" in capsys.readouterr().err
    assert run(f"--model={top_down_model}", "a.avi", "--draw=fields") == 2
    assert "has no part affinity fields to draw" in capsys.readouterr().err


def start(*arguments: object, **more: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "estimator", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **more,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_live_stream_with_whole_files(
    number: signal.Signals, colour_model: Model, clip: Path
) -> None:
    with mjpeg_server.Camera(20.0) as camera:
        outputs = ["--video=b.mp4", "--jsonl=b.jsonl", "--json=b.json"]
        process = start(f"--model={colour_model()}", camera.url, *outputs)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if Path("b.jsonl").exists() and Path("b.jsonl").read_text().count("\n") > 5:
                break
            time.sleep(0.1)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err.decode()
    assert b"ending; once more to end at once" in err
    assert b"from capture to result:" in out
    rows = [json.loads(line) for line in Path("b.jsonl").read_text().splitlines()]
    assert len(json.loads(Path("b.json").read_text())) == len(rows) > 5
    assert "utc" in rows[0]
    assert len(frames(clip / "b.mp4")) > 0


def test_pictures_from_a_pipe(colour_model: Model, clip: Path, blobs: np.ndarray) -> None:
    process = start(f"--model={colour_model()}", "-", "--jsonl=b.jsonl", stdin=subprocess.PIPE)
    jpeg = cv2.imencode(".jpg", np.ascontiguousarray(blobs[..., ::-1]))[1].tobytes()
    out, err = process.communicate(3 * jpeg, timeout=60)
    assert process.returncode == 0, err.decode()
    assert out.startswith(b"-: 3 frames in")
    assert Path("b.jsonl").read_text().count("\n") == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_disk_that_fills_up_is_no_traceback(colour_model: Model, clip: Path) -> None:
    os.symlink("/dev/full", clip / "full.jsonl")
    process = start(f"--model={colour_model()}", "a.avi", "--jsonl=full.jsonl")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"No space left" in err
    assert b"Traceback" not in err


def test_a_part_of_a_video_is_drawn_at_its_own_rate(colour_model: Model, clip: Path) -> None:
    model = f"--model={colour_model()}"
    assert run(model, "a.avi", "--frames=1:6:2", "--jsonl=a.jsonl", "--max_people=1") == 0
    rows = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert [row["frame"] for row in rows] == [1, 3, 5]
    assert [row["time"] for row in rows] == pytest.approx([0, 0.2, 0.4])
    assert all(len(row["people"]) <= 1 for row in rows)
    drawn = sources.open_source("a.poses.mp4")
    assert drawn.rate == 5
    assert len(frames(clip / "a.poses.mp4")) == 3
    assert run(model, "a.avi", "--frames=6:2") == 2
    assert run(model, "--frames=0:2") == 2  # of a picture
