"""Finds the people in photographs and draws them.

    python -m estimator --model=model.tflite photo.jpg holiday/ 'more/**/*.png' --out=drawn

Takes files, folders (the pictures directly inside) and globs (quoted, `**` goes into folders).
Writes NAME.poses.jpg beside each picture or into --out, and prints a table. Without a picture it
runs on the sample that ships and writes into the current folder. A picture that cannot be read is
named and skipped. Exit code: 0, 1 where a picture failed, 2 where nothing could start.
"""

import itertools
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from absl import app, flags

from . import draw, pictures, writers
from .arrays import UInt8
from .pose_estimator import Maps, PoseEstimator, shipped_names
from .poses import Poses

MODEL = flags.DEFINE_string("model", None, "A .tflite that carries its spec, or a shipped model.")
OUT = flags.DEFINE_string("out", None, "Folder for the drawn pictures; made if need be.")
DRAW = flags.DEFINE_enum("draw", "skeleton", ["skeleton", "heatmap", "none"], "What to draw.")
COLOUR = flags.DEFINE_enum("colour", "side", draw.COLOURS, "What the colour of a limb tells.")
SCORES = flags.DEFINE_bool("scores", False, "Write each person's score beside them.")
JSON = flags.DEFINE_string("json", None, "File for the poses, readable; see estimator/writers.py.")
COCO = flags.DEFINE_string("coco", None, "File for the poses as COCO keypoint results.")
MIN_SCORE = flags.DEFINE_float(
    "min_score", 0.25, "Leave out people below this score; for COCO's AP, 0 keeps all.", 0.0
)
HEIGHT = flags.DEFINE_integer(
    "height", None, "Input height of a flexible model: less is faster, more finds smaller people."
)
THREADS = flags.DEFINE_integer("threads", None, "Default: the cores at hand, at most 4.", 1)

DRAWN = ".poses"  # NAME.poses.jpg
# Top-down networks place every keypoint somewhere, seen or not; HRNet counts those above 0.2.
LEAST_DRAWN = {"letterbox": 0.0, "crop": 0.2}
HOW_TO_GET_A_MODEL = """\
No --model given{shipped}. Give the .tflite of a network. To make one from trained weights, in a
checkout with `pip install -e '.[train]'`:

  python -m scripts.import_weights --model=human_pose_estimation_0001 \\
      --source=human_pose_estimation_0001.npz --out=model.tflite
  python -m estimator --model=model.tflite photo.jpg"""


@dataclass(frozen=True, kw_only=True)
class _Result:
    """One picture's answer, without its pixels."""

    file: Path
    height: int
    width: int
    poses: Poses
    milliseconds: float


def main(argv: Sequence[str]) -> int:
    """Runs the program; returns its exit code."""
    if MODEL.value is None:
        names = shipped_names()
        shipped = f"; shipped are {', '.join(names)}" if names else ""
        return _refuse(HOW_TO_GET_A_MODEL.format(shipped=shipped))
    try:
        listing = pictures.find(argv[1:] or [pictures.SAMPLE], drawn_suffix=DRAWN)
        drawings = _plan_drawings(listing.files, sample=not argv[1:])
        _check_writable(drawings)
        estimator = PoseEstimator(MODEL.value, threads=THREADS.value, height=HEIGHT.value)
        if COCO.value:  # refuses a skeleton that has nothing of COCO's
            writers.coco_results(Poses.empty(estimator.spec.skeleton), 0)
    except (OSError, ValueError) as error:
        return _refuse(str(error))
    results, failures = _run_all(estimator, drawings)
    for file, reason in failures:
        named = reason if str(file) in reason else f"{file}: {reason}"
        print(f"skipped: {named}", file=sys.stderr)
    _print_table(results, drawings)
    _print_counts(len(results), len(failures), len(listing.skipped))
    try:
        _write_results(results, estimator.spec.model)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if failures else 0


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


def _plan_drawings(files: Sequence[Path], *, sample: bool) -> dict[Path, Path | None]:
    """Where each picture's drawing goes: never onto a picture given, never two onto one file."""
    if DRAW.value == "none":
        return dict.fromkeys(files)
    taken = {file.resolve() for file in files}
    drawings: dict[Path, Path | None] = {}
    for file in files:
        folder = Path(OUT.value) if OUT.value else Path() if sample else file.parent
        numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
        names = (f"{file.stem}{number}{DRAWN}.jpg" for number in numbers)
        target = next(folder / name for name in names if (folder / name).resolve() not in taken)
        taken.add(target.resolve())
        drawings[file] = target
    return drawings


