"""A cache of canvases with a teacher's answers, as it lies on the disk.

    DIR/cache.json            how it was made, and how its bytes are read
    DIR/teacher.tflite        the teacher, at one size
    DIR/canvases-00012.npy    canvases 12 * CANVASES_A_SHARD and following

A shard is a NumPy array of a structured type: raw canvases of equal length, one after the other. So
NumPy and tf.data read any canvas with one read at a known place: windows can be drawn evenly from
all canvases, and a checkpoint of the place in the data is one number. A TFRecord is read from its
beginning: an even order would need a buffer of thousands of canvases, half a megabyte each, in
memory and in every checkpoint. ArrayRecord has random access from Python only, and the hot path has
no Python. Raw pictures take four times the space of JPEGs and need no decoding.
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
CANVASES_A_SHARD = 64  # 31 MB with hints: the most that a killed process loses
# A byte is value * scale + offset, rounded and clipped. Heatmaps lie in 0..1, fields in -1..1;
# hints have mean 0 and deviation 1.
CODES = {"heatmaps": (255.0, 0.0), "pafs": (127.0, 128.0), "hints": (25.0, 100.0)}
HINTS = "hints"


@dataclass(frozen=True, kw_only=True, eq=False)
class Cache:
    """A cache, as its `cache.json` describes it.

    Attributes:
      folder: of the cache.
      canvases: their number once it is complete.
      spec: of the teacher; its image is the canvas.
      hints: channels of the features; 0 for none.
      made: everything that determines canvases and answers.
    """

    folder: Path
    canvases: int
    spec: PoseSpec
    hints: int
    made: Mapping[str, Any]

    @property
    def channels(self) -> dict[str, int]:
        """Channels of the teacher's answers, by name."""
        return self.spec.channels | ({HINTS: self.hints} if self.hints else {})

    @property
    def cells(self) -> tuple[int, int]:
        """Height and width of the answers."""
        image, stride = self.spec.image, self.spec.outputs.stride
        return image.height // stride, image.width // stride

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of one canvas with its answers."""
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
        """The shards that do not exist or have a wrong length."""
        header, canvas = self.header, self.dtype.itemsize
        found = {path.name: path.stat().st_size for path in self.folder.glob("canvases-*.npy")}
        return [
            shard
            for shard in range(self.shards)
            if found.get(self.path(shard).name) != header + len(self.numbers(shard)) * canvas
        ]

    def is_whole(self, shard: int) -> bool:
        """Whether a shard is there, with its length."""
        path = self.path(shard)
        whole = self.header + len(self.numbers(shard)) * self.dtype.itemsize
        return path.is_file() and path.stat().st_size == whole

    @property
    def header(self) -> int:
        """Bytes before a shard's first canvas; NumPy pads the header, so its length is fixed."""
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
    """Reads a cache's description.

    Raises:
      FileNotFoundError: the folder holds none.
      ValueError: it is damaged, or of a newer version.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        raise FileNotFoundError(f"no canvases in {folder}: make them with tfpose cache-teacher")
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
    """Encodes an answer as bytes."""
    scale, offset = CODES[name]
    return np.asarray(np.clip(np.rint(values * scale + offset), 0, 255), np.uint8)


def decoded(name: str, values: Any) -> Any:
    """Decodes an answer's bytes, given as floats of NumPy or TensorFlow."""
    scale, offset = CODES[name]
    return (values - offset) / scale
