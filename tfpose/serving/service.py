"""What all routes share: models, the queue, figures; and the one way from a file to people."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from starlette.requests import HTTPConnection

from estimator import PoseEstimator, Poses, writers
from estimator.arrays import UInt8

from . import encoded_pictures
from .batching import Batcher, Done, Job
from .catalogue import Catalogue
from .metrics import Metrics
from .settings import Settings

T = TypeVar("T")
Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A picture and its people."""

    picture: UInt8
    poses: Poses

    @property
    def height(self) -> int:
        return int(self.picture.shape[0])

    @property
    def width(self) -> int:
        return int(self.picture.shape[1])


@dataclass(kw_only=True, eq=False)
class Service:
    """One running service.

    Attributes:
      draining: it was told to end: it answers, and wants no more connections.
      streams: that are open.
    """

    settings: Settings
    catalogue: Catalogue
    batcher: Batcher
    metrics: Metrics
    draining: bool = False
    streams: int = field(default=0)

    async def look(
        self,
        files: Sequence[tuple[str, bytes]],
        model: str,
        finish: Callable[[Seen], T],
        *,
        boxes: Sequence[Sequence[Box]] | None = None,
    ) -> list[Done[T]]:
        """Finds the people of encoded pictures.

        Args:
          files: what a picture is called in messages, and its bytes.
          model: of the catalogue.
          finish: makes of a picture and its people what is wanted, in a lane's thread.
          boxes: of each picture, for a top-down model.

        Raises:
          ServiceError: a picture cannot be taken, or there is too much to do.
        """
        jobs = []
        for index, (name, data) in enumerate(files):
            aspect = encoded_pictures.check(data, name, self.settings.limits)

            def work(
                network: PoseEstimator,
                name: str = name,
                data: bytes = data,
                box: Sequence[Box] | None = boxes[index] if boxes is not None else None,
            ) -> T:
                picture = encoded_pictures.decode(data, name)
                poses = network(picture, box) if box is not None else network(picture)
                self.metrics.people.labels(model).inc(len(poses))
                return finish(Seen(picture=picture, poses=poses))

            jobs.append(Job(model=model, work=work, order=aspect))
        return await self.batcher.run(jobs)


def of(connection: HTTPConnection) -> Service:
    """The service that a request or WebSocket came to."""
    service: Service = connection.app.state.service
    return service


def sure(poses: Poses, min_score: float) -> Poses:
    """Without the keypoints below a score, and without whom nothing is left of."""
    kept = poses.score >= max(min_score, float(np.finfo(np.float32).tiny))  # (N, K)
    poses = replace(
        poses,
        xy=np.where(kept[..., np.newaxis], poses.xy, np.float32(np.nan)),
        score=np.where(kept, poses.score, np.float32(0)),
    )
    return poses.select(np.flatnonzero(kept.any(axis=1)))


def people(poses: Poses, height: int, width: int) -> dict[str, Any]:
    """Poses as `schemas.PictureAnswer` says."""
    table = writers.readable(poses, file="", height=height, width=width, model="")
    boxes = np.round(poses.boxes.astype(np.float64), 2).tolist()
    rows = [{**row, "box": box} for row, box in zip(table["people"], boxes, strict=True)]
    return {"width": width, "height": height, "people": rows}


def timing(done: Sequence[Done[Any]], request: Request) -> dict[str, float]:
    """Milliseconds as `schemas.Timing` says."""
    seconds = {
        "waited": max(one.waited for one in done),
        "worked": sum(one.took for one in done),
        "total": time.monotonic() - request.state.arrived,
    }
    return {name: round(1000 * value, 2) for name, value in seconds.items()}
