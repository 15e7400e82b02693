"""The training loop of the second look: a student learns the maps of cached people.

As in `train`, the learning rate rises, then falls linearly to 0 at the end of the given time, and
the result is the moving average of the weights. On few cores the first layers stay as they are: the
backward pass then costs a fifth.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from absl import logging
from torch import Tensor

from estimator import skeletons
from estimator.arrays import Float, UInt8

from ..data.cached_people import Shard
from . import person_views
from .muon import Updater
from .networks import to_numpy
from .person_network import PersonStudent
from .person_views import Subject, ViewOptions

SCALE, FOREGROUND = 300.0, 3.0  # of the loss; more for cells that show a keypoint
KEPT_PICTURES = 2000  # decoded, in memory
RELOADED = 300.0  # seconds after which the cache is read again
FROZEN = ("stem", "down4", "down8", "stride8.", "down16", "stride16.0", "stride16.1", "side")
Save = Callable[[Mapping[str, Float]], Path]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Duration, learning rate and views of a run.

    Attributes:
      seconds: time from the first step to the end.
      rate: Muon's highest learning rate.
      warmup: steps over which the rate rises.
      batch: views per step.
      frozen: prefixes of the layers that stay as they are.
      bfloat16: convolutions in bfloat16; on a CPU with AVX-512 BF16 half the time.
      ema: share of the moving average that a step keeps.
      snapshot: seconds between two files.
      seed: of the views.
      views: how they are drawn.
    """

    seconds: float
    rate: float = 0.005
    warmup: int = 30
    batch: int = 16
    frozen: tuple[str, ...] = FROZEN
    bfloat16: bool = False
    ema: float = 0.98
    snapshot: float = 150.0
    seed: int = 0
    views: ViewOptions = field(default_factory=ViewOptions)

    def __post_init__(self) -> None:
        if min(self.seconds, self.rate, self.batch, self.warmup) <= 0:
            raise ValueError(
                "seconds, rate, warmup and batch must be positive, found "
                f"{self.seconds}, {self.rate}, {self.warmup} and {self.batch}"
            )


class Nobody(NamedTuple):
    """A place where a first network saw a person, and nobody is.

    Attributes:
      file: name of the picture.
      xy: (N, 2) the keypoints that it saw.
    """

    file: str
    xy: Float


