"""The training loop of networks that learn from drawn views: as long as it is told, on any machine.

As in `train`, the learning rate rises, then falls linearly to 0 at the end of the given time, and
the result is the moving average of the weights. Several processes may train together (`together`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from absl import logging
from torch import Tensor

from estimator.arrays import Float

from .muon import Updater
from .networks import Student, to_numpy
from .together import Together, averaged

AVERAGED = 25  # steps after which processes that train together average their weights

Save = Callable[[Mapping[str, Float]], Path]
Error = Callable[..., Tensor]  # of an answer and the targets of a batch


class Batches(Protocol):
    """A source of views."""

    def batch(self, count: int) -> tuple[Tensor, ...]:
        """Returns images (B, 3, H, W) 0..255, and the targets of the error."""
        ...


@dataclass(frozen=True, kw_only=True)
class Options:
    """How long, at what rate and with which layers a network is trained.

    Attributes:
      seconds: from the first step to the end.
      rate: Muon's learning rate, at its highest.
      warmup: steps over which it rises.
      batch: views per step.
      frozen: beginnings of the names of layers that stay as they are; an empty tuple trains all.
      bfloat16: convolutions in bfloat16: half the time on a CPU with AVX-512 BF16, or on a GPU.
      ema: share of the moving average that a step keeps.
      snapshot: seconds between two files.
      seed: of the views.

    Raises:
      ValueError: a value is out of range.
    """

    seconds: float
    rate: float = 0.005
    warmup: int = 30
    batch: int = 16
    frozen: tuple[str, ...] = ()
    bfloat16: bool = False
    ema: float = 0.98
    snapshot: float = 150.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.seconds, self.rate, self.batch, self.warmup) <= 0:
            raise ValueError(
                "seconds, rate, warmup and batch must be positive, found "
                f"{self.seconds}, {self.rate}, {self.warmup} and {self.batch}"
            )


def run(
    student: Student,
    feed: Batches,
    options: Options,
    save: Save | None,
    *,
    error: Error,
    together: Together | None = None,
) -> None:
    """Trains until the time is over.

    Args:
      student: on the CPU, or on a GPU.
      feed: of views.
      options: of the run.
      save: writes the averaged arrays, by the Keras network's names; None writes nothing, and
        tells nothing, as the second of several processes does.
      error: of the student's answer, given the targets of a batch.
      together: this process's place among several.

    Raises:
      ValueError: the loss is not finite.
      RuntimeError: another process has ended before the time.
    """
    student = student.to(memory_format=torch.channels_last).train()
    freeze(student, options.frozen)
    arrays = student.arrays()
    updater = Updater({name: one for name, one in arrays.items() if one.requires_grad})
    averages = {name: value.detach().clone() for name, value in arrays.items()}
    begun = saved = time.monotonic()
    step, losses = 0, []
    over = False
    while not over:
        done = min((time.monotonic() - begun) / options.seconds, 1.0)
        loss = _loss(student, feed, options, error)
        if not torch.isfinite(loss):
            raise ValueError(f"the loss is not finite at step {step}: lower the rate")
        loss.backward()
        step += 1
        rate = options.rate * min(step / options.warmup, 1.0) * (1 - done)
        updater.step(rate)
        student.zero_grad(set_to_none=True)
        if together is None:
            over = done == 1
        elif step % AVERAGED == 0:
            over = together.average(averaged(arrays), over=done == 1)
        with torch.no_grad():
            decay = min(options.ema, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(averages.values()), list(arrays.values()), 1 - decay)
        losses.append(float(loss.detach()))
        if step % 25 == 0 and save:
            logging.info("step %d, rate %.5f, loss %.4f", step, rate, np.mean(losses[-25:]))
        if save and time.monotonic() - saved > options.snapshot:
            save(to_numpy(averages))
            saved = time.monotonic()
    if save:
        path = save(to_numpy(averages))
        views = step * options.batch * (together.count if together else 1)
        logging.info("%d steps, %d views; %s", step, views, path)


def _loss(student: Student, feed: Batches, options: Options, error: Error) -> Tensor:
    """The error of the student's answer to a new batch."""
    device = next(student.parameters()).device
    image, *targets = (part.to(device) for part in feed.batch(options.batch))
    with torch.autocast(device.type, torch.bfloat16, enabled=options.bfloat16):
        predicted = student(image.contiguous(memory_format=torch.channels_last))
    return error(predicted.float(), *targets)


def freeze(student: Student, prefixes: Sequence[str]) -> None:
    """Keeps layers as they are: no gradients, and norms by their running statistics.

    Raises:
      ValueError: a prefix is of no layer.
    """
    for prefix in prefixes:
        names = [name for name in student.arrays() if name.startswith(prefix)]
        if not names:
            raise ValueError(f"no layer of {student.name} begins with {prefix!r}")
    for name, array in student.arrays().items():
        if name.startswith(tuple(prefixes)) and array.requires_grad:
            array.requires_grad_(False)
    student.keep_statistics(tuple(prefixes))
