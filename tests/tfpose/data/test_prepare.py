import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from estimator import skeleton_file, skeletons
from tests.conftest import ROOT
from tests.tfpose import toy_data
from tfpose import datasets
from tfpose.canvases import scenes
from tfpose.data import picture_files, pose_builder, pose_set
from tfpose.data.prepare import Prepared, prepare
from tfpose.datasets import custom

# pycocotools 2.0 in numpy 2


def builder(folder: Path, name: str = "toy") -> custom.Builder:
    config = custom.Config(
        name=name,
        annotations={"train": folder / "toy.json"},
        pictures=(folder / "pictures",),
        skeleton=skeleton_file.read(folder / "skeleton.json"),
    )
    return custom.Builder(data_dir=folder / "data", config=config)


def run(folder: Path, name: str = "toy") -> Prepared:
    return prepare(builder(folder, name), folder)


def test_what_was_prepared_is_read_back_untouched(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=3)
    prepared = run(tmp_path)
    assert prepared.pictures == {"train": 3}
    assert prepared.people == {"train": 3}
    assert prepared.fresh
    dataset, skeleton = datasets.load("custom/toy", tmp_path / "data", "train")
    assert skeleton == skeleton_file.read(tmp_path / "skeleton.json")
    examples = {e["image_id"].decode(): e for e in dataset.as_numpy_iterator()}
    assert set(examples) == {"1", "2", "3"}
    example = examples["2"]
    assert example["image"] == toy_data.picture(2)
    assert (example["height"], example["width"]) == (60, 64)
    np.testing.assert_array_equal(example["keypoints"], [np.reshape(toy_data.PERSON, (5, 3))])
    np.testing.assert_array_equal(example["boxes"], [[14.5, 4.5, 30, 50]])
    np.testing.assert_array_equal(example["areas"], [800])
    assert example["ignore"] == b""
    assert {name: spec.dtype for name, spec in dataset.element_spec.items()} == {
        "image": tf.string,
        "image_id": tf.string,
        "height": tf.int32,
        "width": tf.int32,
        "keypoints": tf.float32,
        "boxes": tf.float32,
        "areas": tf.float32,
        "ignore": tf.string,
    }


def test_picture_without_people_and_with_a_mask_is_read_back(tmp_path: Path) -> None:
    crowd = toy_data.annotation(9, 1, iscrowd=1, segmentation=[[0, 0, 8, 0, 8, 4, 0, 4]])
    toy_data.write(tmp_path, images=2, annotations=[crowd, toy_data.annotation(10, 2)])
    run(tmp_path)
    dataset, _ = datasets.load("custom/toy", tmp_path / "data", "train")
    example = next(e for e in dataset.as_numpy_iterator() if e["image_id"] == b"1")
    assert example["keypoints"].shape == (0, 5, 3)
    mask = tf.io.decode_png(example["ignore"]).numpy()[..., 0]
    assert mask.shape == (60, 64)
    assert mask[:4, :8].min() == 255
    assert mask.sum() == 255 * 32


def test_same_set_is_left_alone_and_another_refused(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=2)
    assert run(tmp_path).fresh
    assert not run(tmp_path).fresh
    tree = toy_data.tree(2)
    tree["annotations"][0]["keypoints"][0] = 31
    (tmp_path / "toy.json").write_text(json.dumps(tree))
    with pytest.raises(ValueError, match="made from other annotations, pictures or skeleton"):
        run(tmp_path)
    assert run(tmp_path, "another").fresh


