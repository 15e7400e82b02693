"""Writes the people of a stream, frame by frame: JSON lines, CSV, OpenPose's JSON.

    with JsonLines("walk.jsonl", model="...") as writer:
        for result in follow(estimator, "walk.mp4"):
            writer.write(result.frame, result.poses)

JSON lines: one object per frame, as `results.readable` gives it, and

    {"frame": 12, "time": 0.4, ...}

`time` is in seconds since the first frame. Rows of a live source have `utc`, too.
CSV: one row per person, with the columns file, frame, time and those of `Poses.to_rows`.
COCO and OpenPose: as their formats say, and `file`, the path of the source.
OpenPose: one file per frame, NAME_000000000012_keypoints.json; for pictures NAME_keypoints.json,
numbered where two pictures have one name.
"""

import contextlib
import csv
import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol, TextIO

from .. import files
from ..poses import Poses
from ..skeleton import Skeleton
from ..spec import PoseSpec
from ..streams.frames import Frame, coco_image_id
from . import results


class FrameWriter(Protocol):
    """Writes frames in order; `close` finishes the file."""

    def write(self, frame: Frame, poses: Poses) -> None:
        """Writes the people of one frame."""
        ...

    def close(self) -> None:
        """Finishes the file."""
        ...


class ClosingWriter(FrameWriter, Protocol):
    """A frame writer that is a context manager."""

    def __enter__(self) -> "ClosingWriter": ...

    def __exit__(self, *_: object) -> None: ...


class _LineFile:
    """A text file that is complete up to the last frame, so that other programs can follow it."""

    escapes = files.ESCAPES

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        files.check_writable(self.path)
        self._file: TextIO = self.path.open("w", encoding="utf-8", errors=self.escapes, newline="")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finishes the file."""
        with files.naming(self.path):
            self._file.close()


class JsonLines(_LineFile):
    """Writes one JSON object per frame and line.

    Args:
      path: of the file; an existing one is replaced.
      model: name of the network, for the rows.
      live: write the UTC time of each frame, too.
      normalised: write x and y as shares of width and height.

    Raises:
      OSError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        model: str = "",
        live: bool = False,
        normalised: bool = False,
    ) -> None:
        super().__init__(path)
        self._model, self._live, self._normalised = model, live, normalised

    def write(self, frame: Frame, poses: Poses) -> None:
        """Writes the people of one frame."""
        height, width = frame.sides
        row: dict[str, Any] = {"frame": frame.index, "time": round(frame.time, 4)}
        if self._live:
            ago = timedelta(seconds=time.monotonic() - frame.captured)
            row["utc"] = (datetime.now(timezone.utc) - ago).isoformat(timespec="milliseconds")
        row |= results.readable(
            poses,
            file=frame.name,
            height=height,
            width=width,
            model=self._model,
            normalised=self._normalised,
        )
        with files.naming(self.path):
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
            self._file.flush()


class Csv(_LineFile):
    """Writes one row per person, under a header; the bytes of file names as they are.

    Args:
      path: of the file; an existing one is replaced.
      skeleton: its keypoints are the columns.
      normalised: write x and y as shares of width and height.

    Raises:
      OSError: the file cannot be written.
    """

    escapes = "surrogateescape"

    def __init__(
        self, path: str | os.PathLike[str], skeleton: Skeleton, *, normalised: bool = False
    ) -> None:
        super().__init__(path)
        self._normalised = normalised
        columns = ["file", "frame", "time", "person", "identity", "score"]
        for name in skeleton.keypoints:
            columns += [f"{name}_x", f"{name}_y", f"{name}_score"]
        self._table = csv.DictWriter(self._file, columns)
        with files.naming(self.path):
            self._table.writeheader()
            self._file.flush()

    def write(self, frame: Frame, poses: Poses) -> None:
        """Writes the people of one frame; a frame without people has no row."""
        if self._normalised:
            poses = poses.normalised(*frame.sides)
        about = {"file": frame.name, "frame": frame.index, "time": round(frame.time, 4)}
        with files.naming(self.path):
            rows = poses.to_rows(6 if self._normalised else 2)
            self._table.writerows(about | row for row in rows)
            self._file.flush()


