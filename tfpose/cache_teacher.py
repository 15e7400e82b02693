"""Fills a cache: draws canvases, asks the teacher once, keeps the answers as bytes.

Shards are written whole or not at all, each by one process, in any order: a killed run goes on
with the shards that are missing and ends with the same bytes as one that never stopped.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from absl import logging
from tqdm import tqdm

from estimator import averaging, preprocess
from estimator.arrays import Float, UInt8
from estimator.maps import Maps
from estimator.runner import LiteRtRunner

from . import canvas_cache, teacher_file
from .canvas_cache import FILE, HINTS, TEACHER, Cache
from .canvases import Canvases, CanvasOptions
from .scenes import Scenes

MEASURED = 32  # canvases from which the hints' mean and deviation are taken
BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
SAME = np.eye(2, 3)  # a canvas is its own input


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """What a cache is made of.

    Attributes:
      canvases: how many; may be raised later.
      canvas: how they are drawn.
      weights: how often a picture is taken, by its origin.
      seed: another one gives other canvases.
      teacher: a name of `tfpose.models`, a .tflite or a .keras.
      teacher_weights: of a model that is given by name.
      hints: a layer of the teacher; what enters it is kept too. "" for none.
      scales: the sizes at which the teacher looks at a canvas, the first of them 1; its answers'
        mean is kept, on the cells of the first. Above 1 it sees small people better. Hints are of
        the first alone.
    """

    canvases: int
    canvas: CanvasOptions = field(default_factory=CanvasOptions)
    weights: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    teacher: str = "human_pose_estimation_0001"
    teacher_weights: str = ""
    hints: str = ""
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.scales or self.scales[0] != 1 or min(self.scales) <= 0:
            raise ValueError(f"scales must be positive and begin with 1, found {self.scales}")
        if self.canvases < 1 or self.seed < 0:
            raise ValueError(
                "canvases must be at least 1 and seed not negative, found "
                f"{self.canvases} and {self.seed}"
            )


def fill(
    options: CacheOptions, scenes: Scenes, folder: str | os.PathLike[str], *, processes: int = 1
) -> Cache:
    """Makes a cache, or goes on with one.

    Args:
      options: what it is to be.
      scenes: what canvases are cut from.
      folder: of the cache; made if it is not there.
      processes: that draw and answer side by side, a core each.

    Returns:
      The cache, whole.

    Raises:
      FileNotFoundError: the teacher's files are missing.
      ValueError: the folder was begun with other options, the teacher is of one size and `scales`
        are several, or the disk is too small for the rest.
      RuntimeError: another process is filling it.
      OSError: the disk took no more; what stands is whole.
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, found {processes}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        cache = _begin(options, scenes, folder)
        missing = cache.missing()
        _check_room(cache, missing)
        bad: dict[str, str] = {}
        with tqdm(total=cache.canvases, unit="canvas", initial=_done(cache, missing)) as bar:
            for shard, problems in _filled(cache, options, scenes, missing, processes):
                bar.update(len(cache.numbers(shard)))
                for name in problems.keys() - bad.keys():
                    logging.warning("left out %s", problems[name])
                bad |= problems
    if bad:
        logging.warning("%d pictures were left out", len(bad))
    return cache


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with open(folder / ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeError(f"another process is filling {folder}: wait for it") from None
        yield


def _done(cache: Cache, missing: list[int]) -> int:
    return cache.canvases - sum(len(cache.numbers(shard)) for shard in missing)


def _begin(options: CacheOptions, scenes: Scenes, folder: Path) -> Cache:
    """The cache that stands there, or a new one without a shard."""
    made = _made(options, scenes)
    if (folder / FILE).is_file():
        cache = canvas_cache.read(folder)
        _check_same(cache, made)
        if options.canvases == cache.canvases:
            return cache
    else:
        spec, hints = teacher_file.write(
            folder / TEACHER,
            options.teacher,
            options.teacher_weights,
            height=options.canvas.height,
            width=options.canvas.width,
            hints=options.hints,
        )
        for scale in options.scales:
            averaging.scaled(spec.image, scale)  # a fixed teacher is refused before anything stands
        made["hints"] = {}
        cache = Cache(folder=folder, canvases=options.canvases, spec=spec, hints=hints, made=made)
        if hints:
            made["hints"] = _measured(cache, _canvases(options, scenes))
    cache = dataclasses.replace(cache, canvases=options.canvases)
    _write_whole(folder / FILE, lambda path: path.write_text(cache.to_json(), encoding="utf-8"))
    return cache


def _made(options: CacheOptions, scenes: Scenes) -> dict[str, Any]:
    """All that decides what the bytes are, as JSON gives it back."""
    weights_file = Path(options.teacher_weights or options.teacher)
    tree = {
        **dataclasses.asdict(options),
        "teacher_weights": weights_file.name,
        "teacher_sha256": _digest(weights_file),
        "scenes": len(scenes.scenes),
        "scenes_sha256": _digest_of(scenes),
    }
    del tree["canvases"], tree["hints"]
    tree["hints_layer"] = options.hints
    made: dict[str, Any] = json.loads(json.dumps(tree))
    return made


def _digest(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of(scenes: Scenes) -> str:
    """Of what the drawing reads of the scenes, their order included."""
    digest = hashlib.sha256()
    for scene in scenes.scenes:
        place = scene.place[1:] if scene.place else ()
        digest.update(repr((scene.name, scene.origin, place)).encode())
        for labels in (scene.keypoints, scene.boxes):
            digest.update(b"" if labels is None else labels.tobytes())
    return digest.hexdigest()


def _check_same(cache: Cache, made: Mapping[str, Any]) -> None:
    before = {name: value for name, value in cache.made.items() if name != "hints"}
    differing = [
        f"{name}: {before.get(name)!r}, now {made.get(name)!r}"
        for name in sorted(before.keys() | made.keys())
        if before.get(name) != made.get(name)
    ]
    if differing:
        raise ValueError(
            f"{cache.folder} was begun with other options:\n  "
            + "\n  ".join(differing)
            + "\nGo on with those, or give another --out"
        )


def _check_room(cache: Cache, missing: list[int]) -> None:
    needed = sum(len(cache.numbers(shard)) for shard in missing) * cache.dtype.itemsize
    free = shutil.disk_usage(cache.folder).free
    if needed > free:
        raise ValueError(
            f"{cache.folder} needs {needed / 1e9:.1f} GB more and the disk has {free / 1e9:.1f} "
            f"GB: make room, or ask for fewer canvases ({cache.dtype.itemsize / 1e6:.2f} MB each)"
        )


def _measured(cache: Cache, canvases: Canvases) -> dict[str, list[float]]:
    """The features' mean and deviation by channel."""
    ask = answerer(dataclasses.replace(cache, made={**cache.made, "hints": {}}))
    features = [ask(canvases(number))[HINTS] for number in range(MEASURED)]
    rows = np.concatenate([part.reshape(-1, part.shape[-1]) for part in features])
    deviation = np.maximum(rows.std(axis=0), 1e-6)
    return {"mean": rows.mean(axis=0).tolist(), "deviation": deviation.tolist()}


def answerer(cache: Cache) -> Callable[[UInt8], dict[str, Float]]:
    """The cache's teacher: from a canvas to its answers by name, hints normalised."""
    once = _answerer_of_one_size(cache)
    scales = cache.made["scales"][1:]
    if not scales:
        return once
    image, path = cache.spec.image, cache.folder / TEACHER
    sizes = [averaging.scaled(image, scale) for scale in scales]
    runners = [LiteRtRunner(path, cache.spec, threads=1) for _ in sizes]  # one does not resize

    def ask(canvas: UInt8) -> dict[str, Float]:
        answer = once(canvas)
        parts = [Maps(outputs={name: answer[name] for name in cache.spec.channels}, matrix=SAME)]
        for size, runner in zip(sizes, runners, strict=True):
            seen, matrix = preprocess.letterbox(canvas, size)
            maps = {name: value[0] for name, value in runner(seen).items()}
            parts.append(Maps(outputs=maps, matrix=matrix))
        return answer | averaging.mean(parts, stride=cache.spec.outputs.stride).outputs

    return ask


def _answerer_of_one_size(cache: Cache) -> Callable[[UInt8], dict[str, Float]]:
    path, stages = cache.folder / TEACHER, dict(cache.made["hints"])
    if not cache.hints:
        runner = LiteRtRunner(path, cache.spec, threads=1)
        return lambda image: {name: maps[0] for name, maps in runner(image[None]).items()}
    network = teacher_file.signature(path)
    mean = np.array(stages.get("mean", 0.0), np.float32)
    deviation = np.array(stages.get("deviation", 1.0), np.float32)

    def ask(image: UInt8) -> dict[str, Float]:
        maps = {name: value[0] for name, value in network(image[None]).items()}
        return maps | {HINTS: (maps[HINTS] - mean) / deviation}

    return ask


def _canvases(options: CacheOptions, scenes: Scenes) -> Canvases:
    return Canvases(scenes, options.canvas, weights=options.weights, seed=options.seed)


def _filled(
    cache: Cache, options: CacheOptions, scenes: Scenes, missing: list[int], processes: int
) -> Iterator[tuple[int, dict[str, str]]]:
    """Writes the missing shards; gives each with the bad pictures that were met."""
    if not missing:
        return
    if processes == 1:
        _start_worker(cache, options, scenes)
        yield from map(_write_shard, missing)
        return
    context = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
    with (
        _one_thread_of_blas(),
        context.Pool(processes, _start_worker, (cache, options, scenes)) as pool,
    ):
        yield from pool.imap_unordered(_write_shard, missing)


@contextlib.contextmanager
def _one_thread_of_blas() -> Iterator[None]:
    """Processes begun inside leave the other cores' threads alone: 20 canvases a second, not 11."""
    before = {name: os.environ.get(name) for name in BLAS}
    os.environ.update(dict.fromkeys(BLAS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@dataclass(frozen=True, kw_only=True, eq=False)
class _Worker:
    """What a process needs to write shards."""

    cache: Cache
    canvases: Canvases
    ask: Callable[[UInt8], dict[str, Float]]


_worker: list[_Worker] = []  # this process's, as multiprocessing wants it


def _start_worker(cache: Cache, options: CacheOptions, scenes: Scenes) -> None:
    cv2.setNumThreads(1)
    canvases = _canvases(options, scenes)
    _worker[:] = [_Worker(cache=cache, canvases=canvases, ask=answerer(cache))]


def _write_shard(shard: int) -> tuple[int, dict[str, str]]:
    (worker,) = _worker
    cache = worker.cache
    numbers = cache.numbers(shard)
    rows = np.empty(len(numbers), cache.dtype)
    for place, number in enumerate(numbers):
        image = worker.canvases(number)
        answers = worker.ask(image)
        rows[place]["image"] = image
        for name in cache.channels:
            rows[place][name] = canvas_cache.coded(name, answers[name])
    path = cache.path(shard)
    try:
        _write_whole(path, lambda partial: _save(partial, rows))
    except OSError as error:
        raise OSError(
            f"{path} cannot be written: {error}. The shards before it are whole: make room, and "
            "give the same command again"
        ) from error
    return shard, worker.canvases.bad


def _save(path: Path, rows: np.ndarray[Any, Any]) -> None:
    with path.open("wb") as file:
        np.save(file, rows)
        file.flush()
        os.fsync(file.fileno())


def _write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Writes a file beside its place and renames it."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
