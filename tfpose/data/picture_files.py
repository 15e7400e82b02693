"""Where a data set's picture files lie (folders, zips), and whether a file is a sound picture."""

import os
import stat
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import cv2

from estimator import files as whole_files
from estimator import pictures
from estimator.pictures import header

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG"
_LOSSLESS = (_PNG, b"BM", b"GIF8", b"II*\0", b"MM\0*", b"P4", b"P5", b"P6")
HEAD = 1 << 16  # bytes that hold nearly every picture's size and orientation
MOST_BYTES = 1 << 30  # of a picture; `pictures.MAX_PIXELS` in a bitmap are fewer


UNREADABLE = (
    *(OSError, EOFError, NotImplementedError, RuntimeError, ValueError),
    *(zipfile.BadZipFile, zlib.error),
)


class BadPicture(ValueError):  # noqa: N818  it is counted and skipped, and no error of the run
    """One picture of a set that cannot be used; the message names it and says why."""


@dataclass(frozen=True)
class Place:
    """Where one picture lies: a file of a folder, or a member of a zip."""

    container: Path
    member: str
    stamp: str  # changes when the picture does: size and date, or the zip's CRC; "" for no file


class Pictures:
    """The picture files below some folders and inside some zips, found by name.

    A zip is read where it lies. An annotation's name finds a picture if one's path ends with the
    other's ("val/7.jpg" finds "images/val/7.jpg", and "7.jpg" in the folder "images/val"); where
    two pictures fit, neither is taken. What systems write beside pictures (`._NAME`, `__MACOSX`),
    links to nothing, pipes and devices are passed over. Links to folders are not followed.

    Attributes:
      containers: the folders and zips.
      passed_over: number of files that were passed over.
    """

    def __init__(self, containers: Iterable[Path]) -> None:
        """Lists the files.

        Raises:
          FileNotFoundError: a folder or zip does not exist.
          ValueError: a file is no zip.
        """
        self.containers = tuple(containers)
        self._places: dict[str, list[Place]] = defaultdict(list)
        self._archives: dict[Path, zipfile.ZipFile] = {}
        self.passed_over = 0
        for container in self.containers:
            for place in _walk(container):
                if not place.stamp or pictures.is_of_the_system(place.member):
                    self.passed_over += 1
                else:
                    self._places[os.path.basename(place.member)].append(place)

    def __len__(self) -> int:
        return sum(len(places) for places in self._places.values())

    def find(self, name: str) -> Place | None:
        """The picture that an annotation names, or None if there is none, or more than one."""
        name = name.replace("\\", "/")
        path = "/" + name.lstrip("/")
        fitting = [
            place
            for place in self._places.get(os.path.basename(name), ())
            if ("/" + place.member).endswith(path) or path.endswith("/" + place.member)
        ]
        exact = [place for place in fitting if place.member == name]
        found = exact if len(exact) == 1 else fitting
        return found[0] if len(found) == 1 else None

    def names(self) -> Iterable[str]:
        """The members' paths, in the order of the containers."""
        return (place.member for places in self._places.values() for place in places)

    def photographs(self) -> list[str]:
        """The members that are called like pictures, sorted.

        Raises:
          ValueError: there is none.
        """
        found = sorted(
            name for name in self.names() if Path(name).suffix.lower() in pictures.SUFFIXES
        )
        if not found:
            where = ", ".join(map(str, self.containers))
            count = len(self)
            raise ValueError(
                f"no pictures among the {count} files of {where}: name the folder or zip that "
                "holds them"
            )
        return found

    def read(self, name: str) -> bytes:
        """The file's bytes.

        Raises:
          BadPicture: it is missing, or cannot be read.
        """
        place = self.find(name)
        if place is None:
            where = ", ".join(str(container) for container in self.containers)
            raise BadPicture(f"{name} is missing, or there more than once, in {where}")
        try:
            with self._opened(place) as file:
                return read_bounded(file, name)
        except BadPicture:
            raise
        except UNREADABLE as error:
            raise BadPicture(f"{name} cannot be read: {error}") from error

    def header(self, name: str) -> header.Header | None:
        """What a picture says before it is decoded; None where it is missing or unreadable."""
        place = self.find(name)
        if place is None:
            return None
        try:
            with self._opened(place) as file:
                data = file.read(HEAD)
                found = header.read(data)
                if len(data) == HEAD and not (found.jpeg and found.height):
                    found = header.read(data + file.read(MOST_BYTES))
                return found
        except UNREADABLE:
            return None

    def only(self, names: Iterable[str]) -> "Pictures":
        """The same, knowing only some pictures; small to send to another process."""
        part = Pictures(())
        part.containers = self.containers
        for name in names:
            place = self.find(name)
            if place is not None:
                part._places[os.path.basename(place.member)].append(place)
        return part

    def _opened(self, place: Place) -> IO[bytes]:
        if place.container.is_dir():
            return (place.container / place.member).open("rb")
        archive = self._archive(place.container)
        return open_member(archive, archive.getinfo(place.member), place.container)

    def _archive(self, path: Path) -> zipfile.ZipFile:
        if path not in self._archives:
            self._archives[path] = zipfile.ZipFile(path)
        return self._archives[path]

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_archives": {}}


