import json
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from estimator import PoseEstimator
from estimator.inputs import averaging
from estimator.maps import Maps
from tests.tfpose import small_runs, toy_cache
from tfpose import export
from tfpose.canvases.composing import Canvases
from tfpose.data.resuming import alone
from tfpose.evaluation import network as networks
from tfpose.export import source
from tfpose.teacher import cache as canvas_cache
from tfpose.teacher import fill_cache
from tfpose.weights import keras_files

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small_runs.add_family(monkeypatch.setattr)


@pytest.fixture
def short_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas_cache, "CANVASES_A_SHARD", 4)


def test_what_is_kept_is_the_teachers_answer_to_the_canvas(tmp_path: Path) -> None:
    cache = toy_cache.make(tmp_path, canvases=5)
    assert not cache.missing()
    kept = np.load(cache.path(0))
    scenes = toy_cache.write_pictures(tmp_path / "again")
    model = keras_files.load_keras(tmp_path / "teacher.keras")
    spec = replace(cache.spec, image=replace(cache.spec.image, flexible=False))
    whole = small_runs.build(spec, 96, 128)
    whole.set_weights(model.get_weights())
    for number in range(5):
        image = Canvases(scenes, toy_cache.CANVAS)(number)
        np.testing.assert_array_equal(kept[number]["image"], image)
        answer = whole(image[None].astype(np.float32))
        for head in ("heatmaps", "pafs"):
            expected = np.asarray(answer[head][-1])[0]
            low, high = (0, 1) if head == "heatmaps" else (-128 / 127, 1)
            found = canvas_cache.decoded(head, kept[number][head].astype(np.float32))
            np.testing.assert_allclose(found, expected.clip(low, high), atol=0.51 / 127)


def test_hints_are_normalised_by_channel_and_the_record_says_what_made_them(
    tmp_path: Path,
) -> None:
    cache = toy_cache.make(tmp_path, canvases=40)
    kept = np.load(cache.path(0))["hints"].astype(np.float32)
    values = canvas_cache.decoded("hints", kept).reshape(-1, 16)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=0.1)
    told = json.loads((cache.folder / "cache.json").read_text())
    assert told["made"]["hints_layer"] == toy_cache.HINTS
    assert told["made"]["seed"] == 0
    assert told["made"]["canvas"]["width"] == 128
    assert len(told["made"]["teacher_sha256"]) == 64
    assert told["spec"]["outputs"]["stride"] == 8
    assert canvas_cache.read(cache.folder).dtype == cache.dtype


def test_a_teacher_that_looks_twice_says_the_mean_on_the_cells_of_its_first_look(
    tmp_path: Path,
) -> None:
    once = toy_cache.make(tmp_path, canvases=3)
    teacher, scenes = tmp_path / "teacher.keras", toy_cache.write_pictures(tmp_path / "again")
    options = replace(toy_cache.options(teacher, 3), scales=(1.0, 1.5))
    twice = fill_cache.fill(options, scenes, tmp_path / "twice")
    assert json.loads((twice.folder / "cache.json").read_text())["made"]["scales"] == [1.0, 1.5]
    network = networks.load(twice.folder / "teacher.tflite")
    for before, after in zip(np.load(once.path(0)), np.load(twice.path(0)), strict=True):
        np.testing.assert_array_equal(after["image"], before["image"])
        np.testing.assert_array_equal(after["hints"], before["hints"])
        looks = [
            Maps(
                outputs={name: maps[0] for name, maps in network.runner(view.image).items()},
                matrix=view.matrix,
            )
            for view in averaging.views(before["image"], network.spec.image, (1.0, 1.5))
        ]
        assert looks[1].outputs["pafs"].shape == (18, 24, 38)
        expected = averaging.mean(looks, stride=8).outputs
        for head in ("heatmaps", "pafs"):
            assert (after[head] != before[head]).any()
            bytes_ = canvas_cache.coded(head, expected[head])
            np.testing.assert_allclose(after[head].astype(int), bytes_, atol=1)


def test_a_teacher_of_one_size_cannot_look_twice(tmp_path: Path) -> None:
    teacher = toy_cache.write_teacher(tmp_path / "teacher.keras")
    lite = small_runs.as_tflite(teacher, tmp_path / "teacher.tflite")
    scenes = toy_cache.write_pictures(tmp_path / "pictures")
    square = replace(toy_cache.CANVAS, height=64, width=64)
    options = replace(toy_cache.options(lite, 2, ""), canvas=square, scales=(1.0, 2.0))
    with pytest.raises(ValueError, match=r"has scale 1 only, found 2\.0: export it as flexible"):
        fill_cache.fill(options, scenes, tmp_path / "cache", processes=2)
    assert not (tmp_path / "cache" / "cache.json").exists()


