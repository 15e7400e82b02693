"""Fills a cache: draws canvases, runs the teacher on each once, and keeps its answers as bytes.

Shards are written whole or not at all, each by one process, in any order: a killed run is resumed
with the missing shards and ends with the same bytes as one that never stopped.
"""

from __future__ import annotations

import contextlib
import dataclasses
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

from estimator import files
from estimator.inputs import averaging

from ..canvases.composing import Canvases
from ..canvases.options import CanvasOptions
from ..canvases.scenes import Scenes
from ..data.beam_runner import BeamOptions
from ..data.resuming import alone, differences
from . import cache as canvas_cache
from . import tflite
from .answering import Answer, answerer, measure_hints
from .cache import FILE, TEACHER, Cache

SENT = ".work.pickle"  # what Beam's workers need; it goes when they are done
BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """The canvases and the teacher of a cache.

    Attributes:
      canvases: their number; may be raised later.
      canvas: how they are drawn.
      weights: relative frequency of the pictures, by origin.
      seed: of the canvases.
      teacher: a name of `tfpose.models`, a .tflite or a .keras.
      teacher_weights: of a model given by name.
      hints: a layer of the teacher, whose input is kept too; "" for none.
      scales: factors on the canvas's size for the teacher, the first of them 1; the mean of the
        answers is kept, on the cells of the first. Above 1 it finds small people better. Hints are
        of the first alone.
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
    options: CacheOptions,
    scenes: Scenes,
    folder: str | os.PathLike[str],
    *,
    processes: int = 1,
    beam: BeamOptions | None = None,
) -> Cache:
    """Makes a cache, or resumes one.

    Args:
      options: of the cache.
      scenes: the pictures that canvases are cut from.
      folder: of the cache; created where it does not exist.
      processes: number of processes that draw and answer in parallel, one core each.
      beam: an engine that does so instead; its workers see the folder and all pictures.

    Returns:
      The complete cache.

    Raises:
      FileNotFoundError: the teacher's files are missing.
      ValueError: the folder was begun with other options, the teacher is of one size and `scales`
        are several, or the disk is too small for the rest.
      BlockingIOError: another process is filling it.
      ChildProcessError: a worker of Beam died.
      OSError: the disk is full; the shards on it are whole.
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, found {processes}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / ".lock", f"filling {folder}"):
        files.sweep(folder)
        cache = _begin(options, scenes, folder)
        missing = cache.missing()
        _check_room(cache, missing)
        bad: dict[str, str] = {}
        with tqdm(total=cache.canvases, unit="canvas", initial=_done(cache, missing)) as bar:
            filled = _filled(cache, options, scenes, missing, processes)
            if beam is not None:
                filled = _filled_by_beam(cache, options, scenes, missing, beam)
            for shard, problems in filled:
                bar.update(len(cache.numbers(shard)))
                for name in problems.keys() - bad.keys():
                    logging.warning("skipped %s", problems[name])
                bad |= problems
    if bad:
        logging.warning("%d pictures were skipped", len(bad))
    return cache


def _done(cache: Cache, missing: list[int]) -> int:
    return cache.canvases - sum(len(cache.numbers(shard)) for shard in missing)


def _begin(options: CacheOptions, scenes: Scenes, folder: Path) -> Cache:
    """The cache in the folder, or a new one without a shard."""
    made = _made(options, scenes)
    if (folder / FILE).is_file():
        cache = canvas_cache.read(folder)
        _check_same(cache, made)
        if options.canvases == cache.canvases:
            return cache
    else:
        spec, hints = tflite.write(
            folder / TEACHER,
            options.teacher,
            options.teacher_weights,
            height=options.canvas.height,
            width=options.canvas.width,
            hints=options.hints,
        )
        for scale in options.scales:
            averaging.scaled(
                spec.image, scale
            )  # refuses a teacher of one size before anything is written
        made["hints"] = {}
        cache = Cache(folder=folder, canvases=options.canvases, spec=spec, hints=hints, made=made)
        if hints:
            made["hints"] = measure_hints(cache, _canvases(options, scenes))
    cache = dataclasses.replace(cache, canvases=options.canvases)
    files.write(folder / FILE, cache.to_json())
    return cache


def _made(options: CacheOptions, scenes: Scenes) -> dict[str, Any]:
    """Everything that determines the cache's bytes, as JSON gives it back."""
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
    """Digest of everything that drawing reads of the scenes, in their order."""
    digest = hashlib.sha256()
    for scene in scenes.scenes:
        place = scene.place[1:] if scene.place else ()
        digest.update(repr((scene.name, scene.origin, place)).encode())
        for labels in (scene.keypoints, scene.boxes):
            digest.update(b"" if labels is None else labels.tobytes())
    return digest.hexdigest()


