"""A cache of canvases with a teacher's answers to them: what lies on the disk, and what it says.

    DIR/cache.json            what made it, and how its bytes are read
    DIR/teacher.tflite        the network that answered, one size, one thread
    DIR/canvases-00012.npy    canvases 12 * CANVASES_A_SHARD and following

A shard is a NumPy array of a structured type: canvases of one length, raw bytes, one after the
other. So any canvas of any shard is one read of a known place, by NumPy as by tf.data: windows can
be drawn evenly from all of them, and a checkpoint of the place in the data is one number. A
TFRecord is read from the front: even order would need a buffer of thousands of canvases, half a
megabyte each, in memory and in every checkpoint; ArrayRecord has random access, but from Python
only, which stands on the hot path. Raw pictures cost four times the room of JPEGs and no decoding.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from estimator.arrays import Float, UInt8
from estimator.spec import PoseSpec

FORMAT = 1
FILE, TEACHER = "cache.json", "teacher.tflite"
CANVASES_A_SHARD = 64  # 31 MB with hints: what a killed process loses, at most
# How a value becomes a byte: value * scale + offset, rounded, clipped. Heatmaps lie in 0..1, fields
# in -1..1, hints have mean 0 and deviation 1 before.
CODES = {"heatmaps": (255.0, 0.0), "pafs": (127.0, 128.0), "hints": (25.0, 100.0)}
HINTS = "hints"


@dataclass(frozen=True, kw_only=True, eq=False)
class Cache:
    """What a cache's `cache.json` says.

    Attributes:
      folder: of the cache.
      canvases: how many there are to be.
      spec: of the teacher; its image is the canvas.
      hints: channels of the features; 0 for none.
      made: everything that decides what the canvases and answers are.
    """

    folder: Path
    canvases: int
    spec: PoseSpec
    hints: int
    made: Mapping[str, Any]

    @property
    def channels(self) -> dict[str, int]:
        """The teacher's answers by name, and the channels of each."""
        return self.spec.channels | ({HINTS: self.hints} if self.hints else {})

    @property
    def cells(self) -> tuple[int, int]:
        """Height and width of the answers."""
        image, stride = self.spec.image, self.spec.outputs.stride
        return image.height // stride, image.width // stride

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of one canvas with its answers."""
        image = self.spec.image
        fields: list[Any] = [("image", "u1", (image.height, image.width, 3))]
        fields += [(name, "u1", (*self.cells, count)) for name, count in self.channels.items()]
        return np.dtype(fields)

    @property
    def shards(self) -> int:
        return -(-self.canvases // CANVASES_A_SHARD)

    def numbers(self, shard: int) -> range:
        """The canvases of a shard."""
        first = shard * CANVASES_A_SHARD
        return range(first, min(first + CANVASES_A_SHARD, self.canvases))

    def path(self, shard: int) -> Path:
        return self.folder / f"canvases-{shard:05d}.npy"

    def missing(self) -> list[int]:
        """The shards that are not there, or are not of the length that they should have."""
        header, canvas = self.header, self.dtype.itemsize
        found = {path.name: path.stat().st_size for path in self.folder.glob("canvases-*.npy")}
        return [
            shard
            for shard in range(self.shards)
            if found.get(self.path(shard).name) != header + len(self.numbers(shard)) * canvas
        ]

    @property
    def header(self) -> int:
        """Bytes before a shard's first canvas: NumPy leaves room for any length in it."""
        file = io.BytesIO()
        np.save(file, np.empty(0, self.dtype))
        return len(file.getbuffer())

    def to_json(self) -> str:
        tree = {
            "format": FORMAT,
            "canvases": self.canvases,
            "hints": self.hints,
            "spec": json.loads(self.spec.to_json()),
            "codes": CODES,
            "made": self.made,
        }
        return json.dumps(tree, indent=1) + "\n"


def read(folder: str | os.PathLike[str]) -> Cache:
    """Reads what a cache is.

    Raises:
      FileNotFoundError: the folder holds none.
      ValueError: it is damaged, or of a newer version.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"no canvases in {folder}: make them with python -m scripts.cache_teacher"
        )
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        if tree["format"] > FORMAT:
            raise ValueError(f"{path} has format {tree['format']}: upgrade tfpose")
        return Cache(
            folder=path.parent,
            canvases=int(tree["canvases"]),
            spec=PoseSpec.from_json(json.dumps(tree["spec"])),
            hints=int(tree["hints"]),
            made=tree["made"],
        )
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error!r}") from error


def coded(name: str, values: Float) -> UInt8:
    """An answer as bytes."""
    scale, offset = CODES[name]
    return np.asarray(np.clip(np.rint(values * scale + offset), 0, 255), np.uint8)


def decoded(name: str, values: Any) -> Any:
    """An answer's bytes, as floats already, as its values; NumPy's or TensorFlow's."""
    scale, offset = CODES[name]
    return (values - offset) / scale