def open_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, container: str | os.PathLike[str]
) -> IO[bytes]:
    """A zip's member, open for reading.

    Args:
      archive: open.
      member: of it.
      container: what messages call the archive.

    Raises:
      ValueError: it is small packed and would fill the memory.
    """
    whole_files.check_member(member, container)
    return archive.open(member)


def read_bounded(file: IO[bytes], name: str) -> bytes:
    """The bytes of a picture's file.

    Raises:
      BadPicture: there are more than `MOST_BYTES`.
    """
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise BadPicture(f"{name} has more than {MOST_BYTES} bytes: is it a picture?")
    return data


def unpacked_or_zip(folder: Path) -> Path:
    """A download's folder, or the .zip of that name where it was not unpacked.

    Raises:
      FileNotFoundError: there is neither.
    """
    archive = folder.with_name(folder.name + ".zip")
    for path in (folder, archive):
        if path.exists():
            return path
    raise FileNotFoundError(f"no pictures: neither the folder {folder} nor {archive}")


def as_stored(picture: bytes, name: str) -> tuple[bytes, int, int]:
    """A picture as prepared sets hold it: upright, a JPEG or PNG without transparent pixels.

    A JPEG or PNG that is so already keeps its bytes. Others are read as the estimator reads them
    and encoded anew: JPEG, WebP, HEIC and AVIF as JPEG of quality 95 with full colour, what is
    lossless as PNG. So every reader of a prepared set sees what evaluation and runtime see.

    Returns:
      The encoded picture, its height and width.

    Raises:
      BadPicture: it cannot be read, or is damaged.
    """
    found = header.read(picture)
    plain = picture.startswith((_JPEG, _PNG)) and found.orientation == 1 and not found.alpha
    if plain:
        return picture, *measure(picture, name)
    try:
        decoded = pictures.decode(picture, name)
    except ValueError as error:
        raise BadPicture(str(error)) from error
    bgr = cv2.cvtColor(decoded, cv2.COLOR_RGB2BGR)
    if picture.startswith(_LOSSLESS):
        return bytes(cv2.imencode(".png", bgr)[1]), *decoded.shape[:2]
    options = [cv2.IMWRITE_JPEG_QUALITY, 95]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return bytes(cv2.imencode(".jpg", bgr, options)[1]), *decoded.shape[:2]


def measure(picture: bytes, name: str) -> tuple[int, int]:
    """Decodes a JPEG or PNG as the input pipeline will, and returns its height and width.

    Raises:
      BadPicture: it is damaged.
    """
    import tensorflow as tf  # the rest of this module is for machines without it, too

    if fault := header.read(picture).fault:
        raise BadPicture(f"{name} {fault}")
    try:
        if picture.startswith(_JPEG):
            tf.io.decode_jpeg(picture, channels=3, ratio=8)  # all of it is read, little is computed
            height, width, _ = tf.io.extract_jpeg_shape(picture).numpy().tolist()
        else:
            height, width, _ = tf.io.decode_png(picture, channels=3).shape
    except tf.errors.InvalidArgumentError as error:
        reason = error.message.splitlines()[0].removeprefix("{{function_node ")
        raise BadPicture(f"{name} is damaged: {reason}") from error
    return height, width


def _walk(container: Path) -> Iterable[Place]:
    if container.is_dir():
        for folder, folders, files in os.walk(container):
            folders.sort()
            for file in sorted(files):
                path = Path(folder, file)
                yield Place(container, path.relative_to(container).as_posix(), _stamp(path))
    elif container.is_file():
        try:
            with zipfile.ZipFile(container) as archive:
                for member in archive.infolist():
                    if not member.is_dir():
                        yield Place(container, member.filename, f"{member.file_size} {member.CRC}")
        except zipfile.BadZipFile as error:
            raise ValueError(
                f"{container} is neither a folder nor a sound zip ({error}): unpack other archives "
                "into a folder, and fetch a zip that was cut short again"
            ) from error
    else:
        raise FileNotFoundError(f"no picture folder or zip {container}")


def _stamp(path: Path) -> str:
    """The stamp of a file; "" for a link to nothing, and for what has no end, such as a pipe."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}" if stat.S_ISREG(status.st_mode) else ""
