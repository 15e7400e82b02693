"""Draws canvases without end, in several processes.

One process decodes all pictures and outlines all people, then forks, so that the drawing processes
share that memory. They write canvases in blocks to a ring buffer in shared memory.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

import cv2
import numpy as np
from absl import logging

from estimator.arrays import UInt8

from ..canvases import cutouts
from ..canvases.composing import Canvases, Outlines
from ..canvases.options import CanvasOptions
from ..canvases.scenes import Scenes
from ..data.picture_files import BadPicture

BLOCK = 16  # canvases per block of the ring buffer
PATIENCE = 5.0  # seconds without a block before the processes are checked


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded(Scenes):
    """Scenes whose decoded pictures are in memory, without bars; unreadable ones are left out."""

    pictures: tuple[UInt8, ...]

    def without_bars(self, index: int) -> UInt8:
        return self.pictures[index]


def decoded(scenes: Scenes, *, threads: int) -> Decoded:
    """Decodes all pictures of some scenes."""

    def read(index: int) -> UInt8 | None:
        try:
            return np.ascontiguousarray(scenes.without_bars(index))
        except BadPicture as problem:
            logging.warning("left out: %s", problem)
            return None

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(read, range(len(scenes.scenes)), chunksize=64))
    kept = [
        (scene, image)
        for scene, image in zip(scenes.scenes, found, strict=True)
        if image is not None
    ]
    return Decoded(
        scenes=tuple(scene for scene, _ in kept),
        files=scenes.files,
        pictures=tuple(image for _, image in kept),
    )


def outlines(scenes: Decoded, *, threads: int) -> Outlines:
    """Outlines everybody who can be cut out, by the scene's place and the person's number."""
    everybody = [
        (index, person)
        for index, scene in enumerate(scenes.scenes)
        if scene.keypoints is not None
        for person in np.flatnonzero((scene.keypoints[..., 2] > 0).any(axis=1)).tolist()
    ]

    def outline(place: tuple[int, int]) -> UInt8 | None:
        index, person = place
        scene, image = scenes.scenes[index], scenes.pictures[index]
        assert scene.keypoints is not None
        assert scene.boxes is not None
        left, top, right, bottom = cutouts.region(scene.boxes[person], image.shape)
        if min(right - left, bottom - top) < 2:
            return None
        return cutouts.outline(image, scene.keypoints[person], scene.boxes[person])

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(outline, everybody, chunksize=64))
    return {
        (scenes.scenes[index].place, person): mask
        for (index, person), mask in zip(everybody, found, strict=True)
        if mask is not None
    }


class Drawers:
    """The processes that draw, and their ring buffer.

    Args:
      scenes: the pictures that canvases are made of.
      kinds: the options of each kind of canvas, and the share of canvases of that kind.
      weights, seed: see `Canvases`.
      processes: number of drawing processes.
      blocks: length of the ring buffer, in blocks of `BLOCK` canvases.
    """

    def __init__(
        self,
        scenes: Scenes,
        kinds: list[tuple[CanvasOptions, float]],
        *,
        weights: Mapping[str, float],
        seed: int,
        processes: int,
        blocks: int = 96,
    ) -> None:
        options = kinds[0][0]
        Canvases(scenes, options, weights=weights, seed=seed)  # complains here, not over there
        shape = (blocks, BLOCK, options.height, options.width, 3)
        context = multiprocessing.get_context("spawn")  # CUDA's and TensorFlow's threads stay here
        memory = context.RawArray("B", int(np.prod(shape)))
        self._ring = _ring(memory, shape)
        self._free: Any = context.SimpleQueue()
        self._full: Any = context.Queue()
        for block in range(blocks):
            self._free.put(block)
        arguments = (scenes, kinds, dict(weights), seed, processes, (memory, shape))
        self._server = context.Process(target=_serve, args=(*arguments, self._free, self._full))
        self._server.start()

    def __iter__(self) -> Iterator[UInt8]:
        """Yields blocks (BLOCK, H, W, 3); each is valid until the next is taken.

        Raises:
          ChildProcessError: a drawing process ended.
        """
        while True:
            try:
                block = self._full.get(timeout=PATIENCE)
            except queue.Empty:
                if self._server.is_alive():
                    continue
                raise ChildProcessError(
                    "a process that draws canvases ended: see above why"
                ) from None
            yield self._ring[block]
            self._free.put(block)

    def stop(self) -> None:
        """Ends the processes."""
        if self._server.is_alive() and self._server.pid:
            try:
                os.killpg(self._server.pid, signal.SIGKILL)  # its group is itself and who draws
            except ProcessLookupError:  # it has not made its group yet
                self._server.kill()
        self._server.join()


def _ring(memory: Any, shape: tuple[int, ...]) -> UInt8:
    return np.frombuffer(memory, np.uint8).reshape(shape)


def seed_of(seed: int, kind: int, process: int) -> int:
    """Returns the seed of the canvases of one kind that one process draws."""
    return seed + 1000 * (kind + 1) + process


def _serve(
    scenes: Scenes,
    kinds: list[tuple[CanvasOptions, float]],
    weights: dict[str, float],
    seed: int,
    processes: int,
    memory: tuple[Any, tuple[int, ...]],
    *queues: Any,
) -> None:
    os.setpgrp()
    cv2.setNumThreads(1)
    pictures = decoded(scenes, threads=processes)
    people = outlines(pictures, threads=processes)
    context = multiprocessing.get_context("fork")
    drawing = [
        context.Process(
            target=_draw,
            args=(pictures, people, kinds, weights, (seed, number), _ring(*memory), *queues),
            daemon=True,
        )
        for number in range(processes)
    ]
    for process in drawing:
        process.start()
    connection.wait([process.sentinel for process in drawing])  # they never end by themselves
    os.killpg(0, signal.SIGKILL)


def _draw(
    pictures: Decoded,
    people: Outlines,
    kinds: list[tuple[CanvasOptions, float]],
    weights: dict[str, float],
    place: tuple[int, int],
    ring: UInt8,
    free: Any,
    full: Any,
) -> None:
    cv2.setNumThreads(1)
    seed, number = place
    random = np.random.default_rng((seed, number))
    shares = np.array([share for _, share in kinds])
    drawers = [
        Canvases(
            pictures,
            options,
            weights=weights,
            seed=seed_of(seed, index, number),
            outlines=people,
        )
        for index, (options, _) in enumerate(kinds)
    ]
    counts = [0] * len(kinds)
    while True:
        block = free.get()
        for row in ring[block]:
            kind = int(random.choice(len(kinds), p=shares / shares.sum()))
            row[:] = drawers[kind](counts[kind])
            counts[kind] += 1
        full.put(block)
