import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from estimator import skeletons
from estimator.geometry import scaling
from estimator.layout import OutputSpec
from tfpose import benchmarks
from tfpose.benchmarks import made_maps, original_decoder, timing
from tfpose.benchmarks.stored_maps import SPEC, find, read

from .conftest import Tfpose

OPENPOSE = skeletons.get("openpose18")


def stored(folder: Path, people: int) -> Path:
    xy = made_maps.crowd(OPENPOSE, people, 160, 240)
    file = folder / f"made_{people}.npz"
    np.savez(file, **made_maps.render(xy, OPENPOSE, OutputSpec(), 20, 30), matrix=np.eye(2, 3))
    return file


def test_a_benchmark_is_a_module_that_runs() -> None:
    assert "decode" in benchmarks.names()
    assert "original_decoder" not in benchmarks.names()
    with pytest.raises(ValueError, match="no benchmark 'original_decoder'; there are"):
        benchmarks.get("original_decoder")


def test_without_a_name_the_names_are_listed_with_a_line_each(tfpose: Tfpose) -> None:
    ended = tfpose("benchmark")
    assert ended.returncode == 0
    names = [line.split()[0] for line in ended.stdout.splitlines()]
    assert tuple(names) == benchmarks.names()
    assert all(len(line.split()) > 3 for line in ended.stdout.splitlines())


def test_a_name_that_is_none_suggests_the_nearest(tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", "decoed")
    assert ended.returncode == 2
    assert ended.stderr.endswith("did you mean decode?\n")


def test_decode_prints_both_decoders(tmp_path: Path, tfpose: Tfpose) -> None:
    stored(tmp_path, 1)
    ended = tfpose("benchmark", "decode", f"--maps={tmp_path}", "--repeats=2")
    head, row = ended.stdout.splitlines()
    assert head.split()[:4] == ["maps", "cells", "ours", "theirs"]
    assert row.split()[:4] == ["made_1", "20x30", "1", "1"]


def test_help_says_the_flags_of_the_benchmark_named(tfpose: Tfpose) -> None:
    assert "--maps" in tfpose("benchmark", "decode", "--help").stdout


def test_words_after_the_name_are_refused(tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", "decode", "maps")
    assert ended.returncode == 2
    assert "unexpected 'maps': tfpose benchmark decode takes flags only" in ended.stderr


def test_unknown_maps_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"neither an \.npz file nor a folder of them"):
        find([str(tmp_path)])
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        find([str(tmp_path / "none.npz")])


def test_decoders_are_compared_on_stored_maps(tmp_path: Path, tfpose: Tfpose) -> None:
    xy = made_maps.crowd(OPENPOSE, 2, 160, 240)
    maps = made_maps.render(xy, OPENPOSE, OutputSpec(), 20, 30)
    np.savez(tmp_path / "000000000007.npz", **maps, matrix=scaling(0.5, 0.5))  # 480x320 halved
    keypoints = np.concatenate([2 * xy + 0.5, np.full((2, 18, 1), 2)], axis=2)
    names = [OPENPOSE.keypoints.index(name) for name in skeletons.get("coco17").keypoints]
    (tmp_path / "truth.json").write_text(truth_json(keypoints[:, names]))
    ended = tfpose(
        *("benchmark", "compare_decoders"),
        *(f"--maps={tmp_path}", f"--truth={tmp_path / 'truth.json'}", "--draws=5"),
    )
    rows = {line.rsplit(maxsplit=8)[0]: line.split() for line in ended.stdout.splitlines()[1:4]}
    assert list(rows) == ["original", "original, no half", "ours"]
    assert rows["ours"][1] == "1.000"
    assert ended.stdout.count("95% interval") == 2


def test_medians_take_turns() -> None:
    order: list[str] = []
    functions = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    assert set(timing.medians(functions, repeats=2)) == {"a", "b"}
    assert "".join(order) == "ab" + "abab"  # once unmeasured


def test_original_finds_one_person_within_its_pixel(tmp_path: Path) -> None:
    maps = read(stored(tmp_path, 1))
    enlarged = [original_decoder.enlarge(maps[name], 8) for name in SPEC.channels]
    poses = original_decoder.decode(*enlarged)
    assert len(poses) == 1
    assert np.abs(poses.xy - made_maps.crowd(OPENPOSE, 1, 160, 240)).max() < 1


def test_original_finds_nobody_in_the_dark() -> None:
    dark = np.zeros((40, 40, 19), np.float32), np.zeros((40, 40, 38), np.float32)
    assert len(original_decoder.decode(*dark)) == 0


def test_original_maps_lie_over_the_picture() -> None:
    # A picture of 40x24 pixels, doubled, with 16 pixels of padding before and behind it in x.
    matrix = scaling(2, 2)
    matrix[0, 2] += 16
    maps = np.zeros((6, 14, 1), np.float32)
    maps[2, 5] = 1  # centre at input (43.5, 19.5), picture (13.5, 9.5)
    over = original_decoder.enlarge_to_picture(maps, 8, matrix, 24, 40)
    assert over.shape[:2] == (24, 40)
    y, x = np.unravel_index(over.argmax(), (24, 40))
    assert abs(x - 13.5) <= 0.5
    assert abs(y - 9.5) <= 0.5


# What Lightweight OpenPose's own program finds at four times, as told beside the maps; for p3 it
# says 1, but the photograph shows three people and their maps have three clear peaks a keypoint.
@pytest.mark.parametrize(
    ("name", "people"),
    [
        ("slices/maps/photo_p3", 3),
        ("slices/maps/photo_ski", 5),
        ("maps/photo_p3", 3),
        ("maps/photo_ski", 5),
        ("maps/crowd10_656x368", 7),
        ("maps/crowd30_1312x736", 35),
        ("maps/crowd60_1312x736", 48),
        ("maps/crowd100_1920x1104", 90),
    ],
)
def test_original_finds_whom_the_original_finds(
    golden_file: Callable[[str], Path], name: str, people: int
) -> None:
    maps = read(golden_file(name))
    enlarged = [original_decoder.enlarge(maps[channel], 4) for channel in SPEC.channels]
    assert len(original_decoder.decode(*enlarged)) == people


def truth_json(keypoints: np.ndarray) -> str:
    people = [
        {
            "id": index + 1,
            "image_id": 7,
            "category_id": 1,
            "keypoints": one.ravel().tolist(),
            "num_keypoints": 17,
            "area": 20000.0,
            "bbox": [0, 0, 200, 200],
            "iscrowd": 0,
        }
        for index, one in enumerate(keypoints)
    ]
    image = {"id": 7, "height": 320, "width": 480}
    return json.dumps(
        {"images": [image], "annotations": people, "categories": [{"id": 1, "name": "person"}]}
    )
