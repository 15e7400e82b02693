"""What the second look learns from: the maps of cached people.

On few cores the first layers stay as they are: the backward pass then costs a fifth.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from estimator import skeletons
from estimator.arrays import Float, UInt8
from estimator.people import box_map
from estimator.people.boxes import HIGHER, WIDER

from ..data.cached_people import Person, Shard
from . import person_views
from .person_views import Subject, ViewOptions

SCALE, FOREGROUND = 300.0, 3.0  # of the loss; more for cells that show a keypoint
STEEP = 25.0  # factor on maps of 0..1 that makes them logits of where a keypoint lies
KEPT_PICTURES = 2000  # decoded, in memory
SAME = 0.4  # intersection over union from which a detector's box is a person's
RELOADED = 300.0  # seconds after which the cache is read again
FROZEN = ("stem", "down4", "down8", "stride8.", "down16", "stride16.0", "stride16.1", "side")


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
      boxes: (N, 5) of the people whom a detector sees in a picture, by its name.

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
        boxes: Mapping[str, Float] | None = None,
    ) -> None:
        if not 0 <= nobody_share < 1 or (nobody_share and not nobody):
            raise ValueError(
                "nobody_share must be at least 0, below 1, and 0 where no places are given; found "
                f"{nobody_share} with {len(nobody)} places"
            )
        self._load, self._read, self._options = load, read, options
        self._nobody, self._nobody_share = nobody, nobody_share
        self._boxes = boxes or {}
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
            box=self._box(person),
        )

    def _box(self, person: Person) -> Float | None:
        """The detector's box that overlaps a person's most, if it does by `SAME` or more."""
        boxes, xy = self._boxes.get(person.file), person.keypoints[person.keypoints[:, 2] > 0, :2]
        if boxes is None or not len(boxes) or len(xy) < 2:
            return None
        shares = box_map.overlaps(around(xy), boxes[:, :4])
        best = int(shares.argmax())
        return np.asarray(boxes[best, :4]) if shares[best] >= SAME else None

    def _picture(self, name: str) -> UInt8:
        if name not in self._pictures:
            if len(self._pictures) >= KEPT_PICTURES:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[name] = self._read(name)
        return self._pictures[name]

    def _any_picture(self) -> UInt8:
        names = list(self._pictures)
        return self._pictures[names[self._rng.integers(len(names))]]


def around(xy: Float) -> Float:
    """Left, top, right and bottom of a person, by their keypoints (N, 2)."""
    first, last = xy.min(axis=0), xy.max(axis=0)
    more = (last - first + 1) * (np.array([WIDER, HIGHER]) - 1) / 2
    return np.concatenate([first - more, last + more]).astype(np.float32)


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


def error(predicted: Tensor, maps: Tensor, weight: Tensor, *, divergence: float = 0.0) -> Tensor:
    """Returns the weighted error of heatmaps (B, K, h, w): squares, and where their peaks lie.

    Args:
      predicted, maps, weight: the student's maps, the teachers', and what each cell counts.
      divergence: weight of the Kullback-Leibler divergence, in nats, of the student's distribution
        of a keypoint over the cells from the teachers'. Each is a softmax of a map times `STEEP`,
        so that a map without a peak says nothing.
    """
    squares = SCALE * ((predicted - maps) ** 2 * weight * (1 + FOREGROUND * maps)).mean()
    if divergence == 0:
        return squares
    wanted = torch.log_softmax(STEEP * maps.flatten(2), dim=2)
    given = torch.log_softmax(STEEP * predicted.flatten(2), dim=2)
    apart = F.kl_div(given, wanted, reduction="none", log_target=True).sum(dim=2)
    return squares + divergence * (apart * weight.flatten(2).mean(dim=2)).mean()