class JsonList:
    """Writes a JSON list, one row per line; the file appears when it is closed.

    Args:
      path: of the file; an existing one is replaced.
      rows: gives the rows of a frame; `coco_rows` and `readable_rows` make such functions.

    Raises:
      OSError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        rows: Callable[[Frame, Poses], list[dict[str, Any]]],
    ) -> None:
        self.path, self._rows = Path(path), rows
        files.check_writable(self.path)
        self._whole = files.Whole(self.path)
        self._file: TextIO = self._whole.partial.open("w", encoding="utf-8", errors=files.ESCAPES)
        self._file.write("[\n")
        self._between = ""

    def __enter__(self) -> "JsonList":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, frame: Frame, poses: Poses) -> None:
        """Writes the people of one frame."""
        with files.naming(self.path):
            for row in self._rows(frame, poses):
                self._file.write(self._between + json.dumps(row, ensure_ascii=False))
                self._between = ",\n"

    def close(self) -> None:
        """Finishes the file and moves it to its place.

        Raises:
          OSError: it cannot be finished; nothing is left of it.
        """
        if self._file.closed:
            return
        try:
            with files.naming(self.path):
                self._file.write("\n]\n")
                self._file.close()
                self._whole.keep()
        finally:
            with contextlib.suppress(OSError):
                self._file.close()
            self._whole.discard()


def readable_rows(
    model: str, *, normalised: bool = False
) -> Callable[[Frame, Poses], list[dict[str, Any]]]:
    """Makes a function that gives one row per frame, as `results.readable`."""

    def rows(frame: Frame, poses: Poses) -> list[dict[str, Any]]:
        height, width = frame.sides
        return [
            results.readable(
                poses,
                file=frame.name,
                height=height,
                width=width,
                model=model,
                normalised=normalised,
            )
        ]

    return rows


def coco_rows(
    skeleton: Skeleton, *, numbered: bool
) -> Callable[[Frame, Poses], list[dict[str, Any]]]:
    """Makes a function that gives one row per person, as `results.coco_results`.

    Args:
      skeleton: refused if it shares no keypoint with COCO's.
      numbered: the image id is the index of the frame; if False, it is that of the picture's name,
        and a row of a second picture of that id is refused.
    """
    results.coco_results(Poses.empty(skeleton), 0)
    known: dict[int | str, str] = {}

    def rows(frame: Frame, poses: Poses) -> list[dict[str, Any]]:
        image_id = frame.index if numbered else coco_image_id(frame.name)
        if not numbered and (first := known.setdefault(image_id, frame.name)) != frame.name:
            raise ValueError(
                f"{frame.name} and {first} both have the COCO image id {image_id!r}, and their "
                "people would be mixed: rename one, or run them apart"
            )
        found = results.coco_results(poses, image_id)
        return [{**row, "file": frame.name} for row in found]

    return rows


def check_image_ids(files: Sequence[Path]) -> None:
    """Refuses pictures that would share a COCO image id.

    Raises:
      ValueError: names the first two.
    """
    known: dict[int | str, Path] = {}
    for file in files:
        first = known.setdefault(coco_image_id(file), file)
        if first != file:
            raise ValueError(
                f"{first} and {file} both have the COCO image id {coco_image_id(file)!r}, and "
                "their people would be mixed: rename one, or run them apart"
            )


class OpenPoseJson:
    """Writes OpenPose's JSON, version 1.3, one file per frame; see `results.openpose`.

    Args:
      folder: made if it does not exist.
      skeleton: refused if it shares no keypoint with OpenPose's.
      numbered: file names have the index of the frame; if False, the name of the frame only.

    Raises:
      OSError: the folder cannot be made or written.
      ValueError: the skeleton shares no keypoint with OpenPose's.
    """

    def __init__(
        self, folder: str | os.PathLike[str], skeleton: Skeleton, *, numbered: bool = True
    ) -> None:
        self.folder, self._numbered = Path(folder), numbered
        self._taken: dict[str, str] = {}
        results.openpose(Poses.empty(skeleton))
        files.make_folder(self.folder)

    def __enter__(self) -> "OpenPoseJson":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, frame: Frame, poses: Poses) -> None:
        """Writes the people of one frame."""
        stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in Path(frame.name).stem)
        number = f"_{frame.index:012d}" if self._numbered else ""
        name = self._free(f"{stem or 'frame'}{number}", frame.name)
        tree = {**results.openpose(poses), "file": frame.name}
        files.write(self.folder / f"{name}_keypoints.json", json.dumps(tree))

    def _free(self, stem: str, source: str) -> str:
        """The stem, numbered where a picture of another path has it: `cam_1`, `cam_1-2`."""
        if self._numbered:
            return stem
        numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
        names = (f"{stem}{number}" for number in numbers)
        free = next(name for name in names if self._taken.get(name.casefold(), source) == source)
        self._taken[free.casefold()] = source
        return free

    def close(self) -> None:
        """Does nothing: no file is open between frames."""


def open_writer(
    kind: str,
    path: str | os.PathLike[str],
    spec: PoseSpec,
    *,
    live: bool,
    numbered: bool,
    normalised: bool = False,
) -> ClosingWriter:
    """Opens a writer: "json", "jsonl", "csv", "coco" or "openpose_json".

    Args:
      kind: of the writer.
      path: of the file, or of the folder for OpenPose's.
      spec: of the network.
      live: the source is live.
      numbered: frames are identified by their index, not by the name of their file.
      normalised: x and y are shares of width and height; not in COCO's and OpenPose's formats,
        which are of pixels.

    Raises:
      OSError, ValueError: the file cannot be written, or not for this skeleton.
    """
    if kind == "json":
        return JsonList(path, readable_rows(spec.model, normalised=normalised))
    if kind == "jsonl":
        return JsonLines(path, model=spec.model, live=live, normalised=normalised)
    if kind == "csv":
        return Csv(path, spec.skeleton, normalised=normalised)
    if kind == "coco":
        return JsonList(path, coco_rows(spec.skeleton, numbered=numbered))
    if kind == "openpose_json":
        return OpenPoseJson(path, spec.skeleton, numbered=numbered)
    raise ValueError(f"no writer {kind!r}")
