"""Small containers of pictures for tests: one of each kind, and what lies in it."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

COUNT = 11


def pictures(count: int = COUNT) -> dict[str, bytes]:
    """Encoded pictures by name, each of its own grey."""
    made = {}
    for index in range(count):
        grey = np.full((24, 32, 3), 20 * index, np.uint8)
        made[f"{index:03}.png"] = bytes(cv2.imencode(".png", grey)[1])
    return made


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    """A zip, with members that are no pictures between them."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"set/{name}", data)
            archive.writestr(f"set/{name}.txt", "a text")
        archive.writestr("__MACOSX/set/._000.png", "not one")
    return path


def tarred(path: Path, members: dict[str, bytes]) -> Path:
    """A WebDataset's shard: a text beside every picture; one name is too long for a header."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, data in members.items():
            stem = "x" * 120 + name if name == "004.png" else name
            for member, content in ((stem, data), (stem + ".json", b"{}")):
                about = tarfile.TarInfo(member)
                about.size = len(content)
                archive.addfile(about, io.BytesIO(content))
    return path


def recorded(path: Path, members: dict[str, bytes]) -> Path:
    """A TFRecord of `tf.train.Example`s, encoded by hand; without CRCs, which nobody reads."""
    with path.open("wb") as file:
        for name, data in members.items():
            feature = {"image/encoded": data, "image/filename": name.encode(), "label": b"\x00"}
            example = _field(1, b"".join(_entry(key, value) for key, value in feature.items()))
            file.write(struct.pack("<Q", len(example)) + bytes(4) + example + bytes(4))
    return path


def _entry(name: str, value: bytes) -> bytes:
    return _field(1, _field(1, name.encode()) + _field(2, _field(1, _field(1, value))))


def _field(number: int, value: bytes) -> bytes:
    length, size = b"", len(value)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value


def tabled(path: Path, members: dict[str, bytes]) -> Path:
    """A Parquet file as Hugging Face's sets have them, in row groups of 4."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"bytes": data, "path": name} for name, data in members.items()]
    table = pa.table({"label": list(range(len(rows))), "image": rows})
    pq.write_table(table, path, row_group_size=4)
    return path


def filmed(path: Path, count: int = 90, rate: float = 25.0) -> Path:
    """An AVI whose frames have each a grey of its own."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (64, 48))
    for index in range(count):
        writer.write(np.full((48, 64, 3), 20 + 2 * index, np.uint8))
    writer.release()
    return path


def laid(folder: Path, members: dict[str, bytes]) -> Path:
    """Single files."""
    folder.mkdir(parents=True)
    for name, data in members.items():
        (folder / name).write_bytes(data)
    return folder


MAKERS: Sequence[tuple[str, str, Callable[[Path, dict[str, bytes]], Path]]] = (
    ("single_files", "folder", laid),
    ("zips", "set.zip", zipped),
    ("tars", "set.tar", tarred),
    ("tars", "set.tar.gz", tarred),
    ("tfrecords", "set.tfrecord-00000-of-00001", recorded),
    ("parquets", "set.parquet", tabled),
)
