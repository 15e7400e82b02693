"""Files: checked before work begins, and written whole or not at all.

A file, or a folder, is written in a folder of its own beside its place and then renamed, so that
a reader sees the old one or the new one and never half of one. A killed process leaves that
folder, `.NAME.partial`, which the next attempt removes.
"""

import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ESCAPES = "backslashreplace"  # of what UTF-8 cannot say: a file's name may be any bytes
MIN_FREE = 1 << 20  # bytes that a disk should have left before work starts
LARGE, MOST_RATIO = 64 << 20, 100  # of a zip's member: bytes, and times its packed size
_LFS = b"version https://git-lfs"  # github.com/git-lfs/git-lfs, docs/spec.md
_PAGES = (b"<!doctype html", b"<html")


def check_download(path: str | os.PathLike[str]) -> None:
    """Refuses what a download may leave in a file's place: a web page, a pointer, a cut zip.

    A folder, and a file that is missing, is somebody else's to refuse.

    Raises:
      ValueError: says what it is, and how to get the file itself.
    """
    path = Path(path)
    if not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(1024)
    size = path.stat().st_size
    if not head:
        raise ValueError(f"{path} is empty: download it again")
    if head.startswith(_LFS):
        raise ValueError(
            f"{path} is a pointer of Git LFS ({size} bytes), not the file: run `git lfs pull`, or "
            "download the file itself"
        )
    if any(page in head.lower() for page in _PAGES):
        raise ValueError(
            f"{path} is a web page, not the file ({size} bytes): the download asked for a login "
            "or a confirmation. Download it with a browser, or from the address of the file itself"
        )
    if head.startswith(b"PK\3\4") and not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is cut off: it begins as a zip and has no end ({size} bytes). Download it "
            "again"
        )


def check_member(member: zipfile.ZipInfo, archive: str | os.PathLike[str]) -> None:
    """Refuses a zip's member that is small packed and fills the memory unpacked.

    More than 64 MiB that were packed to less than a hundredth; deflate reaches 1,032 to 1. Nothing
    beyond the size that a member claims is read (`zipfile`).

    Raises:
      ValueError: says which member of which archive, and its sizes.
    """
    if member.file_size > max(LARGE, MOST_RATIO * member.compress_size):
        raise ValueError(
            f"{member.filename} in {archive} has {member.compress_size} bytes that unpack to "
            f"{member.file_size}: a zip bomb? If it is sound, unpack it and give the file"
        )


def read_json(path: str | os.PathLike[str]) -> Any:
    """What a JSON file holds; UTF-8, or UTF-16 and UTF-32 with their marks.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not JSON, or nests too deep to be read; names the file.
    """
    try:
        return json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


class Whole:
    """A file or folder that appears at its place once it is whole.

    As a context manager it gives the path to write to; leaving it keeps what was written there,
    and an exception discards it. The name and its suffix are those of the place.

        with files.Whole(Path("model.keras")) as partial:
            model.save(partial)

    Args:
      path: the place; its folder must exist. What is there is replaced.
      durable: the bytes are on the disk (fsync) before the rename, so that a power cut leaves the
        old or the new content.
      shared: several processes may write the same place at once; the last one wins.

    Raises:
      OSError: the folder of the place cannot be written. An OSError inside the context that names
        no file, such as a full disk's, names the place.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, durable: bool = False, shared: bool = False
    ) -> None:
        self.path, self._durable = Path(path), durable
        beside, prefix, suffix = self.path.parent, f".{self.path.name}.", "partial"
        if shared:
            self._room = Path(tempfile.mkdtemp(f".{suffix}", prefix, beside))
        else:
            self._room = beside / (prefix + suffix)
            shutil.rmtree(self._room, ignore_errors=True)
            self._room.mkdir()
        self.partial = self._room / self.path.name

    def __enter__(self) -> Path:
        return self.partial

    def __exit__(self, kind: object, error: object, *_: object) -> None:
        if kind is None:
            self.keep()
            return
        self.discard()
        if isinstance(error, OSError):
            with naming(self.path):
                raise error

    def keep(self) -> None:
        """Puts what was written at `partial` to its place.

        Raises:
          OSError: it cannot be renamed, or nothing was written; nothing has changed then.
        """
        try:
            if self._durable:
                for path in (*self.partial.rglob("*"), self.partial):
                    _flush(path)
            if self.partial.is_dir() and self.path.is_dir():
                self._exchange()
            else:
                os.replace(self.partial, self.path)
            if self._durable:
                _flush(self.path.parent)
        finally:
            self.discard()

    def _exchange(self) -> None:
        """Puts a folder to the place of another, which goes with the room."""
        before = self._room / "before"
        os.replace(self.path, before)
        try:
            os.replace(self.partial, self.path)
        except OSError:
            os.replace(before, self.path)
            raise

    def discard(self) -> None:
        """Removes what was written at `partial`."""
        shutil.rmtree(self._room, ignore_errors=True)


def write(path: str | os.PathLike[str], data: bytes | str, *, durable: bool = False) -> None:
    """Writes bytes, or text as UTF-8, whole or not at all.

    Bytes of file names that are no UTF-8, which Python keeps as lone surrogates (PEP 383), are
    written as \\udcXX, which JSON reads back.

    Raises:
      OSError: the file cannot be written; what was there is untouched. Names the file.
    """
    with naming(path), Whole(path, durable=durable) as partial:
        partial.write_bytes(data.encode("utf-8", ESCAPES) if isinstance(data, str) else data)


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Names the file in what the system says of it: a full disk is met far from its name.

    Raises:
      OSError: as inside, with the path.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None or str(path) in str(error):
            raise
        if error.errno is None:  # NumPy's: "64 requested and 20 written"
            raise OSError(f"{path} cannot be written: {error}; is the disk full?") from error
        raise OSError(error.errno, f"{error.strerror} ({path} cannot be written)") from error


def sweep(folder: Path) -> None:
    """Removes what killed processes left half written; nobody else may write to the folder now."""
    for room in folder.glob(".*.partial"):
        shutil.rmtree(room)


def _flush(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_writable(path: Path) -> None:
    """Refuses, before any work, a file that could not be written after it.

    Raises:
      OSError: the folder does not exist or is read-only, the disk is full, or the file is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to write into")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"folder {path.parent} cannot be written; give another")
    check_room(path)


def check_apart(files: Mapping[str, Path], given: Iterable[Path]) -> None:
    """Refuses outputs that cannot be written, that are inputs, or that are one file.

    Args:
      files: the outputs, by the flag or argument that names each.
      given: the inputs.

    Raises:
      OSError, ValueError: says which, and why.
    """
    sources, taken = {file.resolve() for file in given}, dict[Path, str]()
    for name, file in files.items():
        check_writable(file)
        place = file.resolve()
        if place in sources:
            raise ValueError(f"{file} is one of the pictures; it would be overwritten")
        if place in taken:
            raise ValueError(f"{taken[place]} and {name} both name {file}; give two files")
        taken[place] = name


def check_room(path: Path, least: int = MIN_FREE) -> None:
    """Refuses a disk with less than `least` bytes left.

    Raises:
      OSError: the disk is full.
    """
    free = shutil.disk_usage(path.parent).free
    if free < least:
        raise OSError(
            f"{path} has no room: its disk has {free >> 10} KiB left; make room or give another"
        )


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, and checks that files can be written into it.

    Raises:
      OSError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{folder} cannot be made a folder: {error}") from error
    check_writable(folder / "file")
