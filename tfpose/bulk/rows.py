"""Rows of the output, one per picture, and their three forms: Parquet, JSON lines, COCO's results.

Columns of the Parquet files (`SCHEMA` in the file's metadata has the network and its keypoints):

    number          int64    of the picture in the whole job; unique
    source          string   the file, or CONTAINER!MEMBER
    frame, time     int64, double   of a video: number, and seconds since the first; else null
    height, width   int32    of the upright picture; null where it failed
    people          int32    their number; null where it failed
    keypoints       list of float[2K]   each person's x, y of every keypoint, pixels; NaN: not found
    scores          list of float[K]    of each keypoint, 0 where it was not found
    person_scores   list of float
    boxes           list of float[4]    x, y, width, height around the keypoints found
    error_kind      string   null, or one of KINDS
    error           string   why; null where nothing failed
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from estimator.outputs import results
from estimator.poses import Poses
from estimator.skeleton import Skeleton

KINDS = ("read", "decode", "estimate")  # its bytes, its pixels, its people could not be had
METADATA = "tfpose"


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """What became of one picture.

    Attributes:
      number, source, frame, time: as the columns.
      height, width: of the picture; 0 where it failed.
      poses: its people; None where it failed.
      kind, error: of the failure; "" where there was none.
    """

    number: int
    source: str
    frame: int | None = None
    time: float | None = None
    height: int = 0
    width: int = 0
    poses: Poses | None = None
    kind: str = ""
    error: str = ""

    def dead_letter(self) -> dict[str, Any]:
        """A line of the dead letters."""
        about = {"number": self.number, "source": self.source}
        if self.frame is not None:
            about["frame"] = self.frame
        return {**about, "kind": self.kind, "error": self.error}


def lines(trees: Sequence[dict[str, Any]]) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(tree, ensure_ascii=False) + "\n" for tree in trees).encode(
        "utf-8", "backslashreplace"
    )


def encode(rows: Sequence[Row], form: str, *, model: str, skeleton: Skeleton) -> bytes:
    """The file of a shard.

    Args:
      rows: in order.
      form: "parquet", "jsonl" or "coco".
      model: the network's name.
      skeleton: its keypoints.
    """
    if form == "parquet":
        return _parquet(rows, model, skeleton)
    if form == "jsonl":
        return lines([_readable(row, model) for row in rows])
    found = [
        {**result, "file": row.source}
        for row in rows
        if row.poses is not None
        for result in results.coco_results(row.poses, row.number)
    ]
    listed = ",\n".join(json.dumps(row, ensure_ascii=False) for row in found)
    return f"[\n{listed}\n]\n".encode("utf-8", "backslashreplace")


def _readable(row: Row, model: str) -> dict[str, Any]:
    when = {} if row.frame is None else {"frame": row.frame, "time": row.time}
    if row.poses is None:
        about = {"number": row.number, "file": row.source, **when}
        return {**about, "kind": row.kind, "error": row.error}
    tree = results.readable(
        row.poses, file=row.source, height=row.height, width=row.width, model=model
    )
    return {"number": row.number, **when, **tree}


def _parquet(rows: Sequence[Row], model: str, skeleton: Skeleton) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    count = len(skeleton.keypoints)
    nobody = Poses.empty(skeleton)
    found = [nobody if row.poses is None else row.poses for row in rows]
    about = {"model": model, "skeleton": skeleton.name, "keypoints": skeleton.keypoints}
    sound = [row.poses is not None for row in rows]

    def known(values: Sequence[Any], kind: Any) -> Any:
        return pa.array(
            [value if ok else None for value, ok in zip(values, sound, strict=True)], kind
        )

    columns = {
        "number": pa.array([row.number for row in rows], pa.int64()),
        "source": pa.array([_text(row.source) for row in rows], pa.string()),
        "frame": pa.array([row.frame for row in rows], pa.int64()),
        "time": pa.array([row.time for row in rows], pa.float64()),
        "height": known([row.height for row in rows], pa.int32()),
        "width": known([row.width for row in rows], pa.int32()),
        "people": known([len(poses) for poses in found], pa.int32()),
        "keypoints": _people([poses.xy for poses in found], 2 * count),
        "scores": _people([poses.score for poses in found], count),
        "person_scores": _people([poses.person_score for poses in found], None),
        "boxes": _people([poses.boxes for poses in found], 4),
        "error_kind": pa.array([row.kind or None for row in rows], pa.string()),
        "error": pa.array([_text(row.error) or None for row in rows], pa.string()),
    }
    table = pa.table(columns).replace_schema_metadata({METADATA: json.dumps(about)})
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


def _people(values: Sequence[Any], width: int | None) -> Any:
    """A column of lists, one entry a person; an entry has `width` floats, or is one of None."""
    import pyarrow as pa

    flat = pa.array(np.concatenate([value.ravel() for value in values]), pa.float32())
    lengths = [len(value) for value in values]
    entries = flat if width is None else pa.FixedSizeListArray.from_arrays(flat, width)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), entries)


def _text(text: str) -> str:
    """Text that UTF-8 can say: file names may be any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()