def _check_writable(drawings: dict[Path, Path | None]) -> None:
    """Makes --out, and refuses what could not, or must not, be written after all the work."""
    if OUT.value and DRAW.value != "none":
        try:
            Path(OUT.value).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"--out={OUT.value} cannot be made a folder: {error}") from error
    files = [Path(name) for name in (JSON.value, COCO.value) if name]
    folders = {file.parent for file in (*files, *filter(None, drawings.values()))}
    for folder in sorted(folders):
        if not folder.is_dir():
            raise FileNotFoundError(f"no folder {folder} to write into")
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"folder {folder} cannot be written; give another with --out")
    for file in files:
        if file.is_dir():
            raise IsADirectoryError(f"{file} is a folder; give a file's name")
        if file.resolve() in {picture.resolve() for picture in drawings}:
            raise ValueError(f"{file} is one of the pictures; it would be overwritten")
    if len({file.resolve() for file in files}) < len(files):
        raise ValueError(f"--json and --coco both name {files[0]}; give two files")


def _run_all(
    estimator: PoseEstimator, drawings: dict[Path, Path | None]
) -> tuple[list[_Result], list[tuple[Path, str]]]:
    results: list[_Result] = []
    failures: list[tuple[Path, str]] = []
    for file in _progress(list(drawings)):
        try:
            results.append(_run_one(estimator, file, drawings[file]))
        except (OSError, ValueError, MemoryError, cv2.error) as error:
            failures.append((file, str(error) or type(error).__name__))
    return results, failures


def _progress(files: list[Path]) -> Iterable[Path]:
    if len(files) < 3:
        return files
    from tqdm import tqdm  # only when there is something to wait for

    bar: Iterable[Path] = tqdm(files, unit="picture", disable=not sys.stderr.isatty())
    return bar


def _run_one(estimator: PoseEstimator, file: Path, drawing: Path | None) -> _Result:
    picture = pictures.read(file)
    start = time.perf_counter()
    maps = estimator.maps(picture)
    poses = estimator.decode(maps)
    milliseconds = (time.perf_counter() - start) * 1000
    poses = poses.select(poses.person_score >= MIN_SCORE.value)
    if drawing is not None:
        writers.write_picture(drawing, _drawn(estimator, picture, maps, poses))
    return _Result(
        file=file,
        height=picture.shape[0],
        width=picture.shape[1],
        poses=poses,
        milliseconds=milliseconds,
    )


def _drawn(estimator: PoseEstimator, picture: UInt8, maps: Maps, poses: Poses) -> UInt8:
    if DRAW.value == "skeleton":
        return draw.skeletons(
            picture,
            poses,
            min_score=LEAST_DRAWN[estimator.spec.image.fit],
            colour_by=COLOUR.value,
            scores=SCORES.value,
        )
    return draw.heatmap(
        picture,
        maps.outputs["heatmaps"],
        maps.matrix,
        keypoints=len(estimator.spec.skeleton.keypoints),
        stride=estimator.spec.outputs.stride,
    )


def _print_table(results: Sequence[_Result], drawings: dict[Path, Path | None]) -> None:
    """One row a picture; keypoints counts those found on all its people."""
    rows = [("picture", "pixels", "people", "keypoints", "best", "ms", "drawn")]
    for result in results:
        poses, drawing = result.poses, drawings[result.file]
        rows.append(
            (
                str(result.file),
                f"{result.width}x{result.height}",
                str(len(poses)),
                str(int(poses.found.sum())),
                f"{poses.person_score.max():.2f}" if len(poses) else "-",
                f"{result.milliseconds:.0f}",
                "-" if drawing is None else str(drawing),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if results else ():
        first, *middle, last = (
            (cell.ljust if place in (0, 6) else cell.rjust)(widths[place])
            for place, cell in enumerate(row)
        )
        print("  ".join((first, *middle, last)).rstrip())


def _print_counts(done: int, failed: int, skipped: int) -> None:
    if done + failed > 1 or failed or skipped:
        print(f"{done} pictures done, {failed} failed, {skipped} other files skipped")


def _write_results(results: Sequence[_Result], model: str) -> None:
    if JSON.value:
        rows = [
            writers.readable(
                result.poses,
                file=str(result.file),
                height=result.height,
                width=result.width,
                model=model,
            )
            for result in results
        ]
        writers.write_json(JSON.value, rows)
    if COCO.value:
        people = [
            person
            for result in results
            for person in writers.coco_results(result.poses, writers.coco_image_id(result.file))
        ]
        writers.write_json(COCO.value, people)


if __name__ == "__main__":
    app.run(main)
