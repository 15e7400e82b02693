import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from estimator import __main__ as program
from estimator import pictures
from estimator.outputs import results
from estimator.pictures import reading
from estimator.pose_estimator import DEFAULT
from estimator.streams import sources
from tests.conftest import ROOT
from tests.estimator.inputs.test_scaled_decoding import jpeg

Model = Callable[..., Path]


def run(*arguments: object) -> int:
    """The program's exit code; its flags are read anew."""
    for name in program.FLAGS:
        program.FLAGS[name].unparse()
    return program.main(program.FLAGS(["estimator", *map(str, arguments)]))


@pytest.fixture
def folder(tmp_path: Path, blobs: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a/2.png and a/10.png: one person, and nobody."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    results.write_picture(tmp_path / "a/2.png", blobs)
    results.write_picture(tmp_path / "a/10.png", np.zeros_like(blobs))
    return tmp_path


def test_draws_beside_the_picture_and_prints_a_table(
    colour_model: Model, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"--model={colour_model()}", "a") == 0
    assert sorted(file.name for file in (folder / "a").iterdir()) == [
        "10.png",
        "10.poses.jpg",
        "2.png",
        "2.poses.jpg",
    ]
    header, first, second, counts = capsys.readouterr().out.splitlines()
    assert header.split() == ["picture", "pixels", "people", "keypoints", "best", "ms", "drawn"]
    assert first.split()[:4] == ["a/2.png", "48x32", "1", "3"]
    assert 0 < float(first.split()[4]) <= 1
    assert second.split()[:5] == ["a/10.png", "48x32", "0", "0", "-"]
    assert counts == "2 pictures done, 0 failed, 0 other files skipped"


def test_second_run_skips_what_the_first_drew(colour_model: Model, folder: Path) -> None:
    assert run(f"--model={colour_model()}", "a") == 0
    assert run(f"--model={colour_model()}", "a") == 0
    assert len(list((folder / "a").iterdir())) == 4


def test_writes_poses_of_everyone_and_of_nobody(colour_model: Model, folder: Path) -> None:
    assert run(f"--model={colour_model()}", "a", "--json=p.json", "--draw=none") == 0
    one, nobody = json.loads((folder / "p.json").read_text())
    assert (one["file"], one["width"], one["height"]) == ("a/2.png", 48, 32)
    assert one["people"][0]["keypoints"]["green"]["x"] == pytest.approx(27.5, abs=0.1)
    assert nobody["people"] == []
    assert len(list((folder / "a").iterdir())) == 2


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_large_jpeg_is_decoded_smaller_and_answered_in_its_own_pixels(
    orientation: int,
    colour_model: Model,
    folder: Path,
    blobs: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    large = blobs.repeat(8, axis=0).repeat(8, axis=1)[:-3, :-5]
    (folder / "large.jpg").write_bytes(jpeg(large, orientation))
    monkeypatch.setattr(sources, "KEPT", 1)
    decoded = []
    monkeypatch.setattr(
        pictures,
        "decode",
        lambda data, name, factor=1, **known: (
            decoded.append(factor) or reading.decode(data, name, factor, **known)
        ),
    )
    arguments = (f"--model={colour_model(flexible=True)}", "large.jpg", "--draw=none")
    assert run(*arguments, "--json=p.json", "--csv=p.csv", "--normalised=false") == 0
    assert decoded == [4]
    (found,) = json.loads((folder / "p.json").read_text())
    assert (found["width"], found["height"]) == (379, 253)
    green = found["people"][0]["keypoints"]["green"]
    assert (green["x"], green["y"]) == pytest.approx((223.5, 95.5), abs=4)  # of a cell of 64
    assert "379x253" in capsys.readouterr().out
    assert run(*arguments, "--json=s.json", "--normalised") == 0
    share = json.loads((folder / "s.json").read_text())[0]["people"][0]["keypoints"]["green"]
    assert share["x"] == pytest.approx((green["x"] + 0.5) / 379, abs=1e-3)


def test_min_score_leaves_people_out(colour_model: Model, folder: Path) -> None:
    arguments = (f"--model={colour_model()}", "a/2.png", "--json=p.json", "--draw=none")
    assert run(*arguments, "--min_score=1.5") == 0
    assert json.loads((folder / "p.json").read_text())[0]["people"] == []


def test_out_is_made_and_pictures_of_one_name_both_drawn(
    colour_model: Model, folder: Path, blobs: np.ndarray
) -> None:
    (folder / "b").mkdir()
    results.write_picture(folder / "b/2.png", blobs)
    assert run(f"--model={colour_model()}", "a", "b", "--out=x/y") == 0
    names = sorted(file.name for file in (folder / "x/y").iterdir())
    assert names == ["10.poses.jpg", "2-2.poses.jpg", "2.poses.jpg"]


def test_picture_given_is_never_overwritten(
    colour_model: Model, folder: Path, blobs: np.ndarray
) -> None:
    results.write_picture(folder / "a/2.poses.jpg", blobs)
    before = (folder / "a/2.poses.jpg").read_bytes()
    assert run(f"--model={colour_model()}", "a/2.poses.jpg", "a/2.png") == 0
    assert (folder / "a/2.poses.jpg").read_bytes() == before
    assert (folder / "a/2-2.poses.jpg").exists()


@pytest.mark.parametrize("kind", ["skeleton", "heatmap"])
def test_draws_over_the_person(kind: str, colour_model: Model, folder: Path) -> None:
    assert run(f"--model={colour_model()}", "a/2.png", f"--draw={kind}", "--scores") == 0
    drawn = pictures.read(folder / "a/2.poses.jpg").astype(int)
    given = pictures.read(folder / "a/2.png").astype(int)
    assert drawn.shape == given.shape
    assert np.abs(drawn - given)[8:16].max() > 60


def test_bad_picture_among_good_is_named_and_the_rest_done(
    colour_model: Model, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a/3.jpg").write_text("text")
    (folder / "a/notes.txt").write_text("text")
    assert run(f"--model={colour_model()}", "a") == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("skipped: a/3.jpg is no picture")
    assert "2 pictures done, 1 failed, 1 other files skipped" in printed.out


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("kind", ["skeleton", "heatmap"])
def test_thin_picture_is_drawn(
    size: tuple[int, int], kind: str, colour_model: Model, folder: Path
) -> None:
    results.write_picture(folder / "thin.png", np.zeros((*size, 3), np.uint8))
    model = colour_model(flexible=True)
    assert run(f"--model={model}", "thin.png", f"--draw={kind}") == 0
    assert pictures.read(folder / "thin.poses.jpg").shape == (*size, 3)


def test_turned_photograph_is_drawn_upright(
    colour_model: Model, folder: Path, blobs: np.ndarray
) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(blobs).copy()).save(folder / "turned.jpg", exif=exif, quality=95)
    assert run(f"--model={colour_model()}", "turned.jpg", "--json=p.json") == 0
    assert pictures.read(folder / "turned.poses.jpg").shape == (32, 48, 3)
    (row,) = json.loads((folder / "p.json").read_text())
    assert row["people"][0]["keypoints"]["red"]["x"] == pytest.approx(11.5, abs=0.5)


def test_without_pictures_the_sample_is_drawn_here(colour_model: Model, folder: Path) -> None:
    assert run(f"--model={colour_model()}") == 0
    assert pictures.read(folder / "sample.poses.jpg").shape == (512, 512, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.jpg"], "no picture or folder at none.jpg"),
        (["empty"], "no pictures in empty: 0 files"),
        (["*.webp"], "no pictures in *.webp"),
        (["a", "--out=a/2.png"], "a/2.png"),
        (["a", "--json=none/p.json"], "no folder none to write into"),
        (["a", "--json=a/2.png"], "a/2.png is one of the pictures; it would be overwritten"),
        (["a", "--json=p.json", "--coco=p.json"], "--json and --coco both name p.json"),
        (["a", "--json=empty"], "empty is a folder; give the name of a file"),
        (["a", "--coco=p.json", "--height=64"], "height 64 needs one exported as flexible"),
    ],
)
def test_what_cannot_work_is_said_before_work_starts(
    arguments: list[str],
    message: str,
    colour_model: Model,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "empty").mkdir()
    assert run(f"--model={colour_model()}", *arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert not list(folder.glob("**/*.poses.jpg"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_unwritable_out_is_said_before_work_starts(
    colour_model: Model, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "shut").mkdir(mode=0o500)
    assert run(f"--model={colour_model()}", "a", "--out=shut") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_without_a_model_our_own_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a", "--json=p.json", "--draw=none") == 0
    assert {entry["model"] for entry in json.loads(Path("p.json").read_text())} == {DEFAULT}


def test_everybody_is_written_with_every_keypoint(folder: Path) -> None:
    """As COCO's AP needs, which knows no missing keypoints; else those below 0.1 are left out."""
    counts = []
    for least in (0, 0.01):
        arguments = ("--model=tfpose_detector_nano", "--draw=none", "--coco=c.json")
        assert run(*arguments, pictures.SAMPLE, f"--min_score={least}") == 0
        everybody = json.loads(Path("c.json").read_text())
        counts.append([sum(score > 0 for score in one["keypoints"][2::3]) for one in everybody])
    assert set(counts[0]) == {17}
    assert 3 < min(counts[1]) < 17


def test_coco_results_need_coco_keypoints(
    colour_model: Model, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"--model={colour_model()}", "a", "--coco=c.json") == 2
    assert "'colours' has no keypoint of coco17" in capsys.readouterr().err


def test_the_command_runs_without_the_training_side(colour_model: Model, folder: Path) -> None:
    block = "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'keras', 'scripts']))"
    code = f"{block}; import runpy; runpy.run_module('estimator', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, f"--model={colour_model()}", "a/2.png"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "1 " in done.stdout
    assert (folder / "a/2.poses.jpg").exists()


@pytest.mark.parametrize("argument", ["--threads=0", "--draw=stick", "--min_score=-1", "--magic"])
def test_wrong_flag_is_no_traceback(argument: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "estimator", argument],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(("error: --", "error: no flag --magic"))
    assert len(done.stderr.splitlines()) == 1
