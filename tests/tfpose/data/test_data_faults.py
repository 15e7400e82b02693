"""Data that is huge, and preparing it while it is killed or its disk fills.

`pytest -m faults`, by hand and nightly.
"""

import json
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT
from tests.in_process import Tfpose, tfpose
from tests.small_disk import SmallDisk, small_disk
from tests.tfpose import toy_data
from tfpose import datasets
from tfpose.data import pose_builder
from tfpose.data.picture_files import Pictures
from tfpose.data.prepare import prepare

from .test_prepare import builder, run

__all__ = ["small_disk", "tfpose"]  # fixtures
pytestmark = [pytest.mark.soak, pytest.mark.faults]
FILES, KILLS = 50_000, 3
LARGE = 200 << 20  # bytes of annotations
READ = """
import sys
from pathlib import Path
from tfpose.data import annotations
try:
    found = annotations.read(Path(sys.argv[1]))
    print("people", sum(1 for _ in found.everybody()))
except ValueError as error:
    print("refused", error)
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print("MiB", int(peak[0].split()[1]) >> 10)
"""


def prepared_ids(folder: Path) -> list[int]:
    dataset, _ = datasets.load("custom/toy", folder / "data", "train")
    return sorted(int(example["image_id"]) for example in dataset.as_numpy_iterator())


def noisy(folder: Path, images: int) -> None:
    """A toy set whose pictures are noise: 80 KB each."""
    toy_data.write(folder, images=images)
    source = np.random.default_rng(0)
    for path in (folder / "pictures").iterdir():
        noise = source.integers(0, 256, (240, 256, 3), np.uint8)
        path.write_bytes(bytes(cv2.imencode(".jpg", noise)[1]))
    tree = json.loads((folder / "toy.json").read_text())
    for image in tree["images"]:
        image |= {"height": 240, "width": 256}
    (folder / "toy.json").write_text(json.dumps(tree))


def test_three_pictures_are_found_among_fifty_thousand_files(
    tmp_path: Path, tfpose: Tfpose
) -> None:
    toy_data.write(tmp_path, images=3)
    for index in range(FILES):
        (tmp_path / "pictures" / f"empty{index}.jpg").touch()
    options = [
        *(f"--annotations={tmp_path}/toy.json", f"--images={tmp_path}/pictures"),
        *(f"--skeleton={tmp_path}/skeleton.json", "--name=toy"),
    ]
    doctor = tfpose("dataset-doctor", *options)
    assert doctor.returncode == 0, doctor.stderr
    assert doctor.stdout.startswith("train: 3 pictures, 3 people with keypoints")
    assert f"{FILES} x picture_without_annotation" in doctor.stdout
    assert run(tmp_path).pictures == {"train": 3}