class Feed:
    """Draws batches of views of cached people, and of places where nobody is.

    Args:
      load: gives the cache, which may still be filling: it is asked again now and then.
      read: gives a picture by its name.
      options: how views are drawn.
      seed: of the draws.
      nobody: places where nobody is.
      nobody_share: share of the views that show such a place.

    Raises:
      ValueError: a share without places, or out of 0..1.
    """

    def __init__(
        self,
        load: Callable[[], Shard],
        read: person_views.Read,
        options: ViewOptions,
        *,
        seed: int,
        nobody: Sequence[Nobody] = (),
        nobody_share: float = 0.0,
    ) -> None:
        if not 0 <= nobody_share < 1 or (nobody_share and not nobody):
            raise ValueError(
                "nobody_share must be at least 0, below 1, and 0 where no places are given; found "
                f"{nobody_share} with {len(nobody)} places"
            )
        self._load, self._read, self._options = load, read, options
        self._nobody, self._nobody_share = nobody, nobody_share
        self._people, self._loaded = load(), time.monotonic()
        self._rng = np.random.default_rng(seed)
        self._pictures: dict[str, UInt8] = {}
        self._swapped = skeletons.get("coco17").flip_order

    def batch(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Returns images (B, 3, H, W) 0..255, maps (B, K, h, w) and their weights."""
        if time.monotonic() - self._loaded > RELOADED:
            self._people, self._loaded = self._load(), time.monotonic()
        views = [self._view() for _ in range(count)]
        image, maps, weight = (
            torch.from_numpy(np.stack(part)) for part in zip(*views, strict=True)
        )
        return image.permute(0, 3, 1, 2), maps, weight

    def _view(self) -> person_views.View:
        """A view of somebody whom the teachers saw, or of nobody."""
        if self._rng.random() < self._nobody_share:
            place = self._nobody[int(self._rng.integers(len(self._nobody)))]
            picture, maps = self._picture(place.file), len(self._swapped)
            return person_views.draw_nobody(picture, place.xy, maps, self._options, self._rng)
        while True:
            index = int(self._rng.integers(len(self._people.people)))
            view = person_views.draw(
                self._subject(index),
                [self._any_picture()],
                self._swapped,
                self._options,
                self._rng,
            )
            if view is not None:
                return view

    def _subject(self, index: int) -> Subject:
        person = self._people.people[index]
        return Subject(
            picture=self._picture(person.file),
            maps=self._people.maps[index],
            matrix=self._people.matrices[index],
            labels=person.keypoints if person.human else None,
        )

    def _picture(self, name: str) -> UInt8:
        if name not in self._pictures:
            if len(self._pictures) >= KEPT_PICTURES:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[name] = self._read(name)
        return self._pictures[name]

    def _any_picture(self) -> UInt8:
        names = list(self._pictures)
        return self._pictures[names[self._rng.integers(len(names))]]


def read_nobody(path: Path) -> list[Nobody]:
    """Reads the lines that `tfpose predict --jsonl` wrote for pictures without people.

    Raises:
      ValueError: a line is not of that form, or there is nobody in any of them; says which.
    """
    places = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            frame = json.loads(line)
            for person in frame["people"]:
                seen = [(one["x"], one["y"]) for one in person["keypoints"].values() if one]
                if seen:
                    places.append(Nobody(str(frame["file"]), np.array(seen, np.float32)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path}, line {number}: not written by `tfpose predict --jsonl` ({error!r})"
            ) from error
    if not places:
        raise ValueError(f"{path} has no people: predict with a lower --min_score")
    return places


def run(student: PersonStudent, feed: Feed, options: Options, save: Save) -> None:
    """Trains until the time is over.

    Args:
      student: on the CPU, or on a GPU.
      feed: of views.
      options: of the run.
      save: writes the averaged arrays, by the Keras network's names.

    Raises:
      ValueError: the loss is not finite.
    """
    student = student.to(memory_format=torch.channels_last).train()
    freeze(student, options.frozen)
    arrays = student.arrays()
    updater = Updater({name: one for name, one in arrays.items() if one.requires_grad})
    averages = {name: value.detach().clone() for name, value in arrays.items()}
    device = next(student.parameters()).device
    begun = saved = time.monotonic()
    step, losses = 0, []
    while (done := (time.monotonic() - begun) / options.seconds) < 1:
        image, maps, weight = (part.to(device) for part in feed.batch(options.batch))
        with torch.autocast(device.type, torch.bfloat16, enabled=options.bfloat16):
            predicted = student(image.contiguous(memory_format=torch.channels_last))
        loss = error(predicted.float(), maps, weight)
        if not torch.isfinite(loss):
            raise ValueError(f"the loss is not finite at step {step}: lower the rate")
        loss.backward()
        step += 1
        rate = options.rate * min(step / options.warmup, 1.0) * (1 - done)
        updater.step(rate)
        student.zero_grad(set_to_none=True)
        with torch.no_grad():
            decay = min(options.ema, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(averages.values()), list(arrays.values()), 1 - decay)
        losses.append(float(loss.detach()))
        if step % 25 == 0:
            logging.info("step %d, rate %.5f, loss %.4f", step, rate, np.mean(losses[-25:]))
        if time.monotonic() - saved > options.snapshot:
            save(to_numpy(averages))
            saved = time.monotonic()
    path = save(to_numpy(averages))
    logging.info("%d steps, %d views; %s", step, step * options.batch, path)


def freeze(student: PersonStudent, prefixes: Sequence[str]) -> None:
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


def error(predicted: Tensor, maps: Tensor, weight: Tensor) -> Tensor:
    """Returns the weighted squared error of heatmaps (B, K, h, w)."""
    return SCALE * ((predicted - maps) ** 2 * weight * (1 + FOREGROUND * maps)).mean()
