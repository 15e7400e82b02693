"""Reading pictures: files, folders and globs in, upright RGB out."""

import contextlib
import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..arrays import UInt8
from . import header as picture_header
from . import signatures

SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jpeg", ".jpg"}
    | {".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
# Eileen Collins, photographed by NASA, in the public domain: skimage.data.astronaut(), JPEG 90.
SAMPLE = Path(__file__).with_name("sample.jpg")
MAX_PIXELS = 1 << 28  # 268 megapixels: 0.8 GB decoded; more is refused before it is decoded
# Exif's orientations whose stored picture is mirrored, after its axes are swapped from 5 on.
FLIPPED_X, FLIPPED_Y = frozenset({2, 3, 6, 7}), frozenset({3, 4, 7, 8})
_REDUCED = {
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
# JPEGs come as RGB from OpenCV 4.11 on, which saves going through all pixels once more.
_RGB: int | None = getattr(cv2, "IMREAD_COLOR_RGB", None)
_ROWS = 256  # that are converted at a time
_LARGE = 1 << 24  # pixels from which on a picture is decoded from its file, without a copy
_PAPER = 255  # transparent pixels become white, as in a browser


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of a list of paths.

    Attributes:
      files: pictures, each once, in the order of the paths; those of a folder in natural order (2
        before 10).
      skipped: files of folders and globs without the suffix of a picture.
      empty: a line for every folder and glob without a picture, beside others that have some.
    """

    files: tuple[Path, ...]
    skipped: tuple[Path, ...]
    empty: tuple[str, ...] = ()


def find(paths: Iterable[str | os.PathLike[str]], *, drawn_suffix: str = "") -> Listing:
    """Finds the pictures of files, folders and globs.

    A file is taken whatever its suffix. A folder gives the pictures directly inside it; for
    subfolders use a glob: `photos/**/*.jpg`.

    Args:
      paths: of files and folders, or globs.
      drawn_suffix: end of the stem that marks the output of a program (".poses"); such files in
        folders and globs are skipped.

    Raises:
      FileNotFoundError: a path does not exist, or none of the folders and globs has a picture.
    """
    files: dict[Path, None] = {}
    skipped: dict[Path, None] = {}
    empty: list[str] = []
    for path in map(Path, paths):
        if path.exists() and not path.is_dir():
            files[path] = None
            continue
        members = _members(path)
        pictures = [file for file in members if _is_picture(file, drawn_suffix)]
        if not pictures:
            kinds = " ".join(sorted(SUFFIXES))
            empty.append(f"no pictures in {path}: {len(members)} files, none of {kinds}")
            continue
        files.update(dict.fromkeys(pictures))
        skipped.update(dict.fromkeys(file for file in members if file not in files))
    if empty and not files:
        raise FileNotFoundError("; ".join(empty))
    return Listing(files=tuple(files), skipped=tuple(skipped), empty=tuple(empty))


def _members(path: Path) -> list[Path]:
    """The files of a folder or glob, in natural order."""
    if path.is_dir():
        found = list(path.iterdir())
    elif glob.has_magic(str(path)):
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]
    else:
        raise FileNotFoundError(f"no picture or folder at {path}")
    return sorted((file for file in found if file.is_file()), key=_natural)


def _is_picture(file: Path, drawn_suffix: str) -> bool:
    if is_of_the_system(file) or (drawn_suffix and file.stem.endswith(drawn_suffix)):
        return False
    return file.suffix.lower() in SUFFIXES


def is_of_the_system(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one that macOS writes beside others (`._NAME`, in `__MACOSX`)."""
    parts = Path(path).parts
    return bool(parts) and (parts[-1].startswith("._") or "__MACOSX" in parts)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts numbers inside names by their value."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in parts]


def read(
    source: str | os.PathLike[str] | bytes, *, header: picture_header.Header | None = None
) -> UInt8:
    """Reads a picture from a file, or from the bytes of one.

    The result is upright (by the Exif orientation). Grey becomes three equal channels, 16 bits
    become their upper 8, transparent pixels of PNG and WebP become white, and of an animation the
    first frame is read. HEIC needs pillow-heif (`tfpose[heic]`). A JPEG of more than 100 scans is
    refused: each costs as much as a picture.

    Args:
      source: the path of a file, or its bytes.
      header: of the picture, where it was read already.

    Returns:
      (H, W, 3) uint8, RGB.

    Raises:
      FileNotFoundError: there is no such file.
      OSError: it cannot be read.
      ValueError: it is no picture, cut off, or has more than `MAX_PIXELS`; says which file.
    """
    if isinstance(source, bytes):
        return decode(source, "the picture", header=header)
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"no picture at {path}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give one of its pictures")
    return decode(path.read_bytes(), str(path), file=path, header=header)


def decode(
    data: bytes,
    name: str,
    factor: int = 1,
    *,
    file: Path | None = None,
    header: picture_header.Header | None = None,
) -> UInt8:
    """Decodes the bytes of a picture; see `read`.

    Args:
      data: the bytes of the file.
      name: of the file, for messages.
      factor: 1, or for a JPEG 2, 4 or 8: the factor by which both sides are reduced.
      file: that has the same bytes, if there is one; a large picture of it takes half the memory.
      header: of the picture, where it was read already.
    """
    header = header or picture_header.read(data)
    if header.fault:
        raise ValueError(f"{name} {header.fault}")
    if not header.whole:
        raise ValueError(
            f"{name} is cut off: the file ends before its picture does ({len(data)} bytes). "
            "Copy or download it again"
        )
    if header.height * header.width > MAX_PIXELS:
        raise ValueError(
            f"{name} has {header.width} x {header.height} pixels, more than the "
            f"{MAX_PIXELS >> 20} x 2^20 that are read: make it smaller first"
        )
    if signatures.is_heic(data):
        return _heic(data, name)
    # IMREAD_COLOR drops alpha, and OpenCV 4.10 to 4.12 do not turn WebP by its Exif orientation
    if factor > 1:
        flag, is_rgb = _in_colour(_REDUCED[factor], header)
        decoded = _imdecode(data, flag | cv2.IMREAD_IGNORE_ORIENTATION, name)
        decoded = turn(decoded, header.orientation)
        return decoded if is_rgb else _in_rgb(decoded)
    if header.alpha or header.orientation != 1:
        decoded = _imdecode(data, cv2.IMREAD_UNCHANGED, name)
        return turn(_in_rgb(decoded), header.orientation)
    flag, is_rgb = _in_colour(cv2.IMREAD_COLOR, header)
    if file is not None and header.height * header.width >= _LARGE:
        del data  # as large as a third of the picture
        decoded = _imread(file, header, flag, name)
    else:
        decoded = _imdecode(data, flag, name)
    return decoded if is_rgb else _in_rgb(decoded)


def _in_colour(flag: int, header: picture_header.Header) -> tuple[int, bool]:
    """A flag of `cv2.imdecode`, made to ask for RGB where that can be had, and whether it does."""
    if _RGB is None or not header.jpeg:
        return flag, False
    return flag & ~cv2.IMREAD_COLOR | _RGB, True


def _in_rgb(decoded: npt.NDArray[Any]) -> UInt8:
    """Converts what OpenCV decoded to (H, W, 3) uint8 RGB, rows after rows.

    A whole picture at a time takes up to four times the memory of the picture.
    """
    plain = decoded.dtype == np.uint8 and decoded.ndim == 3 and decoded.shape[2] == 3
    picture = decoded if plain else np.empty((*decoded.shape[:2], 3), np.uint8)
    for top in range(0, len(decoded), _ROWS):
        rows = decoded[top : top + _ROWS]
        picture[top : top + _ROWS] = cv2.cvtColor(_on_paper(rows), cv2.COLOR_BGR2RGB)
    return picture


def _heic(data: bytes, name: str) -> UInt8:
    """A picture of an iPhone; libheif turns it upright."""
    try:
        import pillow_heif
    except ImportError:
        raise ValueError(
            f"{name} is a HEIC picture, which needs pillow-heif: pip install 'tfpose[heic]', or "
            "convert it to JPEG"
        ) from None
    try:
        found = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        if found.size[0] * found.size[1] > MAX_PIXELS:
            raise ValueError(f"{found.size[0]} x {found.size[1]} pixels are too many")
        picture = np.asarray(found)
    except (OSError, ValueError, RuntimeError, SyntaxError) as error:
        raise ValueError(f"{name} is a HEIC picture that cannot be read: {error}") from error
    if picture.ndim == 2:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB))
    if picture.shape[2] == 4:
        return np.asarray(_on_paper(picture))  # the order of the colours does not matter here
    return np.ascontiguousarray(picture)


