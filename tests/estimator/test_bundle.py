import io
import zipfile
from pathlib import Path

import pytest

from estimator import bundle, protobuf
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


def zipped(text: bytes, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr(bundle.MEMBER, text)
    return file.getvalue()


def encrypted(data: bytes) -> bytes:
    """The same zip with the flag of encryption (APPNOTE 4.4.4, bit 0) in both of its headers."""
    local, central = bytearray(data), data.index(b"PK\1\2")
    local[6] |= 1
    local[central + 8] |= 1
    return bytes(local)


def corrupt(data: bytes) -> bytes:
    start = 30 + len(bundle.MEMBER)
    return data[: start + 5] + bytes(20) + data[start + 25 :]


SPEC = colour_spec().to_json().encode()
DAMAGED = {
    "encrypted": (encrypted(zipped(SPEC)), "encrypted"),
    "corrupt": (corrupt(zipped(SPEC)), ""),
    "another checksum": (zipped(SPEC, zipfile.ZIP_STORED).replace(b"colour", b"cOlour"), "CRC"),
    "blanks": (zipped(b" " * (8 << 20)), "more than 1048576 bytes"),
    "no UTF-8": (zipped(b"\xff\xfe"), "codec"),
    "nested": (zipped(b"[" * 200_000), "nests too deep"),
    "a cut zip": (zipped(SPEC)[:-8], "is cut off"),
}


@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.parametrize("suffix", [".tflite", ".keras"])
def test_a_damaged_spec_is_refused_by_the_name_of_its_file(
    kind: str, suffix: str, tmp_path: Path
) -> None:
    data, message = DAMAGED[kind]
    path = tmp_path / f"m{suffix}"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"m\{suffix}.*{message}"):
        bundle.read(path)


def test_the_spec_of_a_folder_or_an_onnx_is_bounded_too(tmp_path: Path) -> None:
    (tmp_path / "m" / bundle.ASSETS).mkdir(parents=True)
    (tmp_path / "m" / bundle.ASSETS / bundle.MEMBER).write_bytes(b" " * (2 << 20))
    files = {"m": "more than 1048576", "a.onnx": "more than 1048576", "b.onnx": "no .onnx"}
    (tmp_path / "a.onnx").write_bytes(protobuf.append(b"", bundle.MEMBER, " " * (2 << 20)))
    (tmp_path / "b.onnx").write_bytes(b"\xff" * 50)
    for name, message in files.items():
        with pytest.raises(ValueError, match=rf"{name}: .*{message}"):
            bundle.read(tmp_path / name)
