import zipfile
from pathlib import Path

import pytest

from estimator import bundle
from estimator.spec import FORMAT

from .conftest import colour_spec

FLATBUFFER = b"\x1c\0\0\0TFL3" + bytes(range(256)) * 9


def test_tflite_leads_back_and_starts_with_the_flatbuffer(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    bundle.write_tflite(path, FLATBUFFER, colour_spec())
    assert bundle.read(path) == colour_spec()
    assert path.read_bytes().startswith(FLATBUFFER)
    assert [file.name for file in tmp_path.iterdir()] == ["m.tflite"]


def test_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        bundle.write_tflite(tmp_path / name, FLATBUFFER, colour_spec())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_saved_model_leads_back(tmp_path: Path) -> None:
    bundle.write_saved_model(tmp_path / "m", colour_spec())
    assert bundle.read(tmp_path / "m") == colour_spec()


def test_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model at .*m\.tflite"):
        bundle.read(tmp_path / "m.tflite")


@pytest.mark.parametrize("kind", ["flatbuffer", "folder", "other zip"])
def test_model_without_spec_is_refused_with_the_fix(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    if kind == "folder":
        path.mkdir()
    elif kind == "other zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("labels.txt", "person")
    else:
        path.write_bytes(FLATBUFFER)
    with pytest.raises(
        ValueError, match=r"m\.tflite carries no pose_spec\.json; was it written by"
    ):
        bundle.read(path)


def test_newer_spec_is_refused_with_the_file_and_the_fix(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    newer = colour_spec().to_json().replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}')
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(bundle.MEMBER, newer)
    with pytest.raises(ValueError, match=r"m\.tflite: .*upgrade tfpose"):
        bundle.read(path)
