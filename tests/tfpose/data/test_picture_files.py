import pickle
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tfpose.data.picture_files import BadPicture, Pictures, measure


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


def test_other_format_is_refused() -> None:
    with pytest.raises(BadPicture, match=r"p is neither JPEG nor PNG .* convert it"):
        measure(b"GIF89a", "p")