def _check_same(cache: Cache, made: Mapping[str, Any]) -> None:
    before = {name: value for name, value in cache.made.items() if name != "hints"}
    changed = differences(before, made)
    if changed:
        raise ValueError(
            f"{cache.folder} was begun with other options:\n  "
            + "\n  ".join(changed)
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


def _canvases(options: CacheOptions, scenes: Scenes) -> Canvases:
    return Canvases(scenes, options.canvas, weights=options.weights, seed=options.seed)


def _filled(
    cache: Cache, options: CacheOptions, scenes: Scenes, missing: list[int], processes: int
) -> Iterator[tuple[int, dict[str, str]]]:
    """Writes the missing shards; yields each, in completion order, with its bad pictures."""
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


def _filled_by_beam(
    cache: Cache, options: CacheOptions, scenes: Scenes, missing: list[int], beam: BeamOptions
) -> Iterator[tuple[int, dict[str, str]]]:
    """The same by Beam; the bad pictures are those of the dead letters."""
    from ..bulk import pipeline, progress

    sent = cache.folder / SENT
    if missing:
        task = pipeline.send(Filling(cache, options, scenes), str(sent))
        with _one_thread_of_blas():
            for shard in progress.as_done(
                missing,
                cache.is_whole,
                lambda: pipeline.run(task, missing, beam),
            ):
                yield shard, dead_letters(cache, shard)
        sent.unlink()


@dataclass(frozen=True)
class Filling:
    """The task of a pipeline: elements are numbers of shards."""

    cache: Cache
    options: CacheOptions
    scenes: Scenes

    def open(self) -> Callable[[int], Mapping[str, int]]:
        """Opens the teacher."""
        _start_worker(self.cache, self.options, self.scenes)
        (worker,) = _worker

        def do(shard: int) -> dict[str, int]:
            rows = _rows(worker, shard)
            bad = worker.canvases.bad
            letters = [{"name": name, "error": bad[name]} for name in sorted(bad)]
            if letters:
                text = "".join(json.dumps(letter) + "\n" for letter in letters)
                files.write(_letters(self.cache, shard), text)
            _save(self.cache, shard, rows)
            return {"shards": 1, "canvases": len(rows)}

        return do


def dead_letters(cache: Cache, shard: int) -> dict[str, str]:
    """The pictures that a process of Beam could not read until it had done a shard, and why."""
    path = _letters(cache, shard)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else ()
    return {letter["name"]: letter["error"] for letter in map(json.loads, lines)}


def _letters(cache: Cache, shard: int) -> Path:
    return cache.path(shard).with_suffix(".failed.jsonl")


@contextlib.contextmanager
def _one_thread_of_blas() -> Iterator[None]:
    """Processes started inside use one thread each: 20 canvases per second instead of 11."""
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
    """The state of a process that writes shards."""

    cache: Cache
    canvases: Canvases
    ask: Answer


_worker: list[_Worker] = []  # of this process; multiprocessing passes no state to its functions


def _start_worker(cache: Cache, options: CacheOptions, scenes: Scenes) -> None:
    cv2.setNumThreads(1)
    canvases = _canvases(options, scenes)
    _worker[:] = [_Worker(cache=cache, canvases=canvases, ask=answerer(cache))]


def _write_shard(shard: int) -> tuple[int, dict[str, str]]:
    (worker,) = _worker
    _save(worker.cache, shard, _rows(worker, shard))
    return shard, worker.canvases.bad


def _rows(worker: _Worker, shard: int) -> Any:
    """The canvases of a shard with the teacher's answers, of `Cache.dtype`."""
    cache = worker.cache
    numbers = cache.numbers(shard)
    rows = np.empty(len(numbers), cache.dtype)
    for place, number in enumerate(numbers):
        image = worker.canvases(number)
        answers = worker.ask(image)
        rows[place]["image"] = image
        for name in cache.channels:
            rows[place][name] = canvas_cache.coded(name, answers[name])
    return rows


def _save(cache: Cache, shard: int, rows: Any) -> None:
    path = cache.path(shard)
    try:
        with files.Whole(path, durable=True, shared=True) as partial, partial.open("wb") as file:
            np.save(file, rows)
    except OSError as error:
        raise OSError(
            f"{path.name}: {error}. The shards before it are whole: make room, and give the same "
            "command again"
        ) from error
