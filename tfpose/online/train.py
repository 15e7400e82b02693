"""The training loop: the teacher labels canvases, the student trains on windows of them.

The learning rate rises, then falls linearly to 0 at the end of the given time, so that a machine
lent for that time is used to its end. The result is the moving average of the weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from absl import logging
from torch import Tensor

from estimator import skeletons
from estimator.arrays import Float
from estimator.inputs.mirroring import heatmap_order, mirrored_fields

from .drawing import BLOCK, Drawers
from .labels import STRIDE, Mirror, looks
from .muon import Updater
from .networks import HEATMAPS, PAFS, Student, Teacher, to_numpy
from .pool import Pool

# Of the loss, as in docs/lab/default_network.md: weights of heads and of a cell that shows people.
HEATMAP_WEIGHT, PAF_WEIGHT, FOREGROUND = 190.0, 38.0, 3.0
Errors = Callable[[Student, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Duration, learning rate and sizes of a run.

    Attributes:
      seconds: time from the first step to the end.
      rate: Muon's highest learning rate.
      warmup: share of the time over which the rate rises.
      batch: windows per step.
      edge: height and width of a window, pixels.
      canvas: height and width of a canvas, pixels.
      blocks: blocks of canvases that the teacher labels per step.
      first: canvases before the first step.
      capacity: canvases in the pool.
      scales: factors on the canvas at which the teacher runs.
      ema: share of the moving average that a step keeps.
      snapshot: seconds between two files.
      compiled: whether networks are compiled.
    """

    seconds: float
    rate: float = 0.01
    warmup: float = 0.02
    batch: int = 128
    edge: int = 352
    canvas: int = 384
    blocks: int = 1
    first: int = 4096
    capacity: int = 40_000
    scales: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0)
    ema: float = 0.999
    snapshot: float = 120.0
    compiled: bool = True

    def __post_init__(self) -> None:
        if min(self.seconds, self.rate, self.warmup, self.batch, self.blocks, self.first) <= 0:
            raise ValueError(
                "seconds, rate, warmup, batch, blocks and first must be positive, found "
                f"{self.seconds}, {self.rate}, {self.warmup}, {self.batch}, {self.blocks} and "
                f"{self.first}"
            )
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"scales must be positive, one at least, found {self.scales}")
        if self.capacity < BLOCK:
            raise ValueError(f"capacity must be at least {BLOCK}, found {self.capacity}")
        if self.edge % 32 or self.canvas % 8 or self.edge > self.canvas:
            raise ValueError(
                "edge must be a multiple of 32 and canvas, not smaller, of 8, found "
                f"{self.edge} and {self.canvas}"
            )


def mirror(device: str) -> Mirror:
    """Returns the mirror of OpenPose's 18 keypoints and the background."""
    skeleton = skeletons.get("openpose18")
    fields, signs = mirrored_fields(skeleton)
    return Mirror(heatmap_order(skeleton, background=True), fields, signs.tolist(), device)


