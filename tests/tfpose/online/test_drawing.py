"""Canvases drawn in processes of their own are the canvases of `tfpose.canvases.composing`."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tfpose.canvases import composing
from tfpose.canvases.composing import Canvases
from tfpose.canvases.options import CanvasOptions
from tfpose.canvases.scenes import Scene, Scenes
from tfpose.data.picture_files import Pictures
from tfpose.online import drawing, pack

OPTIONS = CanvasOptions(height=64, width=64, person=(20, 60), pasted=1.0)
KEYPOINTS = np.array([[[30, 20, 2], [25, 40, 2], [35, 40, 1], [30, 60, 2]]], np.float32)
BOX = np.array([[22, 15, 16, 50]], np.float32)


@pytest.fixture
def scenes(tmp_path: Path) -> Scenes:
    """Five pictures of noise with a figure in it, and one without."""
    found = []
    for number in range(6):
        random = np.random.default_rng(number)
        image = random.integers(0, 90, (80, 70, 3)).astype(np.uint8)
        people = number < 5
        if people:
            cv2.ellipse(image, (30, 40), (8, 25), 0, 0, 360, (40 * number, 200, 60), -1)
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), image)
        found.append(
            Scene(
                name=path.name,
                origin="street" if people else "nobody",
                keypoints=KEYPOINTS if people else KEYPOINTS[:0],
                boxes=BOX if people else BOX[:0],
                place=(path, 0, path.stat().st_size),
            )
        )
    return Scenes(scenes=tuple(found), files=Pictures(()))


def test_pictures_in_memory_and_known_outlines_change_no_canvas(scenes: Scenes) -> None:
    decoded = drawing.decoded(scenes, threads=2)
    known = drawing.outlines(decoded, threads=2)
    assert known.keys() == {(scene.place, 0) for scene in scenes.scenes[:5]}
    slow, fast = Canvases(scenes, OPTIONS), Canvases(decoded, OPTIONS, outlines=known)
    for number in range(12):
        np.testing.assert_array_equal(slow(number), fast(number))


def test_who_is_outlined_before_is_not_outlined_again(
    scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = drawing.decoded(scenes, threads=1)
    known = drawing.outlines(decoded, threads=1)

    def refuse(*_: object) -> None:
        raise AssertionError("outlined")

    monkeypatch.setattr(composing.cutouts, "outline", refuse)
    drawers = Canvases(decoded, OPTIONS, outlines=known)
    assert len({drawers(number).tobytes() for number in range(12)}) == 12
    with pytest.raises(AssertionError, match="outlined"):
        [Canvases(decoded, OPTIONS)(number) for number in range(12)]


def test_people_of_two_sets_whose_pictures_are_called_alike_are_not_mixed_up(
    scenes: Scenes,
) -> None:
    alike = replace(scenes, scenes=tuple(replace(one, name="1") for one in scenes.scenes))
    decoded = drawing.decoded(alike, threads=1)
    fast = Canvases(decoded, OPTIONS, outlines=drawing.outlines(decoded, threads=1))
    slow = Canvases(alike, OPTIONS)
    for number in range(12):
        np.testing.assert_array_equal(slow(number), fast(number))


def test_an_unreadable_picture_is_left_out_and_named(
    scenes: Scenes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "3.png").write_bytes(b"no picture")
    with caplog.at_level("WARNING", logger="absl"):
        found = drawing.decoded(scenes, threads=2)
    names = [scene.name for scene in found.scenes]
    assert names == ["0.png", "1.png", "2.png", "4.png", "5.png"]
    assert "left out: 3.png cannot be decoded" in caplog.text


def test_processes_draw_what_one_would(scenes: Scenes) -> None:
    drawers = drawing.Drawers(
        scenes, [(OPTIONS, 1.0)], weights={"nobody": 0.5}, seed=3, processes=2, blocks=3
    )
    try:
        blocks = iter(drawers)
        found = [next(blocks).copy() for _ in range(6)]
    finally:
        drawers.stop()
    assert all(block.shape == (drawing.BLOCK, 64, 64, 3) for block in found)
    drawn = {image.tobytes() for block in found for image in block}
    assert len(drawn) == 6 * drawing.BLOCK
    decoded = drawing.decoded(scenes, threads=1)
    alone = [
        Canvases(decoded, OPTIONS, weights={"nobody": 0.5}, seed=seed)
        for seed in (drawing.seed_of(3, 0, 0), drawing.seed_of(3, 0, 1))
    ]
    expected = {one(number).tobytes() for one in alone for number in range(6 * drawing.BLOCK)}
    assert drawn <= expected


def test_a_weight_of_no_origin_is_refused_before_anything_runs(scenes: Scenes) -> None:
    with pytest.raises(ValueError, match="name origins of the pictures"):
        drawing.Drawers(scenes, [(OPTIONS, 1.0)], weights={"sea": 1.0}, seed=0, processes=1)


def test_who_waits_for_drawers_that_ended_is_told(
    scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "PATIENCE", 0.2)
    drawers = drawing.Drawers(scenes, [(OPTIONS, 1.0)], weights={}, seed=0, processes=1, blocks=2)
    blocks = iter(drawers)
    next(blocks)
    drawers.stop()
    with pytest.raises(ChildProcessError, match="a process that draws canvases ended"):
        [next(blocks) for _ in range(4)]


def test_a_packed_set_is_the_set(scenes: Scenes, tmp_path: Path) -> None:
    folder = pack.write(scenes.scenes, tmp_path / "packed")
    found = pack.read(folder)
    for index, (one, other) in enumerate(zip(scenes.scenes, found.scenes, strict=True)):
        assert (one.name, one.origin, one.empty) == (other.name, other.origin, other.empty)
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(scenes.read(index), found.read(index))


def test_pictures_that_were_cut_short_are_refused(scenes: Scenes, tmp_path: Path) -> None:
    folder = pack.write(scenes.scenes, tmp_path / "packed")
    with (folder / pack.PICTURES).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(ValueError, match=r"pictures\.bin has 100 bytes, not \d+: send it again"):
        pack.read(folder)


def test_a_picture_of_a_folder_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.jpg is no labelled picture of a prepared set"):
        pack.write((Scene(name="a.jpg", origin="pictures"),), tmp_path)


def test_no_tensorflow_is_needed() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "import tfpose.online.drawing, tfpose.online.pack, tfpose.commands.training.distil_online"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3], env=os.environ
    )
