"""What all routes share: models, the queue, figures; and the one way from a file to people."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from starlette.requests import HTTPConnection

from estimator import PoseEstimator, Poses, geometry
from estimator.arrays import UInt8
from estimator.inputs import preprocess
from estimator.outputs import results

from .catalogue import Catalogue
from .lanes.batching import Batcher, Done, Job
from .metrics import Metrics
from .requests import encoded_pictures
from .settings import Settings

T = TypeVar("T")
Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A picture and its people.

    Attributes:
      picture: (H, W, 3) uint8, RGB; smaller than the picture sent unless `whole` was asked for.
      poses: in pixels of the picture sent.
      height, width: of the picture sent, upright.
    """

    picture: UInt8
    poses: Poses
    height: int
    width: int


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
        whole: bool = False,
    ) -> list[Done[T]]:
        """Finds the people of encoded pictures.

        Args:
          files: what a picture is called in messages, and its bytes.
          model: of the catalogue.
          finish: makes of a picture and its people what is wanted, in a lane's thread.
          boxes: of each picture, for a top-down model.
          whole: `finish` needs the picture in all its pixels.

        Raises:
          ServiceError: a picture cannot be taken, or there is too much to do.
        """
        jobs = []
        image = self.catalogue.specs[model].image
        for index, (name, data) in enumerate(files):
            header = encoded_pictures.check(data, name, self.settings.limits)
            box = boxes[index] if boxes is not None else None

            def work(
                network: PoseEstimator,
                name: str = name,
                data: bytes = data,
                box: Sequence[Box] | None = box,
                size: tuple[int, int] = header.upright,
            ) -> T:
                seen = _see(network, name, data, size, box, whole=whole)
                self.metrics.people.labels(model).inc(len(seen.poses))
                return finish(seen)

            size = preprocess.input_size(*header.upright, image)
            jobs.append(Job(model=model, work=work, size=size))
        return await self.batcher.run(jobs)


def _see(
    network: PoseEstimator,
    name: str,
    data: bytes,
    size: tuple[int, int],
    boxes: Sequence[Box] | None,
    *,
    whole: bool,
) -> Seen:
    """A checked picture and its people."""
    height, width = size
    if whole or boxes is not None:
        picture = encoded_pictures.decode(data, name)
        poses = network(picture) if boxes is None else network(picture, boxes)
    else:
        picture, matrix = encoded_pictures.decode_for(data, name, network.spec.image)
        poses = network(picture).transformed(geometry.invert(matrix))
    return Seen(picture=picture, poses=poses, height=height, width=width)


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
    table = results.readable(poses, file="", height=height, width=width, model="")
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
