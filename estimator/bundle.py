"""Reads and writes the spec inside a model's file.

In a .tflite it is a zip member behind the flatbuffer, as TFLite's associated files are: LiteRT
loads such a file unchanged, and `unzip -p model.tflite pose_spec.json` shows the spec. In a
SavedModel it is `assets.extra/pose_spec.json`, in an .onnx an entry of its metadata, in OpenVINO's
.xml an entry of its `rt_info`.
"""

import html
import io
import os
import re
import struct
import zipfile
import zlib
from pathlib import Path

from . import files, protobuf
from .spec import PoseSpec

MEMBER = "pose_spec.json"
ASSETS = "assets.extra"
RT_INFO = "pose_spec"  # the entry in an .xml, which is an attribute
MOST_BYTES = 1 << 20  # of a spec; the largest that we know has 4 KiB
_DAMAGED = (  # what zipfile raises on a member that is encrypted, damaged or of an unknown kind
    *(RuntimeError, zipfile.BadZipFile, zlib.error, EOFError, struct.error, OverflowError),
    *(OSError, ValueError, MemoryError),
)


def write_tflite(path: str | os.PathLike[str], flatbuffer: bytes, spec: PoseSpec) -> None:
    """Writes a .tflite that carries its spec; the file appears whole or not at all."""
    archived = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(archived, "a", zipfile.ZIP_STORED) as archive:
        member = zipfile.ZipInfo(MEMBER)  # its date is 1980: the same model, the same bytes
        archive.writestr(member, spec.to_json())
    files.write(path, archived.getvalue())


def write_onnx(path: str | os.PathLike[str], model: bytes, spec: PoseSpec) -> None:
    """Writes an .onnx that carries its spec; the file appears whole or not at all."""
    files.write(path, protobuf.append(model, MEMBER, spec.to_json()))


def write_saved_model(path: str | os.PathLike[str], spec: PoseSpec) -> None:
    """Writes the spec into the folder of a SavedModel."""
    folder = Path(path) / ASSETS
    folder.mkdir(parents=True, exist_ok=True)
    files.write(folder / MEMBER, spec.to_json())


def read(path: str | os.PathLike[str]) -> PoseSpec:
    """Reads the spec of a .tflite, .keras, .onnx or .xml file, or of a SavedModel folder.

    Raises:
      FileNotFoundError: there is no such file or folder.
      ValueError: the model carries no spec, or an invalid one.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no model at {path}")
    files.check_download(path / "saved_model.pb" if path.is_dir() else path)
    text = _read_text(path)
    if text is None:
        raise ValueError(
            f"{path} carries no {MEMBER}; was it written by tfpose.export? Give an existing "
            "model its spec with estimator.bundle"
        )
    try:
        return PoseSpec.from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_text(path: Path) -> str | None:
    """The spec's JSON; None where there is none.

    Raises:
      OSError: the file cannot be read.
      ValueError: it is damaged, or too large to be a spec; names the file.
    """
    try:
        if path.is_dir():
            data = _read_folder(path)
        elif path.suffix == ".onnx":
            data = protobuf.read(path.read_bytes(), MEMBER)
        elif path.suffix == ".xml":
            data = _read_attribute(path)
        else:
            data = _read_zip(path)
        if data is not None and len(data) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        return None if data is None else data.decode("utf-8")
    except ValueError as error:
        raise ValueError(f"{path}: its {MEMBER} cannot be read: {error}") from error


def _read_folder(path: Path) -> bytes | None:
    file = path / ASSETS / MEMBER
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


def _read_attribute(path: Path) -> bytes | None:
    """By a pattern: OpenVINO writes the entry on one line, and XML parsers expand bombs."""
    found = re.findall(rf'<{RT_INFO} value="([^"]*)"'.encode(), path.read_bytes())
    if not found or len(found[-1]) > 2 * MOST_BYTES:
        return found[-1] if found else None  # too long, which the caller refuses
    return html.unescape(found[-1].decode("utf-8")).encode("utf-8")


def _read_zip(path: Path) -> bytes | None:
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive, archive.open(MEMBER) as member:
                return member.read(MOST_BYTES + 1)
        except KeyError:
            return None
        except _DAMAGED as error:
            if not zipfile.is_zipfile(file):
                return None
            raise ValueError(str(error) or type(error).__name__) from error
