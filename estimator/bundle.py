"""Reads and writes the spec inside a model's file.

In a .tflite it is a zip member behind the flatbuffer, as TFLite's associated files are: LiteRT
loads such a file unchanged, and `unzip -p model.tflite pose_spec.json` shows the spec. In a
SavedModel it is `assets.extra/pose_spec.json`, in an .onnx an entry of its metadata.
"""

import io
import os
import zipfile
from pathlib import Path

from . import files, protobuf
from .spec import PoseSpec

MEMBER = "pose_spec.json"
ASSETS = "assets.extra"


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
    """Reads the spec of a .tflite, .keras or .onnx file, or of a SavedModel folder.

    Raises:
      FileNotFoundError: there is no such file or folder.
      ValueError: the model carries no spec, or an invalid one.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no model at {path}")
    files.check_download(path / "saved_model.pb" if path.is_dir() else path)
    if path.is_dir():
        text = _read_folder(path)
    elif path.suffix == ".onnx":
        text = protobuf.read(path.read_bytes(), MEMBER)
    else:
        text = _read_zip(path)
    if text is None:
        raise ValueError(
            f"{path} carries no {MEMBER}; was it written by tfpose.export? Give an existing "
            "model its spec with estimator.bundle"
        )
    try:
        return PoseSpec.from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_folder(path: Path) -> str | None:
    file = path / ASSETS / MEMBER
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _read_zip(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(MEMBER).decode("utf-8")
    except (zipfile.BadZipFile, KeyError):
        return None
