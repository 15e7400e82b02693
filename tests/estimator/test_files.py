"""Files and folders that appear whole or not at all."""

import errno
import os
import zipfile
from pathlib import Path

import pytest

from estimator import bundle, files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("data", [b"", b"\x00\xff", "é"])
def test_what_is_written_can_be_read(data: bytes | str, durable: bool, tmp_path: Path) -> None:
    files.write(tmp_path / "a", "old")
    files.write(tmp_path / "a", data, durable=durable)
    assert (tmp_path / "a").read_bytes() == (data.encode() if isinstance(data, str) else data)
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("shared", [False, True])
def test_an_error_leaves_what_was_there(shared: bool, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def broken() -> None:
        with files.Whole(tmp_path / "a", shared=shared) as partial:
            partial.write_text("half")
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        broken()
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_nothing_written_is_an_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(FileNotFoundError), files.Whole(tmp_path / "a"):
        pass
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("durable", [False, True])
def test_a_folder_takes_the_place_of_a_folder(durable: bool, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/old").touch()
    with files.Whole(tmp_path / "a", durable=durable) as partial:
        (partial / "below").mkdir(parents=True)
        (partial / "below/new").touch()
    assert names(tmp_path / "a") == ["below"]
    assert names(tmp_path) == ["a"]


def test_the_name_to_write_to_has_the_place_s_suffix(tmp_path: Path) -> None:
    whole = files.Whole(tmp_path / "a.keras")
    assert whole.partial.name == "a.keras"
    assert whole.partial.parent.name == ".a.keras.partial"
    whole.discard()
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    files.Whole(tmp_path / "a").partial.write_text("half")  # never kept
    files.write(tmp_path / "a", "new")
    assert names(tmp_path) == ["a"]


def test_of_two_at_once_the_last_wins(tmp_path: Path) -> None:
    one, two = (files.Whole(tmp_path / "a", shared=True) for _ in range(2))
    one.partial.write_text("one")
    two.partial.write_text("two")
    two.keep()
    one.keep()
    assert (tmp_path / "a").read_text() == "one"
    assert names(tmp_path) == ["a"]


def test_durable_bytes_are_flushed_before_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    flush, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (order.append("flush"), flush(number)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("rename"), replace(*paths)))
    files.write(tmp_path / "a", b"", durable=True)
    assert order == ["flush", "rename", "flush"]  # the file, its place, the folder


@pytest.mark.parametrize(
    ("file", "message"),
    [("folder", "is a folder; give the name of a file"), ("none/a", "no folder .*none to write")],
)
def test_what_cannot_be_written_is_refused(file: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=message):
        files.check_writable(tmp_path / file)


def test_outputs_must_be_apart(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    files.check_apart({"--json": a, "--csv": b}, [])
    with pytest.raises(ValueError, match=r"--json and --csv both name .*a; give two files"):
        files.check_apart({"--json": a, "--csv": a}, [b])
    with pytest.raises(ValueError, match="is one of the pictures; it would be overwritten"):
        files.check_apart({"--json": a}, [tmp_path / "x/../a"])


@pytest.mark.parametrize("name", ["m.tflite", "m.keras", "m.onnx", "m.pth", "m.npz", "m.h5"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html>\n<html><head>", "is a web page, not the file"),
        (b"\n <HTML lang=en>Sign in", "is a web page, not the file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "pointer of Git LFS"),
        (b"PK\3\4" + bytes(200), "is cut off: it begins as a zip and has no end"),
    ],
)
def test_what_a_download_left_instead_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        files.check_download(path)
    if path.suffix in (".tflite", ".keras", ".onnx"):
        with pytest.raises(ValueError, match=message):
            bundle.read(path)


def test_a_sound_file_and_a_folder_are_no_download(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    for sound in (path, tmp_path, tmp_path / "absent"):
        files.check_download(sound)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xff", b"[" * 200_000, b"1" * 10_000])
def test_what_is_no_json_is_refused_by_its_name(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.json is not JSON"):
        files.read_json(path)


def test_an_error_without_a_name_gets_that_of_the_place(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match=r"No space left on device .*/a cannot be written"),
        files.Whole(tmp_path / "a"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_numpy_gets_the_name_too(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="/a cannot be written: 64 requested and 20 written; is the"),
        files.Whole(tmp_path / "a"),
    ):
        raise OSError("64 requested and 20 written")


def test_a_folder_that_cannot_be_replaced_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").touch()
    move = os.replace

    def failing(source: Path, place: Path) -> None:
        if Path(source).parent.name == ".a.partial" and Path(source).name == "a":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        move(source, place)

    whole = files.Whole(tmp_path / "a")
    whole.partial.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        with pytest.raises(OSError, match="Input/output error"):
            whole.keep()
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "old"]
