"""Labelling and caching on Beam: the same as without it, and what fails is named."""

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from estimator import pictures
from tests.in_process import Tfpose, tfpose  # noqa: F401  the fixture
from tests.tfpose import small_runs, toy_cache
from tests.tfpose.bulk import made_containers
from tests.tfpose.teacher import test_people_cache as toy_people
from tfpose.canvases.scenes import gather, unlabelled
from tfpose.data import cached_people
from tfpose.data.beam_runner import BeamOptions
from tfpose.data.cached_people import Person
from tfpose.data.picture_files import Pictures
from tfpose.teacher import cache as canvas_cache
from tfpose.teacher import detectors, fill_cache, label_people, people_cache
from tfpose.teacher.detectors import Detectors
from tfpose.teacher.person_network import PersonTeacher

pytest.importorskip("apache_beam", reason="needs apache-beam (the extra [beam])")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MODEL = ("--model=tfpose_s", "--height=128")
BEAM = "--runner=DirectRunner"
HERE = BeamOptions()  # this process: what a test puts in a module's place is there


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Seven pictures in a folder and a zip, three of them with people, two of them broken."""
    sample = pictures.SAMPLE.read_bytes()
    grey = made_containers.pictures(1)["000.png"]
    folder = tmp_path / "in"
    made_containers.laid(folder, {"b.jpg": sample, "a.jpg": sample[:3000]})
    made_containers.laid(folder / "deep" / "er", {"c.png": grey, "d.jpg": sample})
    made_containers.zipped(
        folder / "set.zip", {"e.jpg": sample, "f.jpg": b"no picture", "g.png": grey}
    )
    return folder


def _labels(tfpose: Tfpose, photographs: Path, out: Path, *more: str) -> str:  # noqa: F811
    images = f"--images={photographs},{photographs / 'set.zip'}"
    ended = tfpose("pseudo-label", *MODEL, images, f"--out={out}", *more)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("processes", [1, 2])
def test_labels_are_those_without_beam(
    photographs: Path,
    tmp_path: Path,
    tfpose: Tfpose,  # noqa: F811
    processes: int,
) -> None:
    plain, out = tmp_path / "plain.json", tmp_path / "labels.json"
    beam = (BEAM, f"--processes={processes}")
    told = _labels(tfpose, photographs, plain)
    assert _labels(tfpose, photographs, out, *beam) == told.replace("plain", "labels")
    assert out.read_bytes() == plain.read_bytes()
    assert len(json.loads(plain.read_text())["images"]) == 5
    assert json.loads(plain.read_text())["annotations"]
    letters = [
        json.loads(line)
        for path in (tmp_path / "labels.json.progress").glob("*.failed.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert {(Path(letter["source"]).name, letter["kind"]) for letter in letters} == {
        ("a.jpg", "decode"),
        ("f.jpg", "decode"),
    }


def test_shards_that_are_done_are_skipped_and_failed_pictures_are_tried_again(
    photographs: Path,
    tmp_path: Path,
    tfpose: Tfpose,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tfpose.teacher import label_shards

    done, do = list[str](), label_shards.do

    def noted(job: Any, shard: Any, rows_of: Any) -> Any:
        done.append(shard.name)
        return do(job, shard, rows_of)

    monkeypatch.setattr(label_shards, "do", noted)
    monkeypatch.setitem(label_shards.label.__kwdefaults__, "most", 3)
    out = tmp_path / "labels.json"
    _labels(tfpose, photographs, out, BEAM)
    first, sound = sorted(done), 1  # a.jpg is in shard 0, f.jpg in shard 2
    assert len(first) == 3
    whole = json.loads(out.read_text())
    done.clear()
    (photographs / "a.jpg").write_bytes(pictures.SAMPLE.read_bytes())  # mended
    _labels(tfpose, photographs, out, BEAM)
    assert sorted(done) == [name for name in first if name != first[sound]]
    assert len(json.loads(out.read_text())["images"]) == len(whole["images"]) + 1
    done.clear()
    (tmp_path / "labels.json.progress" / f"{first[sound]}.json").unlink()  # killed before its mark
    mended = out.read_bytes()
    _labels(tfpose, photographs, out, BEAM)
    assert sorted(done) == first[sound:]  # f.jpg is still broken
    assert out.read_bytes() == mended
    other = tfpose(
        "pseudo-label", *MODEL, f"--images={photographs},{photographs / 'set.zip'}",
        f"--out={out}", BEAM, "--person=0.9",
    )  # fmt: skip
    assert "thresholds.person: 0.4, now 0.9" in other.stderr


def test_tars_are_labelled_a_name_that_two_pictures_have_is_not_and_videos_are_refused(
    tmp_path: Path,
    tfpose: Tfpose,  # noqa: F811
) -> None:
    sample = pictures.SAMPLE.read_bytes()
    for name, members in (("a", ("x/1.jpg", "x/2.jpg")), ("b", ("x/2.jpg", "x/3.jpg"))):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for member in members:
                archive.writestr(member, sample)
        with (
            tarfile.open(tmp_path / f"{name}.tar", "w") as tar,
            zipfile.ZipFile(tmp_path / f"{name}.zip") as archive,
        ):
            for member in members:
                (tmp_path / "one.jpg").write_bytes(archive.read(member))
                tar.add(tmp_path / "one.jpg", member)
    out, plain = tmp_path / "labels.json", tmp_path / "plain.json"
    zips = f"--images={tmp_path}/a.zip,{tmp_path}/b.zip"
    tfpose("pseudo-label", *MODEL, zips, f"--out={plain}")
    ended = tfpose(
        "pseudo-label",
        *MODEL,
        f"--images={tmp_path}/*.tar",
        f"--out={out}",
        BEAM,
    )
    assert "x/2.jpg is there more than once" in ended.stdout
    names = [image["file_name"] for image in json.loads(out.read_text())["images"]]
    assert names == ["x/1.jpg", "x/3.jpg"]
    assert out.read_bytes() == plain.read_bytes()
    (tmp_path / "walk.mp4").write_bytes(b"no video, but called so")
    refused = tfpose(
        "pseudo-label", *MODEL, f"--images={tmp_path}/walk.mp4", f"--out={tmp_path}/v.json",
        BEAM,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "walk.mp4 is a video" in refused.stderr


def test_options_for_beam_without_it_are_refused(
    photographs: Path,
    tmp_path: Path,
    tfpose: Tfpose,  # noqa: F811
) -> None:
    told = (f"--images={photographs}", f"--out={tmp_path}/a.json", "--beam_option=--region=here")
    ended = tfpose("pseudo-label", *MODEL, *told)
    assert ended.returncode == 1
    assert "give --runner, too" in ended.stderr


def test_people_found_by_detectors_are_labelled_the_same(
    photographs: Path,
    tmp_path: Path,
    tfpose: Tfpose,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = detectors.DetectorSpec(
        kind="corners", stretched=True, mean=(0.0, 0.0, 0.0), deviation=(1.0, 1.0, 1.0)
    )
    box = [np.array([[[40, 40, 200, 280]]], np.float32), np.full((1, 1, 1), 0.9, np.float32)]
    found = Detectors([(spec, 320, lambda _: box)])
    teacher = PersonTeacher([(toy_people.SPEC, toy_people.by_colour)])
    monkeypatch.setattr(label_people, "open_detectors", lambda _: found)
    monkeypatch.setattr(label_people, "open_teacher", lambda _: teacher)
    (tmp_path / "d.xml").touch()
    networks = (f"--detectors={tmp_path}/d.xml", f"--teachers={tmp_path}/d.xml", "--keypoint=0.1")
    images = f"--images={photographs},{photographs / 'set.zip'}"
    for name, beam in (("plain", ()), ("beam", (BEAM,))):
        out = f"--out={tmp_path}/{name}.json"
        ended = tfpose("pseudo-label", *networks, images, out, "--person=0.2", *beam)
        assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "plain.json").read_bytes() == (tmp_path / "beam.json").read_bytes()
    assert len(json.loads((tmp_path / "plain.json").read_text())["images"]) == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_canvases_are_the_same_bytes_and_a_bad_picture_is_in_the_dead_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    small_runs.add_family(monkeypatch.setattr)
    monkeypatch.setattr(canvas_cache, "CANVASES_A_SHARD", 64 if workers > 1 else 4)
    teacher = toy_cache.write_teacher(tmp_path / "teacher.keras")
    toy_cache.write_pictures(tmp_path / "pictures")
    (tmp_path / "pictures" / "2.png").write_bytes(b"no picture")
    files = Pictures([tmp_path / "pictures"])
    scenes, options = gather(unlabelled(files), files=files), toy_cache.options(teacher, 70)
    plain = fill_cache.fill(options, scenes, tmp_path / "plain")
    made = fill_cache.fill(options, scenes, tmp_path / "beam", beam=BeamOptions(workers=workers))
    assert not made.missing()
    for path in [*plain.folder.glob("canvases-*.npy"), plain.folder / "cache.json"]:
        assert path.read_bytes() == (made.folder / path.name).read_bytes()
    named = {name for shard in range(made.shards) for name in fill_cache.dead_letters(made, shard)}
    assert named == {"2.png"}
    assert not list(made.folder.glob(".*pickle"))
    made.path(1).unlink()
    again = fill_cache.fill(options, scenes, made.folder, beam=HERE)
    assert again.path(1).read_bytes() == plain.path(1).read_bytes()


def test_people_are_cached_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = PersonTeacher([(toy_people.SPEC, toy_people.by_colour)])
    monkeypatch.setattr(people_cache, "open_teacher", lambda _: teacher)
    monkeypatch.setattr(people_cache, "SHARD", 2)
    pictures_folder = tmp_path / "pictures"
    made_containers.laid(pictures_folder, {"a.png": made_containers.pictures(1)["000.png"]})
    people: list[Person] = [toy_people.person() for _ in range(4)]
    people.insert(1, toy_people.person("b.png"))
    given: Any = (people, [pictures_folder], [])
    assert people_cache.fill(*given, tmp_path / "plain") == 4
    assert people_cache.fill(*given, tmp_path / "beam", beam=HERE) == 4
    for number in range(3):
        one, other = (
            cached_people.read_shard(tmp_path / name / f"{number:05}.npz")
            for name in ("plain", "beam")
        )
        np.testing.assert_array_equal(one.maps, other.maps)
        np.testing.assert_array_equal(one.matrices, other.matrices)
    assert list(people_cache.dead_letters(tmp_path / "beam" / "00000.npz")) == ["b.png"]
