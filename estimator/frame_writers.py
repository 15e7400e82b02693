"""The people of a stream, frame by frame, into files: JSON lines, CSV, OpenPose's JSON.

    with JsonLines("walk.jsonl", model="...") as writer:
        for result in stream.follow(estimator, "walk.mp4"):
            writer.write(result.frame, result.poses)

JSON lines: one object a frame, as `writers.readable` has it, and

    {"frame": 12, "time": 0.4, ...}

`time` is in seconds since the first frame. A live source's rows have `utc`, too.
CSV: one row a person, with the columns file, frame, time and those of `Poses.to_rows`.
OpenPose: one file a frame, NAME_000000000012_keypoints.json, of a picture NAME_keypoints.json.
"""

import csv
import json
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol, TextIO

from . import writers
from .frames import Frame
from .poses import Poses
from .skeleton import Skeleton
from .spec import PoseSpec


class FrameWriter(Protocol):
    """Takes frames in order; `close` finishes the file."""

    def write(self, frame: Frame, poses: Poses) -> None:
        """One frame's people."""
        ...

    def close(self) -> None:
        """No more frames come."""
        ...


class ClosingWriter(FrameWriter, Protocol):
    """One that a `with` closes."""

    def __enter__(self) -> "ClosingWriter": ...

    def __exit__(self, *_: object) -> None: ...


class _LineFile:
    """A text file that is whole up to the last frame at any time, so that others can follow it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        writers.check_writable(self.path)
        self._file: TextIO = self.path.open("w", encoding="utf-8", newline="")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finishes the file."""
        self._file.close()


class JsonLines(_LineFile):
    """One JSON object a frame and line.

    Args:
      path: of the file; one that exists is replaced.
      model: name of the network, for the rows.
      live: write the hour of each frame, too.

    Raises:
      OSError: the file cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, model: str = "", live: bool = False
    ) -> None:
        super().__init__(path)
        self._model, self._live = model, live

    def write(self, frame: Frame, poses: Poses) -> None:
        """One frame's people."""
        height, width = frame.picture.shape[:2]
        row: dict[str, Any] = {"frame": frame.index, "time": round(frame.time, 4)}
        if self._live:
            ago = timedelta(seconds=time.monotonic() - frame.captured)
            row["utc"] = (datetime.now(timezone.utc) - ago).isoformat(timespec="milliseconds")
        row |= writers.readable(
            poses, file=frame.name, height=height, width=width, model=self._model
        )
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._file.flush()


class Csv(_LineFile):
    """One row a person, under a head.

    Args:
      path: of the file; one that exists is replaced.
      skeleton: whose keypoints become columns.

    Raises:
      OSError: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], skeleton: Skeleton) -> None:
        super().__init__(path)
        columns = ["file", "frame", "time", "person", "identity", "score"]
        for name in skeleton.keypoints:
            columns += [f"{name}_x", f"{name}_y", f"{name}_score"]
        self._table = csv.DictWriter(self._file, columns)
        self._table.writeheader()
        self._file.flush()

    def write(self, frame: Frame, poses: Poses) -> None:
        """One frame's people; a frame without any has no row."""
        about = {"file": frame.name, "frame": frame.index, "time": round(frame.time, 4)}
        self._table.writerows(about | row for row in poses.to_rows())
        self._file.flush()


class JsonList:
    """A JSON list of any rows, one a line; the file appears when it is whole.

    Args:
      path: of the file; one that exists is replaced.
      rows: a frame's rows; `coco_rows` and `readable_rows` are some.

    Raises:
      OSError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        rows: Callable[[Frame, Poses], list[dict[str, Any]]],
    ) -> None:
        self.path, self._rows = Path(path), rows
        writers.check_writable(self.path)
        self._partial = self.path.with_name(self.path.name + ".partial")
        self._file: TextIO = self._partial.open("w", encoding="utf-8")
        self._file.write("[\n")
        self._between = ""

    def __enter__(self) -> "JsonList":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, frame: Frame, poses: Poses) -> None:
        """One frame's people."""
        for row in self._rows(frame, poses):
            self._file.write(self._between + json.dumps(row, ensure_ascii=False))
            self._between = ",\n"

    def close(self) -> None:
        """Finishes the file and gives it its name."""
        if self._file.closed:
            return
        self._file.write("\n]\n")
        self._file.close()
        os.replace(self._partial, self.path)


def readable_rows(model: str) -> Callable[[Frame, Poses], list[dict[str, Any]]]:
    """One row a frame, as `writers.readable` has it."""

    def rows(frame: Frame, poses: Poses) -> list[dict[str, Any]]:
        height, width = frame.picture.shape[:2]
        return [writers.readable(poses, file=frame.name, height=height, width=width, model=model)]

    return rows


def coco_rows(
    skeleton: Skeleton, *, numbered: bool
) -> Callable[[Frame, Poses], list[dict[str, Any]]]:
    """One row a person, as `writers.coco_results` has it.

    Args:
      skeleton: refused now if it has nothing of COCO's.
      numbered: the image id is the frame's number; if not, it is taken from the picture's name.
    """
    writers.coco_results(Poses.empty(skeleton), 0)
    return lambda frame, poses: writers.coco_results(
        poses, frame.index if numbered else writers.coco_image_id(frame.name)
    )


class OpenPoseJson:
    """OpenPose's JSON, version 1.3, one file a frame; see `writers.openpose`.

    Args:
      folder: made if need be.
      skeleton: refused now if it has nothing of OpenPose's.
      numbered: the files are called by the frame; if not, by the frame's own name alone.

    Raises:
      OSError: the folder cannot be made or written.
      ValueError: the skeleton shares no keypoint with OpenPose's.
    """

    def __init__(
        self, folder: str | os.PathLike[str], skeleton: Skeleton, *, numbered: bool = True
    ) -> None:
        self.folder, self._numbered = Path(folder), numbered
        writers.openpose(Poses.empty(skeleton))
        writers.make_folder(self.folder)

    def __enter__(self) -> "OpenPoseJson":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, frame: Frame, poses: Poses) -> None:
        """One frame's people."""
        stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in Path(frame.name).stem)
        number = f"_{frame.index:012d}" if self._numbered else ""
        path = self.folder / f"{stem or 'frame'}{number}_keypoints.json"
        writers.write_whole(path, json.dumps(writers.openpose(poses)).encode())

    def close(self) -> None:
        """Nothing is open between frames."""


def open_writer(
    kind: str, path: str | os.PathLike[str], spec: PoseSpec, *, live: bool, numbered: bool
) -> ClosingWriter:
    """The writer of a kind: "json", "jsonl", "csv", "coco" or "openpose_json".

    Args:
      kind: of file.
      path: of the file, or the folder of OpenPose's.
      spec: of the network.
      live: the source is.
      numbered: frames go by their number, not by their file's name.

    Raises:
      OSError, ValueError: it cannot be written, or not of this skeleton.
    """
    if kind == "json":
        return JsonList(path, readable_rows(spec.model))
    if kind == "jsonl":
        return JsonLines(path, model=spec.model, live=live)
    if kind == "csv":
        return Csv(path, spec.skeleton)
    if kind == "coco":
        return JsonList(path, coco_rows(spec.skeleton, numbered=numbered))
    if kind == "openpose_json":
        return OpenPoseJson(path, spec.skeleton, numbered=numbered)
    raise ValueError(f"no writer {kind!r}")