@pytest.mark.parametrize("scales", [(), (1.5, 1.0), (1.0, 0.0)])
def test_sizes_that_do_not_begin_with_the_canvass_own_are_refused(
    tmp_path: Path, scales: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="scales must be positive and begin with 1"):
        replace(toy_cache.options(tmp_path, 2), scales=scales)


@pytest.mark.usefixtures("short_shards")
def test_a_shorter_cache_is_the_beginning_of_a_longer_one(tmp_path: Path) -> None:
    cache = toy_cache.make(tmp_path, canvases=6)
    assert [len(cache.numbers(shard)) for shard in range(cache.shards)] == [4, 2]
    before = [np.load(cache.path(shard)).tobytes() for shard in range(2)]
    longer = toy_cache.options(tmp_path / "teacher.keras", 10)
    scenes = toy_cache.write_pictures(tmp_path / "again")
    cache = fill_cache.fill(longer, scenes, cache.folder)
    after = b"".join(np.load(cache.path(shard)).tobytes() for shard in range(3))
    assert len(after) == 10 * cache.dtype.itemsize
    assert after.startswith(b"".join(before))


@pytest.mark.slow
def test_two_processes_write_what_one_does(tmp_path: Path) -> None:
    one = toy_cache.make(tmp_path, canvases=130)
    scenes = toy_cache.write_pictures(tmp_path / "again")
    options = toy_cache.options(tmp_path / "teacher.keras", 130)
    two = fill_cache.fill(options, scenes, tmp_path / "two", processes=2)
    assert one.shards == 3
    for shard in range(3):
        assert one.path(shard).read_bytes() == two.path(shard).read_bytes()


@pytest.mark.usefixtures("short_shards")
def test_a_shard_that_is_cut_off_is_written_again(tmp_path: Path) -> None:
    cache = toy_cache.make(tmp_path, canvases=8)
    whole = cache.path(1).read_bytes()
    cache.path(1).write_bytes(whole[:-1])
    assert cache.missing() == [1]
    scenes = toy_cache.write_pictures(tmp_path / "again")
    fill_cache.fill(toy_cache.options(tmp_path / "teacher.keras", 8), scenes, cache.folder)
    assert cache.path(1).read_bytes() == whole


def test_other_options_or_pictures_are_refused_by_name(tmp_path: Path) -> None:
    cache = toy_cache.make(tmp_path, canvases=2)
    options = toy_cache.options(tmp_path / "teacher.keras", 2)
    scenes = toy_cache.write_pictures(tmp_path / "again")
    with pytest.raises(ValueError, match=r"begun with other options:\n  seed: 0, now 5\nGo on"):
        fill_cache.fill(replace(options, seed=5), scenes, cache.folder)
    fewer = toy_cache.write_pictures(tmp_path / "fewer", count=4)
    with pytest.raises(ValueError, match="scenes: 5, now 4"):
        fill_cache.fill(options, fewer, cache.folder)


def test_a_disk_too_small_is_refused_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 0, 10**5))
    with pytest.raises(ValueError, match=r"needs 0\.\d GB more and the disk has 0\.0 GB"):
        toy_cache.make(tmp_path, canvases=2000)


@pytest.mark.usefixtures("short_shards")
def test_a_disk_that_fills_up_leaves_whole_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = np.save

    def full(file: BinaryIO, rows: np.ndarray) -> None:
        if "00001" in str(getattr(file, "name", "")):
            file.write(b"half")
            raise OSError(28, "No space left on device")
        save(file, rows)

    monkeypatch.setattr(fill_cache.np, "save", full)
    with pytest.raises(OSError, match=r"canvases-00001.*No space left.*give the same command"):
        toy_cache.make(tmp_path, canvases=8)
    left = sorted(path.name for path in (tmp_path / "cache").glob("*canvases-*"))
    assert left == ["canvases-00000.npy"]


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    cache = toy_cache.make(tmp_path, canvases=1)
    scenes = toy_cache.write_pictures(tmp_path / "again")
    options = toy_cache.options(tmp_path / "teacher.keras", 1)
    with (
        alone(cache.folder / ".lock", "filling it"),
        pytest.raises(BlockingIOError, match="another process is filling"),
    ):
        fill_cache.fill(options, scenes, cache.folder)