def test_a_zip_of_fifty_thousand_members_is_searched(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for index in range(FILES):
            archive.writestr(f"{index % 100}/{index}.jpg", f"{index}")
    pictures = Pictures([tmp_path / "p.zip"])
    assert len(pictures) == FILES
    for index in range(0, FILES, 1000):
        assert pictures.read(f"{index}.jpg") == f"{index}".encode()


def read_apart(path: Path) -> list[str]:
    """Reads annotations in a process of its own; its lines, the last of which is its memory."""
    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_two_hundred_megabytes_of_annotations_are_read_or_refused(tmp_path: Path) -> None:
    path, tree = tmp_path / "large.json", toy_data.tree(1000)
    person = json.dumps(toy_data.annotation(1, 1, segmentation=[[0.125, 1.25] * 20]))
    count = LARGE // len(person) + 1
    head = {key: tree[key] for key in ("categories", "images")}
    with path.open("w") as file:
        file.write(json.dumps(head)[:-1] + ', "annotations": [')
        for number in range(count):
            one = person.replace(
                '"id": 1, "image_id": 1', f'"id": {number}, "image_id": {number % 1000 + 1}'
            )
            file.write((",\n" if number else "") + one)
        file.write("]}")
    assert path.stat().st_size > LARGE
    said, memory = read_apart(path)
    assert said == f"people {count}"
    assert int(memory.split()[1]) < 10 * LARGE >> 20
    with path.open("r+b") as file:
        file.truncate(LARGE - 1000)
    said, memory = read_apart(path)
    assert said.startswith(f"refused {path} is not JSON")
    assert int(memory.split()[1]) < 10 * LARGE >> 20


@pytest.mark.parametrize(
    ("piece", "size"), [("[", LARGE), ('{"a":', LARGE), ('"', LARGE), ("[],", LARGE // 8)]
)
def test_megabytes_of_nothing_are_refused(piece: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_text('{"images": [' + piece * (size // len(piece)))
    said, memory = read_apart(path)
    assert said.startswith(f"refused {path} is not JSON")
    assert int(memory.split()[1]) < 30 * LARGE >> 20


def test_annotations_that_unpack_to_gigabytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.json", "w", force_zip64=True) as member,
    ):
        for _ in range(2048):
            member.write(b" " * (1 << 20))
    said, memory = read_apart(path)
    assert said.startswith("refused a.json in ")
    assert str(path) in said
    assert int(memory.split()[1]) < 500


def test_preparing_that_is_killed_again_and_again_ends_whole(tmp_path: Path) -> None:
    """Each time at a random moment after a shard that the attempt wrote itself."""
    toy_data.write(tmp_path, images=2000)
    command = [
        *(sys.executable, "-m", "scripts.prepare_dataset", "--name=toy"),
        *(f"--annotations={tmp_path}/toy.json", f"--images={tmp_path}/pictures"),
        *(f"--skeleton={tmp_path}/skeleton.json", f"--out={tmp_path}/data"),
    ]
    folder, killed = tmp_path / "data" / "custom" / "toy", 0
    seed = random.randrange(10**6)
    dice = random.Random(seed)

    def shards() -> set[str]:
        return {path.name for path in folder.glob(".1.0.0.*/*-of-*[0-9]")}

    for _ in range(KILLS):
        before = len(shards())
        attempt = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        while len(shards()) <= before and attempt.poll() is None:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.1))
        killed += attempt.poll() is None
        attempt.send_signal(signal.SIGKILL)
        attempt.wait()
        if not (folder / "1.0.0").exists():
            with pytest.raises(FileNotFoundError):
                datasets.load("custom/toy", tmp_path / "data", "train")
    assert killed, "the set was whole before anything could be killed"
    run(tmp_path)
    assert prepared_ids(tmp_path) == list(range(1, 2001)), f"dice seed {seed}"
    assert {path.name for path in folder.iterdir()} == {"1.0.0", ".1.0.0.lock"}


def test_a_disk_that_fills_while_a_set_is_prepared_is_named_and_the_run_goes_on(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set of before stays; what is whole of the new one is not written again."""
    monkeypatch.setattr(pose_builder, "PICTURES_A_SHARD", 8)
    small, large = small_disk.place.parent / "small", small_disk.place.parent / "large"
    toy_data.write(small, images=4)
    noisy(large, images=64)
    (small / "data").symlink_to(small_disk.place)
    (large / "data").symlink_to(small_disk.place)
    prepare(builder(small, "before"), small)
    with pytest.raises(OSError, match="No space left on device") as caught:
        run(large)
    assert "custom-train.tfrecord" in str(caught.value)
    assert "give the same command again" in str(caught.value)
    assert not small_disk.half_written()
    with pytest.raises(FileNotFoundError):
        datasets.load("custom/toy", small_disk.place, "train")
    dataset, _ = datasets.load("custom/before", small_disk.place, "train")
    assert len(list(dataset)) == 4
    staged = list(small_disk.place.glob("custom/toy/.1.0.0.*/*-of-*[0-9]"))
    assert staged
    small_disk.grow(32)
    assert run(large).pictures == {"train": 64}
    assert prepared_ids(large) == list(range(1, 65))
