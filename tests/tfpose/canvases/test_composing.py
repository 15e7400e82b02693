from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tfpose.canvases.composing import ATTEMPTS, Canvases
from tfpose.canvases.options import CanvasOptions
from tfpose.canvases.scenes import Scene, Scenes, gather, unlabelled
from tfpose.data.picture_files import Pictures

PLAIN = CanvasOptions(
    height=64,
    width=96,
    single=1,
    four=0,
    pair=0,
    nine=0,
    recoloured=0,
    blurred=0,
    rotated=0,
    occluded=0,
    pasted=0,
    sharpened=0,
    grainy=0,
    grey=0,
)
LEVELS = {"a/red.png": (200, 0, 0), "a/green.png": (0, 200, 0), "b/blue.png": (0, 0, 200)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colour in LEVELS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture = np.full((80, 100, 3), colour[::-1], np.uint8)
        cv2.imwrite(str(tmp_path / name), picture)
    return tmp_path


def scenes(folder: Path) -> Scenes:
    files = Pictures([folder])
    return gather(unlabelled(files), files=files)


def labelled(folder: Path, name: str, keypoints: np.ndarray | None = None) -> Scene:
    """A picture of 100x80 with one person of 40 pixels whose one keypoint is at (70, 30)."""
    path = folder / name
    people = np.array([[[70, 30, 2]]], np.float32) if keypoints is None else keypoints
    return Scene(
        name=name,
        origin=name[0],
        keypoints=people,
        boxes=np.array([[50, 10, 40, 40]], np.float32)[: len(people)],
        place=(path, 0, path.stat().st_size),
    )


def test_a_canvas_hangs_on_seed_and_number_alone(folder: Path) -> None:
    options = CanvasOptions(height=64, width=96)
    first, second = Canvases(scenes(folder), options), Canvases(scenes(folder), options)
    forwards = [first(number) for number in range(6)]
    backwards = [second(number) for number in reversed(range(6))][::-1]
    assert all((a == b).all() for a, b in zip(forwards, backwards, strict=True))
    assert not (Canvases(scenes(folder), options, seed=1)(0) == forwards[0]).all()


@pytest.mark.parametrize(("kind", "cells"), [("single", 1), ("pair", 2), ("four", 4), ("nine", 9)])
def test_a_mosaic_covers_the_canvas_with_its_cells(folder: Path, kind: str, cells: int) -> None:
    options = replace(PLAIN, **{"single": 0, kind: 1})
    canvases = Canvases(scenes(folder), options)
    image = np.stack([canvases(number) for number in range(20)])
    assert image.shape == (20, 64, 96, 3)
    colours = {tuple(pixel) for pixel in image.reshape(-1, 3).tolist()}
    assert colours == set(LEVELS.values())  # nothing is grey, nothing is between
    corners = image[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    differing = (corners != corners[:, :1]).any()
    assert differing == (cells > 1)


def test_patches_of_pictures_without_people_hide_parts(folder: Path) -> None:
    nobody = np.zeros((0, 1, 3), np.float32)
    parts = [labelled(folder, "a/red.png"), labelled(folder, "b/blue.png", nobody)]
    options = replace(PLAIN, enlarge=20.0, person=(2000.0, 2000.0), background=1.0)
    weights = {"b": 0.0}  # drawn for patches alone
    whole = Canvases(gather(parts), options, weights=weights)
    patched = Canvases(gather(parts), replace(options, occluded=1.0), weights=weights)
    hidden = []
    for number in range(20):
        image = patched(number)
        assert (whole(number) == LEVELS["a/red.png"]).all()
        blue = (image == LEVELS["b/blue.png"]).all(axis=-1)
        assert (image[~blue] == LEVELS["a/red.png"]).all()
        hidden.append(blue.mean())
    assert 0.05 < np.mean(hidden) < 0.4
    assert max(hidden) < 0.9


def test_people_of_other_pictures_are_pasted_without_their_background(folder: Path) -> None:
    """A white figure before dark noise, before the blue of another picture."""
    picture = np.random.default_rng(0).integers(0, 30, (80, 100, 3), np.uint8)
    picture[10:50, 60:80] = 255
    cv2.imwrite(str(folder / "a/person.png"), picture)
    person = np.array([[[70, 14, 2], [65, 30, 2], [75, 30, 2], [70, 46, 2]]], np.float32)
    nobody = np.zeros((0, 4, 3), np.float32)
    parts = [
        labelled(folder, "a/person.png", person),
        labelled(folder, "b/blue.png", nobody),
    ]
    options = replace(PLAIN, pasted=1.0, person=(30.0, 30.0))
    canvases = Canvases(gather(parts), options, weights={"a": 0.3})
    white, black = [], []
    for number in range(40):
        image = canvases(number)
        if (image[..., 2] > 150).mean() > 0.8:  # not the person's own picture
            white.append((image > 230).all(axis=-1).mean())
            black.append((image < 40).all(axis=-1).mean())
    assert len(white) > 10
    assert max(white) > 0.02
    assert max(black) < 0.01


def test_a_sharpened_canvas_has_steeper_edges(folder: Path) -> None:
    picture = np.full((80, 100, 3), 60, np.uint8)
    picture[:, 50:] = 180
    cv2.imwrite(str(folder / "a/edge.png"), cv2.GaussianBlur(picture, (0, 0), 2))
    scene = [labelled(folder, "a/edge.png")]
    options = replace(PLAIN, person=(40.0, 40.0), background=0.0)
    plain = Canvases(gather(scene), options)
    sharp = Canvases(gather(scene), replace(options, sharpened=1.0))
    steeper = 0
    for number in range(8):
        before, after = (
            np.abs(np.diff(image.astype(int)[..., 0], axis=1)).max()
            for image in (plain(number), sharp(number))
        )
        assert after >= before
        steeper += after > before
    assert steeper > 4


def test_a_grainy_canvas_is_the_canvas_with_noise_about_it(folder: Path) -> None:
    """The noise is the same in all colours, or different, and never moves the mean."""
    for name in LEVELS:
        cv2.imwrite(str(folder / name), np.full((80, 100, 3), 128, np.uint8))
    grainy = Canvases(scenes(folder), replace(PLAIN, grainy=1.0))
    coloured = set()
    for number in range(12):
        noise = grainy(number).astype(int) - 128
        assert 1.5 < noise.std() < 11
        assert abs(noise.mean()) < 1
        coloured.add(bool((noise != noise[..., :1]).any()))
    assert coloured == {True, False}


def test_a_grey_canvas_has_its_pictures_brightness_and_no_colour(folder: Path) -> None:
    canvases = Canvases(scenes(folder), replace(PLAIN, grey=1.0))
    for number in range(6):
        image = canvases(number)
        assert (image == image[..., :1]).all()
        assert int(image[0, 0, 0]) in {60, 117, 23}  # 0.299, 0.587, 0.114 of 200


def test_weights_say_how_often_an_origin_is_taken(folder: Path) -> None:
    parts = [labelled(folder, name) for name in LEVELS]
    options = replace(PLAIN, enlarge=20.0, person=(2000.0, 2000.0))  # the person fills the canvas
    canvases = Canvases(gather(parts), options, weights={"a": 0.0})
    assert all((canvases(number) == LEVELS["b/blue.png"]).all() for number in range(8))


def test_a_weight_of_a_stranger_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"name origins of the pictures \(pictures\).*'lspet'"):
        Canvases(scenes(folder), PLAIN, weights={"lspet": 2.0})
    with pytest.raises(ValueError, match="no picture has a weight"):
        Canvases(scenes(folder), PLAIN, weights={"pictures": 0.0})


def test_a_labelled_person_lands_in_the_middle_at_the_size_asked_for(folder: Path) -> None:
    """A white square where the person is: 40 pixels in the picture, 20 in the canvas."""
    picture = np.zeros((80, 100, 3), np.uint8)
    picture[10:50, 50:90] = 255
    cv2.imwrite(str(folder / "a/person.png"), picture)
    options = replace(PLAIN, person=(20.0, 20.0), height=32, width=32, background=0.0)
    canvases = Canvases(gather([labelled(folder, "a/person.png")]), options)
    for number in range(12):
        rows, columns = np.nonzero((canvases(number) > 200).all(axis=-1))
        assert len(rows) > 0, number
        whole = min(rows.min(), columns.min()) > 0 and max(rows.max(), columns.max()) < 31
        if whole:
            assert rows.max() - rows.min() + 1 == pytest.approx(20, abs=2)


def test_what_lies_outside_of_a_picture_is_a_picture_without_people(folder: Path) -> None:
    nobody = np.zeros((0, 1, 3), np.float32)
    parts = [labelled(folder, "a/red.png"), labelled(folder, "b/blue.png", nobody)]
    options = replace(PLAIN, person=(10.0, 10.0), background=1.0, height=128, width=128)
    canvases = Canvases(gather(parts), options, weights={"b": 0.0})
    colours = {tuple(p) for number in range(4) for p in canvases(number).reshape(-1, 3).tolist()}
    assert LEVELS["b/blue.png"] in colours
    assert (128, 128, 128) not in colours


def test_bars_that_padding_left_are_not_on_canvases(folder: Path) -> None:
    picture = np.random.default_rng(0).integers(180, 256, (80, 100, 3), np.uint8)
    picture[50:] = 10
    cv2.imwrite(str(folder / "c.png"), picture)
    for name in LEVELS:
        (folder / name).unlink()
    canvases = Canvases(scenes(folder), PLAIN)
    assert all(canvases(number).min() > 100 for number in range(8))


def test_a_bad_picture_is_named_and_another_one_taken(folder: Path) -> None:
    (folder / "b/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    canvases = Canvases(scenes(folder), PLAIN)
    assert all(canvases(number).shape == (64, 96, 3) for number in range(12))
    assert list(canvases.bad) == ["b/broken.jpg"]


def test_a_folder_of_bad_pictures_stops(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=rf"{ATTEMPTS} pictures in a row cannot be read.*broken"):
        Canvases(scenes(tmp_path), PLAIN)(0)


def test_no_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "read.me").write_text("nothing")
    with pytest.raises(ValueError, match="no pictures among the 1 files"):
        unlabelled(Pictures([tmp_path]))
    with pytest.raises(ValueError, match="there are no pictures"):
        gather()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"height": 16}, "at least 32x32"),
        ({"single": -1.0}, "must be weights"),
        ({"single": 0.0}, "must be weights"),
        ({"person": (50.0, 20.0)}, "smallest and largest"),
        ({"zoom": 0.5}, "zoom at least 1"),
        ({"blurred": 2.0}, "blurred must be a share"),
    ],
)
def test_impossible_options_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PLAIN, **wrong)
