import os
import pickle
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator.pictures import reading
from tests import hostile_pictures as hostile
from tfpose.data.picture_files import BadPicture, Pictures, as_stored, measure


def test_name_finds_what_its_path_ends_with(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "b/1.jpg", "b/2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    pictures = Pictures([tmp_path])
    assert len(pictures) == 3
    assert pictures.read("2.jpg") == b"b/2.jpg"
    assert pictures.read("somewhere\\else\\b/1.jpg") == b"b/1.jpg"
    assert pictures.find("1.jpg") is None  # two fit
    assert pictures.find("c/1.jpg") is None
    with pytest.raises(BadPicture, match=r"c/1.jpg is missing, or there more than once"):
        pictures.read("c/1.jpg")


def test_zip_is_read_where_it_lies(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("p/1.jpg", b"one")
        archive.writestr("p/2.jpg", b"two")
    pictures = Pictures([tmp_path / "p.zip"]).only(["1.jpg"])
    assert pictures.read("1.jpg") == b"one"
    assert pickle.loads(pickle.dumps(pictures)).read("1.jpg") == b"one"
    assert list(pictures.names()) == ["p/1.jpg"]


def test_missing_folder_and_broken_zip_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no picture folder or zip"):
        Pictures([tmp_path / "absent"])
    (tmp_path / "p.zip").write_bytes(b"PK\3\4 cut short")
    with pytest.raises(ValueError, match="neither a folder nor a sound zip"):
        Pictures([tmp_path / "p.zip"])


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_sound_picture_is_measured_and_a_truncated_one_refused(suffix: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (37, 51, 3), np.uint8)
    encoded = bytes(cv2.imencode(suffix, image)[1])
    assert measure(encoded, "p") == (37, 51)
    with pytest.raises(BadPicture, match="p is damaged"):
        measure(encoded[: len(encoded) // 2], "p")


@pytest.mark.parametrize(
    ("data", "parts"),
    [(hostile.many_scans(101, 60, 64), "100 scans"), (hostile.empty_segments(9000), "4096 segm")],
)
def test_pictures_that_take_minutes_to_decode_are_refused_unread(data: bytes, parts: str) -> None:
    for read in (measure, as_stored):
        with pytest.raises(BadPicture, match=f"p has more than {parts}"):
            read(data, "p")


@pytest.mark.parametrize("suffix", [".webp", ".bmp", ".tiff"])
def test_other_formats_are_stored_as_png_or_jpeg(suffix: str) -> None:
    image = cv2.resize(np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5, (51, 37))
    stored, height, width = as_stored(bytes(cv2.imencode(suffix, image)[1]), "p")
    assert (height, width) == (37, 51) == measure(stored, "p")
    found = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(found.astype(int) - image).max() <= (12 if suffix == ".webp" else 0)


def test_transparent_pixels_are_stored_white_as_the_estimator_reads_them() -> None:
    image = np.full((8, 9, 4), 40, np.uint8)
    image[:, :4, 3], image[:, 4:, 3] = 0, 255
    encoded = bytes(cv2.imencode(".png", image)[1])
    stored, _, _ = as_stored(encoded, "p")
    found = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(found, reading.read(encoded)[..., ::-1])
    assert (found[:, :4] == 255).all()
    assert (found[:, 4:] == 40).all()


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(BadPicture, match=r"p is no picture"):
        as_stored(b"GIF89a", "p")


def test_files_of_the_system_are_passed_over_and_counted(tmp_path: Path) -> None:
    (tmp_path / "__MACOSX").mkdir()
    for name in ("1.jpg", "._1.jpg", "__MACOSX/1.jpg", "__MACOSX/._1.jpg"):
        (tmp_path / name).write_bytes(b"")
    found = Pictures([tmp_path])
    assert (list(found.names()), found.passed_over) == (["1.jpg"], 3)


def test_links_to_nothing_pipes_and_devices_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"one")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "1.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "round.jpg").symlink_to(tmp_path / "round.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "up").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    found = Pictures([tmp_path])
    assert (sorted(found.names()), found.passed_over) == (["1.jpg", "linked.jpg"], 4)
    assert found.read("linked.jpg") == b"one"
    with pytest.raises(BadPicture, match="missing"):
        found.read("pipe.jpg")


def test_a_member_that_fills_the_memory_is_refused_and_the_others_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", bytes(70 << 20))
        archive.writestr("../../1.jpg", b"one")
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16  # a symbolic link, as zip writes them
        archive.writestr(link, "/etc/hostname")
    pictures = Pictures([tmp_path / "p.zip"])
    with pytest.raises(BadPicture, match=r"bomb\.jpg cannot be read: .* unpack to 73400320: a zip"):
        pictures.read("bomb.jpg")
    assert pictures.header("bomb.jpg") is None
    assert pictures.read("1.jpg") == b"one"
    assert pictures.read("link.jpg") == b"/etc/hostname"  # its text, and not what it names
