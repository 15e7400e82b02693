"""What all routes share: models, the queue, figures; and the one way from a file to people."""

import contextlib
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from starlette.requests import HTTPConnection

from estimator import PoseEstimator, Poses, geometry
from estimator.arrays import UInt8
from estimator.inputs import preprocess, scaled_decoding
from estimator.pictures.header import Header

from .catalogue import Catalogue
from .lanes.batching import Batcher, Done, Job
from .lanes.decoder import Decoder, Reduced
from .metrics import Metrics
from .pace import Pace
from .requests import encoded_pictures, off_loop
from .settings import Settings

T = TypeVar("T")
Box = tuple[float, float, float, float]
_SAME = geometry.scaling(1, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A picture and its people.

    Attributes:
      picture: (H, W, 3) uint8, RGB; smaller than the picture sent unless `whole` was asked for, and
        then too where it is large.
      matrix: (2, 3), from pixels of the picture sent to pixels of this one.
      poses: in pixels of the picture sent.
      height, width: of the picture sent, upright.
    """

    picture: UInt8
    matrix: npt.NDArray[np.float64]
    poses: Poses
    height: int
    width: int


@dataclass(kw_only=True, eq=False)
class Service:
    """One running service.

    Attributes:
      pace: of what comes in bulk.
      draining: it was told to end: it answers, and wants no more connections.
      streams: that are open.
      grpc_port: at which gRPC listens; None where it does not.
    """

    settings: Settings
    catalogue: Catalogue
    batcher: Batcher
    decoder: Decoder
    metrics: Metrics
    pace: Pace
    draining: bool = False
    streams: int = field(default=0)
    grpc_port: int | None = None

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
        small = sum(len(data) for _, data in files) <= self.settings.limits.bulk_bytes
        with self.pace.small() if small else contextlib.nullcontext():
            return await self._look(files, model, finish, boxes, whole)

    async def _look(
        self,
        files: Sequence[tuple[str, bytes]],
        model: str,
        finish: Callable[[Seen], T],
        boxes: Sequence[Sequence[Box]] | None,
        whole: bool,
    ) -> list[Done[T]]:
        until = time.monotonic() + self.settings.limits.answer_seconds
        checked = await self._checked(files, boxes)
        costly = [one for one in checked if one.work > self.settings.limits.lane_work]
        job = functools.partial(self._job, model=model, finish=finish, whole=whole)
        light = [one for one in checked if one not in costly]
        done = dict(
            zip(
                (one.index for one in light),
                await self.batcher.run([job(one) for one in light]),
                strict=True,
            )
        )
        spec = self.catalogue.specs[model]
        keep = scaled_decoding.kept(spec)
        for one in costly:  # one after the other: each takes much memory
            factor = 1 if whole else scaled_decoding.factor_for(one.header, spec.image, keep=keep)
            reduced = await self.decoder.read(one.data, one.name, factor=factor, until=until)
            (done[one.index],) = await self.batcher.run([job(one, reduced=reduced)])
        return [done[index] for index in range(len(files))]

    async def _checked(
        self, files: Sequence[tuple[str, bytes]], boxes: Sequence[Sequence[Box]] | None
    ) -> list["_Checked"]:
        limits = self.settings.limits

        def check() -> list[_Checked]:
            return [
                _Checked(
                    index=index,
                    name=name,
                    data=data,
                    header=encoded_pictures.check(data, name, limits),
                    boxes=boxes[index] if boxes is not None else None,
                )
                for index, (name, data) in enumerate(files)
            ]

        return await off_loop.run(sum(len(data) for _, data in files), check)

    def _job(
        self,
        checked: "_Checked",
        *,
        model: str,
        finish: Callable[[Seen], T],
        whole: bool,
        reduced: Reduced | None = None,
    ) -> Job[T]:
        def work(network: PoseEstimator) -> T:
            seen = _see(network, checked, reduced, whole=whole)
            self.metrics.people.labels(model).inc(len(seen.poses))
            return finish(seen)

        image = self.catalogue.specs[model].image
        size = preprocess.input_size(*checked.header.upright, image)
        seconds = 1e-9 * checked.work if reduced is None else 0.0
        return Job(model=model, work=work, size=size, seconds=seconds)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Checked:
    """A picture of a request whose header was looked at, and its boxes."""

    index: int
    name: str
    data: bytes
    header: Header
    boxes: Sequence[Box] | None

    @property
    def work(self) -> float:
        """See `encoded_pictures.work`."""
        return encoded_pictures.work(self.data, self.header)


def _see(
    network: PoseEstimator, checked: _Checked, reduced: Reduced | None, *, whole: bool
) -> Seen:
    """A checked picture and its people."""
    height, width = checked.header.upright
    boxes, matrix = checked.boxes, _SAME
    if reduced is not None:
        picture, matrix = reduced.picture, reduced.matrix
        boxes = boxes and [_moved(box, matrix) for box in boxes]
    elif whole or boxes is not None:
        picture = encoded_pictures.decode(checked.data, checked.name, checked.header)
    else:
        spec = network.spec
        picture, matrix = encoded_pictures.decode_for(
            checked.data,
            checked.name,
            checked.header,
            spec.image,
            keep=scaled_decoding.kept(spec),
        )
    poses = network(picture) if boxes is None else network(picture, boxes)
    poses = poses.transformed(geometry.invert(matrix))
    return Seen(picture=picture, matrix=matrix, poses=poses, height=height, width=width)


def _moved(box: Box, matrix: npt.NDArray[np.float64]) -> Box:
    """A box as it lies in a picture that was made smaller."""
    x, y = matrix @ (box[0], box[1], 1)
    return float(x), float(y), float(box[2] * matrix[0, 0]), float(box[3] * matrix[1, 1])


def of(connection: HTTPConnection) -> Service:
    """The service that a request or WebSocket came to."""
    service: Service = connection.app.state.service
    return service