def _imread(file: Path, header: picture_header.Header, flag: int, name: str) -> UInt8:
    """An upright picture of a file, (H, W, 3), in no more memory than its own where possible.

    `cv2.imdecode` answers a copy of what it decoded; `cv2.imread` decodes into memory that is given
    where it has an argument for it.
    """
    if "dst" in str(cv2.imread.__doc__):
        picture = np.empty((header.height, header.width, 3), np.uint8)
        with contextlib.suppress(cv2.error):  # `_imdecode` says what is wrong
            found = cv2.imread(str(file), picture, flag)
            if found is not None and found.shape == picture.shape and found.dtype == np.uint8:
                return np.asarray(found)
    return _imdecode(file.read_bytes(), flag, name)


def _imdecode(data: bytes, flag: int, name: str) -> UInt8:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flag) if data else None
    except cv2.error as error:
        raise ValueError(f"{name} cannot be decoded: {error.err}") from error
    if decoded is None:
        raise ValueError(f"{name} is {_what(data)} ({len(data)} bytes, starting {data[:8]!r})")
    return np.asarray(decoded)


def _what(data: bytes) -> str:
    """What a file that cannot be decoded is, and what to do."""
    if signatures.is_video(data):
        return "a video, no picture; give it on its own, as a video"
    return "no picture that OpenCV can decode; convert it to JPEG or PNG"


def _on_paper(decoded: npt.NDArray[Any]) -> UInt8:
    """Converts a result of IMREAD_UNCHANGED to (H, W, 3) uint8 BGR, on white where transparent."""
    if decoded.dtype == np.uint16:
        decoded = (decoded >> 8).astype(np.uint8)
    if decoded.ndim == 2:
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_GRAY2BGR))
    if decoded.shape[2] == 3:  # no alpha after all
        return decoded
    alpha = cv2.merge([decoded[..., 3]] * 3)
    colour = cv2.multiply(decoded[..., :3], alpha, scale=1 / 255)
    return np.asarray(cv2.add(colour, _PAPER - alpha))


def turn(picture: UInt8, orientation: int) -> UInt8:
    """Turns and mirrors a stored picture upright, by its Exif orientation 1..8 (TIFF 6.0, 274)."""
    if orientation >= 5:
        picture = cv2.transpose(picture)
    if orientation in FLIPPED_X:
        picture = cv2.flip(picture, 1)
    if orientation in FLIPPED_Y:
        picture = cv2.flip(picture, 0)
    return np.asarray(picture)