def run(
    student: Student,
    teacher: Teacher,
    drawers: Drawers,
    options: Options,
    save: Callable[[Mapping[str, Float]], Path],
    *,
    device: str,
) -> None:
    """Trains until the time is over.

    Args:
      student, teacher: on the CPU.
      drawers: source of canvases.
      options: of the run.
      save: writes the averaged arrays, by the Keras network's names.
      device: "cuda" or "cpu".

    Raises:
      ValueError: the loss is not finite.
      ChildProcessError: a drawing process ended.
    """
    begun = time.monotonic()
    student = student.to(device, memory_format=torch.channels_last).train()
    errors: Errors = torch.compile(_errors, dynamic=False) if options.compiled else _errors
    labelled = _Labelled(teacher, drawers, options, device)
    if options.compiled:  # while the first canvases are drawn
        labelled.warm()
        _warm(errors, student, options, device)
        logging.info("compiled after %.0f s", time.monotonic() - begun)
    labelled.add(-(-options.first // BLOCK))
    logging.info("%d canvases after %.0f s", len(labelled.pool), time.monotonic() - begun)
    _learn(student, errors, labelled, options, save, device)


class _Labelled:
    """Takes canvases from the drawers, labels them, and adds both to a pool.

    Attributes:
      pool: the canvases and their maps.
    """

    def __init__(self, teacher: Teacher, drawers: Drawers, options: Options, device: str) -> None:
        self._dtype = torch.float16 if device == "cuda" else torch.float32
        asked = teacher.to(device, self._dtype, memory_format=torch.channels_last).eval()
        self._ask = torch.compile(asked, dynamic=False) if options.compiled else asked
        self._mirror = mirror(device)
        self._blocks = iter(drawers)
        self._options, self._device = options, device
        self.pool = Pool(options.capacity, options.canvas, self._mirror, device)

    def add(self, blocks: int) -> None:
        """Labels some blocks of canvases and adds them to the pool."""
        with torch.inference_mode():
            for _ in range(blocks):
                images = torch.from_numpy(next(self._blocks)).to(self._device)
                self.pool.add(images, self._answer(images))

    def warm(self) -> None:
        """Compiles the teacher."""
        edge = self._options.canvas
        with torch.inference_mode():
            self._answer(torch.zeros(BLOCK, edge, edge, 3, dtype=torch.uint8, device=self._device))

    def _answer(self, images: Tensor) -> Tensor:
        return looks(self._ask, images, self._options.scales, self._mirror, dtype=self._dtype)


def _warm(errors: Errors, student: Student, options: Options, device: str) -> None:
    """Compiles the student, whose weights and statistics stay as they are."""
    arrays = student.arrays()
    before = {name: value.detach().clone() for name, value in arrays.items()}
    edge, cells = options.canvas, options.canvas // STRIDE
    pool = Pool(1, edge, mirror(device), device)
    image = torch.zeros(1, edge, edge, 3, dtype=torch.uint8, device=device)
    pool.add(image, torch.zeros(1, HEATMAPS + PAFS, cells, cells, device=device))
    _gradients(errors, student, pool, options, device)
    student.zero_grad(set_to_none=True)
    with torch.no_grad():
        for name, value in arrays.items():
            value.copy_(before[name])


def _gradients(
    errors: Errors, student: Student, pool: Pool, options: Options, device: str
) -> Tensor:
    """Computes the gradients of a batch, and returns the terms of its loss."""
    windows = pool.draw(options.batch, options.edge)
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        terms = errors(student, windows.image, windows.fine, windows.coarse)
    terms.sum().backward()
    return terms.detach()


def _learn(
    student: Student,
    errors: Errors,
    labelled: _Labelled,
    options: Options,
    save: Callable[[Mapping[str, Float]], Path],
    device: str,
) -> None:
    pool, arrays, report = labelled.pool, student.arrays(), _Report(device)
    updater = Updater({name: one for name, one in arrays.items() if one.requires_grad})
    averages = {name: value.detach().clone() for name, value in arrays.items()}
    begun = saved = time.monotonic()
    step = 0
    while (done := (time.monotonic() - begun) / options.seconds) < 1:
        labelled.add(options.blocks)
        terms = _gradients(errors, student, pool, options, device)
        rate = options.rate * min(done / options.warmup, 1.0) * (1 - done)
        updater.step(rate)
        student.zero_grad(set_to_none=True)
        step += 1
        _average(averages, arrays, min(options.ema, (1 + step) / (10 + step)))
        report.add(step, terms, f"{pool.seen} canvases, rate {rate:.5f}")
        if time.monotonic() - saved > options.snapshot:
            save(to_numpy(averages))
            saved = time.monotonic()
    path = save(to_numpy(averages))
    windows = step * options.batch
    logging.info("%d steps, %d windows, %d canvases; %s", step, windows, pool.seen, path)


class _Report:
    """Logs the mean terms of the loss every ten seconds."""

    def __init__(self, device: str) -> None:
        self._sums, self._count = torch.zeros(6, device=device), 0
        self._begun = self._logged = time.monotonic()

    def add(self, step: int, terms: Tensor, state: str) -> None:
        """Adds a step's terms.

        Raises:
          ValueError: the terms are not finite.
        """
        self._sums += terms
        self._count += 1
        now = time.monotonic()
        if step not in (1, 10) and now - self._logged < 10:
            return
        if not torch.isfinite(self._sums).all():
            raise ValueError(f"the loss is not finite at step {step}: lower the rate")
        values = " ".join(f"{value:.4f}" for value in (self._sums / self._count).tolist())
        logging.info("step %d, %.0f s, %s, loss %s", step, now - self._begun, state, values)
        self._sums.zero_()
        self._logged, self._count = now, 0


def _errors(student: Student, image: Tensor, fine: Tensor, coarse: Tensor) -> Tensor:
    """Returns (6,) losses: the heatmaps and the fields of stage 1, of stage 2, of the fine maps."""
    stages = student(image.contiguous(memory_format=torch.channels_last))
    terms = []
    for maps, target in zip(stages, (coarse, coarse, fine), strict=True):
        heatmaps, pafs = target.split((HEATMAPS, PAFS), 1)
        terms.append(HEATMAP_WEIGHT * _error(maps[0], heatmaps, background=True))
        terms.append(PAF_WEIGHT * _error(maps[1], pafs, background=False))
    return torch.stack(terms)


def _error(predicted: Tensor, target: Tensor, *, background: bool) -> Tensor:
    people = torch.ones(target.shape[1], device=target.device)
    if background:
        people = torch.cat([people[:-1], torch.zeros_like(people[-1:])])
    weight = 1 + FOREGROUND * people[:, None, None] * target.abs()
    return ((predicted.float() - target) ** 2 * weight).mean()


@torch.no_grad()  # type: ignore[untyped-decorator]
def _average(averages: Mapping[str, Tensor], arrays: Mapping[str, Tensor], decay: float) -> None:
    torch._foreach_lerp_(list(averages.values()), list(arrays.values()), 1 - decay)
