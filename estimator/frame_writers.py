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
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol, TextIO

from . import writers
from .frames import Frame
from .poses import Poses
from .skeleton import Skeleton


class FrameWriter(Protocol):
    """Takes frames in order; `close` finishes the file."""

    def write(self, frame: Frame, poses: Poses) -> None:
        """One frame's people."""
        ...

    def close(self) -> None:
        """No more frames come."""
        ...


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