def test_run_that_failed_goes_on_after_its_last_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pose_builder, "PICTURES_A_SHARD", 4)
    toy_data.write(tmp_path, images=12)  # 3 shards
    read = picture_files.Pictures.read
    reads: list[str] = []

    def dying(self: picture_files.Pictures, name: str) -> bytes:
        reads.append(name)
        if len(reads) == 10:
            raise KeyboardInterrupt
        return read(self, name)

    monkeypatch.setattr(picture_files.Pictures, "read", dying)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    with pytest.raises(FileNotFoundError, match="no prepared data set 'custom/toy'"):
        datasets.load("custom/toy", tmp_path / "data", "train")
    assert run(tmp_path).pictures == {"train": 12}
    assert len(reads) == 10 + 4  # the third shard again, the first two not
    dataset, _ = datasets.load("custom/toy", tmp_path / "data", "train")
    ids = sorted(int(e["image_id"]) for e in dataset.as_numpy_iterator())
    assert ids == list(range(1, 13))
    left = {path.name for path in (tmp_path / "data/custom/toy").iterdir()}
    assert left == {"1.0.0", ".1.0.0.lock"}


def test_damaged_picture_is_named_and_left_out(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=30)
    damaged = tmp_path / "pictures" / "007.jpg"
    damaged.write_bytes(damaged.read_bytes()[:-300])
    prepared = run(tmp_path)
    assert prepared.pictures == {"train": 29}
    ((name, reason),) = prepared.skipped
    assert name == "007.jpg"
    assert "007.jpg is damaged" in reason
    assert run(tmp_path).skipped == prepared.skipped  # told again


def test_set_with_many_damaged_pictures_is_refused_and_goes_on_when_mended(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=10)
    for number in (3, 4):
        (tmp_path / "pictures" / f"{number:03d}.jpg").write_bytes(b"GIF89a")
    with pytest.raises(
        ValueError, match=r"2 of 10 pictures cannot be used(.|\n)*no picture that OpenCV"
    ):
        run(tmp_path)
    with pytest.raises(FileNotFoundError):
        datasets.load("custom/toy", tmp_path / "data", "train")
    for number in (3, 4):
        path = tmp_path / "pictures" / f"{number:03d}.jpg"
        path.write_bytes(toy_data.picture(number))
    assert run(tmp_path).pictures == {"train": 10}


def test_folder_that_lacks_half_the_pictures_is_refused(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=10)
    for number in range(1, 6):
        (tmp_path / "pictures" / f"{number:03d}.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"5 of the 10 pictures of train .*: 001.jpg") as e:
        run(tmp_path)
    assert "such as 006.jpg" in str(e.value)
    assert str(tmp_path / "pictures") in str(e.value)


def test_bad_visibility_is_refused(tmp_path: Path) -> None:
    tree = toy_data.tree(30)
    tree["annotations"][2]["keypoints"][2] = 3
    toy_data.write(tmp_path, images=30, annotations=tree["annotations"])
    with pytest.raises(ValueError, match=r"annotation 103: keypoints has the flags 3: a flag is 0"):
        run(tmp_path)


def unlabelled(folder: Path) -> custom.Builder:
    config = custom.Config(name="holiday", pictures=(folder / "pictures",))
    return custom.Builder(data_dir=folder / "data", config=config)


def test_pictures_without_labels_are_prepared_and_taken_for_nothing_else(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=3)
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    prepared = prepare(unlabelled(tmp_path), tmp_path)
    assert (prepared.pictures, prepared.people) == ({"train": 3}, {"train": 0})
    data = tmp_path / "data"
    with pytest.raises(ValueError, match=r"custom/holiday was prepared without labels: .*--unlab"):
        datasets.load("custom/holiday", data, "train")
    records, _ = datasets.load("custom/holiday", data, "train", labelled=False)
    found = {record["image_id"].decode(): record for record in records.as_numpy_iterator()}
    assert set(found) == {"001.jpg", "002.jpg", "003.jpg"}
    assert found["002.jpg"]["image"] == toy_data.picture(2)
    assert all(record["keypoints"].shape == (0, 17, 3) for record in found.values())
    cut_anywhere, _ = scenes.prepared("custom/holiday", data, "train")
    assert all(scene.keypoints is None and not scene.empty for scene in cut_anywhere)


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match="no pictures among the 1 files"):
        pose_set.unlabelled([tmp_path / "words"], skeletons.get("coco17"))


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    import fcntl

    toy_data.write(tmp_path, images=2)
    folder = tmp_path / "data" / "custom" / "toy"
    folder.mkdir(parents=True)
    with open(folder / ".1.0.0.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError, match="another process is preparing"):
            run(tmp_path)


def test_loading_what_is_not_there_names_what_is(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=2)
    run(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"'custom/tyo' .* there are \['custom/toy'\]"):
        datasets.load("custom/tyo", tmp_path / "data", "train")
    with pytest.raises(ValueError, match="no split 'val', only train"):
        datasets.load("custom/toy", tmp_path / "data", "val")


def test_shards_are_shuffled_by_seed_and_shared_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pose_builder, "PICTURES_A_SHARD", 2)
    toy_data.write(tmp_path, images=20)
    run(tmp_path)

    def ids(**options: object) -> list[int]:
        dataset, _ = datasets.load("custom/toy", tmp_path / "data", "train", **options)
        return [int(e["image_id"]) for e in dataset.as_numpy_iterator()]

    assert sorted(ids()) == list(range(1, 21))
    assert ids() == ids() != sorted(ids())
    assert ids(shuffle_seed=1) == ids(shuffle_seed=1) != ids(shuffle_seed=2)
    parts = [ids(input_context=tf.distribute.InputContext(2, index, 2)) for index in range(2)]
    assert sorted(parts[0] + parts[1]) == list(range(1, 21))
    assert not set(parts[0]) & set(parts[1])


