"""Files on any file system: local paths by the standard library, `scheme://` ones by fsspec.

fsspec (filesystem-spec.readthedocs.io) knows gs://, s3://, hdfs://, az://, memory:// and more, each
by a package of its own: gcsfs, s3fs, pyarrow, adlfs.
"""

import glob
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from estimator import files

TRIES, PAUSE = 3, 1.0  # of reading from another machine, and seconds before the second try
Answer = TypeVar("Answer")


@dataclass(frozen=True, order=True)
class Stored:
    """A file that was found.

    Attributes:
      path: as it is opened.
      size: bytes.
    """

    path: str
    size: int


def is_remote(path: str) -> bool:
    """Whether fsspec opens it."""
    return "://" in path


def find(pattern: str) -> list[Stored]:
    """The files of a path, a folder (those directly inside) or a glob, sorted by path.

    Raises:
      FileNotFoundError: there is none.
    """
    found = _find_remote(pattern) if is_remote(pattern) else _find_local(pattern)
    if not found:
        raise FileNotFoundError(f"no files at {pattern}")
    return sorted(found)


def is_folder(path: str) -> bool:
    """Whether a path is a folder's."""
    if not is_remote(path):
        return os.path.isdir(path)
    system, name = _system(path)
    return bool(system.isdir(name))


def below(folder: str) -> list[Stored]:
    """The files at any depth of a folder, sorted by path; links to folders are not followed.

    Raises:
      FileNotFoundError: there is none.
    """
    if is_remote(folder):
        system, name = _system(folder)
        found = [
            Stored(system.unstrip_protocol(path), int(info["size"]))
            for path, info in system.find(name, detail=True).items()
        ]
    else:
        paths = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
        found = [Stored(path, os.path.getsize(path)) for path in paths if os.path.isfile(path)]
    if not found:
        raise FileNotFoundError(f"no files below {folder}")
    return sorted(found)


def root(pattern: str) -> str:
    """The folder that an input's files lie below: itself, or what stands before its wildcards."""
    if is_folder(pattern):
        return pattern.rstrip("/")
    parts = pattern.split("/")
    wild = (index for index, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[: next(wild, len(parts) - 1)])


def _find_local(pattern: str) -> list[Stored]:
    if os.path.isfile(pattern):
        return [Stored(pattern, os.path.getsize(pattern))]
    if os.path.isdir(pattern):
        with os.scandir(pattern) as entries:
            return [Stored(one.path, one.stat().st_size) for one in entries if one.is_file()]
    names = glob.iglob(pattern, recursive=True)
    return [Stored(name, os.path.getsize(name)) for name in names if os.path.isfile(name)]


def _find_remote(pattern: str) -> list[Stored]:
    system, path = _system(pattern)
    if glob.has_magic(path):
        infos = system.glob(path, detail=True).values()
    elif system.isdir(path):
        infos = system.ls(path, detail=True)
    else:
        infos = [system.info(path)]
    return [
        Stored(system.unstrip_protocol(info["name"]), int(info["size"]))
        for info in infos
        if info["type"] == "file"
    ]


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A file, open for reading, with `seek`."""
    if not is_remote(path):
        with open(path, "rb") as file:
            yield file
        return
    system, name = _system(path)
    with system.open(name, "rb") as remote:
        yield cast(BinaryIO, remote)


@contextmanager
def local(path: str) -> Iterator[str]:
    """A local copy of a file, for libraries that take paths only; a local file itself."""
    if not is_remote(path):
        yield path
        return
    folder = tempfile.mkdtemp(prefix="tfpose-bulk-")
    try:
        copy = os.path.join(folder, path.rpartition("/")[2])
        system, name = _system(path)
        patiently(lambda: system.get_file(name, copy))
        yield copy
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read(path: str) -> bytes:
    """The bytes of a file.

    Raises:
      OSError: it cannot be read; another machine's was tried `TRIES` times.
    """
    if not is_remote(path):
        return Path(path).read_bytes()
    system, name = _system(path)
    return patiently(lambda: bytes(system.cat_file(name)))


def read_part(path: str, start: int, length: int) -> bytes:
    """Some bytes of a file."""
    with opened(path) as file:
        file.seek(start)
        return file.read(length)


def patiently(call: Callable[[], Answer]) -> Answer:
    """The answer of a call to another machine, which may fail for a moment.

    Raises:
      OSError: it failed `TRIES` times; at once where there is no such file.
    """
    for attempt in range(1, TRIES):
        try:
            return call()
        except FileNotFoundError:
            raise
        except OSError:
            time.sleep(PAUSE * 4 ** (attempt - 1))
    return call()


def write(path: str, data: bytes) -> None:
    """Writes a file whole or not at all, also while another process writes the same one.

    Local files are on the disk (fsync) before they have their name. Elsewhere a file of another
    name is written and moved; in object stores, where moving is copying, the copy appears whole.

    Raises:
      OSError: it cannot be written.
    """
    if not is_remote(path):
        with files.naming(path), files.Whole(path, durable=True, shared=True) as partial:
            partial.write_bytes(data)
        return
    system, name = _system(path)
    folder, _, last = name.rpartition("/")
    partial_name = f"{folder}/.{last}.{uuid.uuid4().hex}.partial"
    system.pipe_file(partial_name, data)
    system.mv(partial_name, name)


def remove(path: str) -> None:
    """Removes a file, if it is there."""
    if not is_remote(path):
        Path(path).unlink(missing_ok=True)
        return
    system, name = _system(path)
    if system.exists(name):
        system.rm_file(name)


def make_folder(path: str) -> None:
    """Makes a folder and those above it, and checks that files can be written into it.

    Raises:
      OSError: it cannot be made or written.
    """
    if not is_remote(path):
        files.make_folder(Path(path))
        return
    system, name = _system(path)
    system.makedirs(name, exist_ok=True)


def names(folder: str) -> set[str]:
    """The names of the files directly inside a folder, as they are now; none if it is not there."""
    if not is_remote(folder):
        return set(os.listdir(folder)) if os.path.isdir(folder) else set()
    system, name = _system(folder)
    system.invalidate_cache()
    if not system.isdir(name):
        return set()
    return {str(found).rstrip("/").rpartition("/")[2] for found in system.ls(name, detail=False)}


def join(names_of_parts: Iterable[str]) -> str:
    """A path of a folder and names; `/` is right on every file system."""
    return "/".join(part.rstrip("/") for part in names_of_parts)


def _system(path: str) -> tuple[Any, str]:
    """The file system of a path, and its name there.

    Raises:
      ImportError: the package of that file system is not installed; says which.
    """
    import fsspec

    system, name = fsspec.core.url_to_fs(path)
    return system, str(name)