def test_bad_pictures_are_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    teacher = toy_cache.write_teacher(tmp_path / "teacher.keras")
    toy_cache.write_pictures(tmp_path / "pictures")
    (tmp_path / "pictures" / "torn.png").write_bytes(b"\x89PNG no more")
    files = toy_cache.Pictures([tmp_path / "pictures"])
    scenes = toy_cache.gather(toy_cache.unlabelled(files), files=files)
    with caplog.at_level("WARNING"):
        cache = fill_cache.fill(toy_cache.options(teacher, 20, ""), scenes, tmp_path / "cache")
    assert not cache.missing()
    assert caplog.text.count("torn.png") == 1
    assert "1 pictures were skipped" in caplog.text


@pytest.mark.parametrize(
    ("teacher", "weights", "hints", "message"),
    [
        ("lightweight_openpose", "", "", "needs its weights"),
        ("hrnet_w32", "x.npz", "", "needs a bottom-up teacher|reads people's boxes"),
        ("mine", "", "", "'mine' is no .keras, .tflite, .onnx, .xml file, .*models are .*cmu"),
    ],
)
def test_what_cannot_teach_is_refused(
    tmp_path: Path, teacher: str, weights: str, hints: str, message: str
) -> None:
    scenes = toy_cache.write_pictures(tmp_path / "pictures")
    options = replace(
        toy_cache.options(Path(teacher), 1, hints), teacher=teacher, teacher_weights=weights
    )
    with pytest.raises(ValueError, match=message):
        fill_cache.fill(options, scenes, tmp_path / "cache")
    assert not (tmp_path / "cache" / "cache.json").exists()


def test_a_tflite_teaches_without_hints(tmp_path: Path) -> None:
    teacher = toy_cache.write_teacher(tmp_path / "teacher.keras")
    lite = small_runs.as_tflite(teacher, tmp_path / "teacher.tflite")
    scenes = toy_cache.write_pictures(tmp_path / "pictures")
    square = replace(toy_cache.CANVAS, height=64, width=64)
    options = replace(toy_cache.options(lite, 2, ""), canvas=square)
    cache = fill_cache.fill(options, scenes, tmp_path / "cache")
    assert np.load(cache.path(0))["heatmaps"].std() > 0
    with pytest.raises(ValueError, match="has heatmaps, pafs only: export it with --hints"):
        fill_cache.fill(replace(options, hints="a"), scenes, tmp_path / "other")
    with pytest.raises(ValueError, match="takes 64x64 only, and the canvas is 96x128"):
        fill_cache.fill(replace(options, canvas=toy_cache.CANVAS), scenes, tmp_path / "third")


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_a_tflite_exported_with_hints_teaches_them(tmp_path: Path, kind: str) -> None:
    """Normalised by channel they are the float network's, whatever scales int8 gave them."""
    keras_file = toy_cache.write_teacher(tmp_path / "teacher.keras")
    scenes = toy_cache.write_pictures(tmp_path / "pictures", 8)
    canvas = replace(toy_cache.CANVAS, height=64, width=64)
    options = replace(toy_cache.options(keras_file, 4), canvas=canvas)
    wanted = np.load(fill_cache.fill(options, scenes, tmp_path / "float").path(0))["hints"]
    model, spec = source.load(str(keras_file), height=64, width=64, fixed=True)
    lite = tmp_path / "teacher.tflite"
    material = export.Material(calibration=[scenes.read(index) for index in range(8)])
    export.export(
        model, spec, lite, kind=kind, material=material, hints=toy_cache.HINTS, force=True
    )
    PoseEstimator(lite)  # the output more does not disturb whoever runs it
    cache = fill_cache.fill(replace(options, teacher=str(lite)), scenes, tmp_path / "cache")
    found = np.load(cache.path(0))["hints"]
    assert cache.hints == 16
    error = np.abs(found.astype(int) - wanted.astype(int))
    assert error.mean() < (0.5 if kind == "float32" else 12)  # of 256


def test_hints_are_for_tflite_files(tmp_path: Path) -> None:
    keras_file = toy_cache.write_teacher(tmp_path / "teacher.keras")
    model, spec = source.load(str(keras_file), height=64, width=64, fixed=True)
    with pytest.raises(ValueError, match=r"hints are for \.tflite files, found format 'onnx'"):
        export.export(model, spec, tmp_path / "teacher.onnx", kind="onnx", hints=toy_cache.HINTS)