@pytest.mark.slow
def test_killed_process_leaves_nothing_readable_and_goes_on(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=2000)
    command = [
        *(sys.executable, "-m", "scripts.prepare_dataset", "--name=toy"),
        *(f"--annotations={tmp_path}/toy.json", f"--images={tmp_path}/pictures"),
        *(f"--skeleton={tmp_path}/skeleton.json", f"--out={tmp_path}/data"),
    ]
    folder = tmp_path / "data" / "custom" / "toy"
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not list(folder.glob(".1.0.0.*/*-of-*[0-9]")) and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    finished = {path.name for path in folder.glob(".1.0.0.*/*-of-*[0-9]")}
    assert 1 <= len(finished) < 8
    with pytest.raises(FileNotFoundError):
        datasets.load("custom/toy", tmp_path / "data", "train")
    inodes = {path.name: path.stat().st_ino for path in folder.glob(".1.0.0.*/*-of-*[0-9]")}
    run(tmp_path)
    for name in finished:  # the very files, not written again
        assert (folder / "1.0.0" / name).stat().st_ino == inodes[name]
    dataset, _ = datasets.load("custom/toy", tmp_path / "data", "train")
    ids = sorted(int(e["image_id"]) for e in dataset.as_numpy_iterator())
    assert ids == list(range(1, 2001))
    assert {path.name for path in folder.iterdir()} == {"1.0.0", ".1.0.0.lock"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:label:DeprecationWarning")  # TFDS with protobuf 6.33
def test_beam_prepares_the_same_set(tmp_path: Path) -> None:
    pytest.importorskip("apache_beam", reason="needs apache-beam (pip install apache-beam)")
    toy_data.write(tmp_path, images=600)
    (tmp_path / "pictures" / "007.jpg").write_bytes(b"GIF89a")
    command = [
        *(sys.executable, "-m", "scripts.prepare_dataset"),
        *(f"--annotations={tmp_path}/toy.json", f"--images={tmp_path}/pictures"),
        *(f"--skeleton={tmp_path}/skeleton.json", f"--out={tmp_path}/data"),
    ]
    two_processes = [
        "--beam_runner=DirectRunner",
        "--beam_option=--direct_running_mode=multi_processing",
        "--beam_option=--direct_num_workers=2",
    ]
    for name, runner in (("plain", []), ("beam", two_processes)):
        subprocess.run([*command, f"--name={name}", *runner], cwd=ROOT, check=True, timeout=300)
    plain, beam = (
        [e["image"] for e in datasets.load(f"custom/{name}", tmp_path / "data", "train")[0]]
        for name in ("plain", "beam")
    )
    assert len(plain) == 599
    assert [p.numpy() for p in plain] == [p.numpy() for p in beam]
