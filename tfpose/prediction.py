"""A network over many pictures: averaged maps, read as people, in batches where shapes allow.

With one picture and nothing averaged, the answer is `PoseEstimator`'s: the same preprocessing, the
same runner, the same decoder.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from estimator import decoders, geometry
from estimator.arrays import Float, UInt8
from estimator.pose_estimator import Maps
from estimator.poses import Poses

from .averaging import Averaging, View, grid, mean, merge_mirrored, views
from .networks import Network

BATCH = 8  # of a network that takes more than one picture at a time
WAITING = 8  # batches' worth of inputs that may wait for others of their shape

Shapes: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """A picture, or a box of it, to be read.

    Attributes:
      key: comes back with the answer.
      picture: (H, W, 3) uint8, RGB.
      box: x, y, width, height in pixels, as edges; for top-down networks.
    """

    key: Any
    picture: UInt8
    box: Sequence[float] | None = None


def predict(
    network: Network,
    requests: Iterable[Request],
    *,
    averaging: Averaging | None = None,
    batch: int | None = None,
) -> Iterator[tuple[Any, Poses]]:
    """Reads pictures as people.

    Args:
      network: of any kind.
      requests: read as they are needed.
      averaging: nothing if not given.
      batch: pictures at a time; `BATCH` where the network allows, else 1.

    Yields:
      A request's key and its people, in pixels of its picture. As batches fill, so not in order.

    Raises:
      ValueError: the network cannot do what is asked.
    """
    averaging = averaging or Averaging()
    batch = _batch(network, batch)
    waiting: dict[Shapes, list[_Prepared]] = {}
    for request in requests:
        prepared = _prepare(network, request, averaging)
        waiting.setdefault(prepared.shapes, []).append(prepared)
        full = len(waiting[prepared.shapes]) == batch
        if full or sum(map(len, waiting.values())) >= WAITING * batch:
            fullest = max(waiting, key=lambda shapes: len(waiting[shapes]))
            yield from _answer(network, waiting.pop(fullest), averaging)
    for group in waiting.values():
        yield from _answer(network, group, averaging)


def read(network: Network, picture: UInt8, averaging: Averaging | None = None) -> Poses:
    """The people of one picture, by a bottom-up network."""
    ((_, poses),) = predict(
        network, [Request(key=None, picture=picture)], averaging=averaging, batch=1
    )
    return poses


@dataclass(frozen=True, kw_only=True, eq=False)
class _Prepared:
    key: Any
    inputs: list[View]

    @property
    def shapes(self) -> Shapes:
        return tuple(view.image.shape for view in self.inputs)


def _batch(network: Network, batch: int | None) -> int:
    if batch is None:
        return BATCH if network.batches else 1
    if batch < 1 or (batch > 1 and not network.batches):
        raise ValueError(
            f"batch must be at least 1, and {network.name} "
            f"{'takes any' if network.batches else 'takes one picture at a time'}; found {batch}"
        )
    return batch


def _prepare(network: Network, request: Request, averaging: Averaging) -> _Prepared:
    image = network.spec.image
    if (request.box is None) != (image.fit == "letterbox"):
        raise ValueError(
            f"{network.name} has image.fit {image.fit!r}: it takes "
            f"{'whole pictures, no boxes' if image.fit == 'letterbox' else 'boxes of people'}"
        )
    inputs = views(request.picture, image, averaging.scales, request.box)
    return _Prepared(key=request.key, inputs=inputs)


def _answer(
    network: Network, group: list[_Prepared], averaging: Averaging
) -> Iterator[tuple[Any, Poses]]:
    """Runs a batch of inputs of the same shapes, scale after scale."""
    spec = network.spec
    decode = decoders.get(decoders.name_of(spec.decoder)).decode
    answers = []  # one a scale: maps of the batch
    for scale in range(len(group[0].inputs)):
        stack = np.concatenate([prepared.inputs[scale].image for prepared in group])
        answers.append(_run(network, stack, averaging.flip))
    for index, prepared in enumerate(group):
        parts = [
            Maps(outputs={name: maps[index] for name, maps in answer.items()}, matrix=view.matrix)
            for answer, view in zip(answers, prepared.inputs, strict=True)
        ]
        maps = mean(parts, stride=spec.outputs.stride, onto=grid(averaging.scales))
        poses: Poses = decode(maps.outputs, spec)
        yield prepared.key, poses.transformed(geometry.invert(maps.matrix))


def _run(network: Network, image: UInt8, flip: bool) -> dict[str, Float]:
    """The maps of a batch (B, h, w, C), averaged with those of its mirror images if asked."""
    maps = network.runner(image)
    if not flip:
        return maps
    mirrored = network.runner(np.ascontiguousarray(image[:, :, ::-1]))
    return merge_mirrored(maps, mirrored, network.spec)
