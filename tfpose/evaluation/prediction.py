"""A network over many pictures: `PoseEstimator`, given batches where shapes allow.

What is measured is what ships: preprocessing, averaging and decoder are `PoseEstimator`'s own; this
module chooses which inputs it answers together, and has the second look give keypoints of any score
(`tfpose predict` does with `--min_score=0`). Pictures are read in a thread of their own,
while the network works on others.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from estimator.arrays import UInt8
from estimator.inputs.averaging import Averaging, View
from estimator.pose_estimator import PoseEstimator
from estimator.poses import Poses
from estimator.second_look.options import Options as SecondLook
from estimator.streams.overlap import overlapped, spread

from .network import Network

BATCH = 8  # of a network that takes more than one picture at a time
WAITING = 8  # batches' worth of inputs that may wait for others of their shape

Shapes: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """A picture, or a box of it, to find people in.

    Attributes:
      key: identifies the answer.
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
    second_look: str | SecondLook = "off",
) -> Iterator[tuple[Any, Poses]]:
    """Reads pictures as people.

    Args:
      network: of any kind.
      requests: iterated in another thread, shortly before they are needed.
      averaging: over the mirrored picture and over sizes; nothing if not given.
      batch: pictures per run; `BATCH` where the network allows, else 1.
      second_look: as `PoseEstimator` takes it; by default the network is measured alone, but for a
        detector, which has no keypoints of its own. Keypoints of any score count: COCO's AP knows
        no missing ones.

    Yields:
      The key of a request and its people, in pixels of its picture, in completion order.

    Raises:
      ValueError: the network cannot do what is asked.
    """
    second_look = measured(second_look, network)
    batch = _batch(network, batch)
    if batch == 1:
        yield from _one_by_one(_estimators(network, averaging, second_look), requests)
        return
    estimator = estimator_of(network, averaging, second_look=second_look)
    waiting: dict[Shapes, list[_Prepared]] = {}
    for prepared in overlapped((_prepare(estimator, one) for one in requests), ahead=batch):
        waiting.setdefault(prepared.shapes, []).append(prepared)
        full = len(waiting[prepared.shapes]) == batch
        if full or sum(map(len, waiting.values())) >= WAITING * batch:
            fullest = max(waiting, key=lambda shapes: len(waiting[shapes]))
            yield from _answer(estimator, waiting.pop(fullest))
    for group in waiting.values():
        yield from _answer(estimator, group)


def measured(second_look: str | SecondLook, network: Network) -> str | SecondLook:
    """Returns the second look that is measured where this one is asked for, as `predict` says."""
    if second_look == "off" and network.spec.answers != "boxes":
        return second_look
    look = second_look
    if isinstance(look, str):
        look = SecondLook(mode="auto" if look == "off" else look)
    return replace(look, merging=replace(look.merging, filled=0.0))


def _one_by_one(
    estimators: Sequence[PoseEstimator], requests: Iterable[Request]
) -> Iterator[tuple[Any, Poses]]:
    """Answers requests in their order, as many at once as there are estimators."""

    def answer(estimator: PoseEstimator, request: Request) -> tuple[Any, Poses]:
        ((key, poses),) = _answer(estimator, [_prepare(estimator, request)])
        return key, poses

    return spread(
        [partial(answer, estimator) for estimator in estimators],
        overlapped(requests, ahead=len(estimators)),
    )


def _estimators(
    network: Network, averaging: Averaging | None, second_look: str | SecondLook
) -> list[PoseEstimator]:
    """One `PoseEstimator` per worker of a network, each on one thread."""
    if not network.workers:
        return [estimator_of(network, averaging, second_look=second_look)]
    return [
        PoseEstimator(
            network.spec, runner=runner, threads=1, averaging=averaging, second_look=second_look
        )
        for runner in network.workers
    ]


def estimator_of(
    network: Network, averaging: Averaging | None = None, *, second_look: str | SecondLook = "off"
) -> PoseEstimator:
    """The `PoseEstimator` of a network of any kind.

    Raises:
      FileNotFoundError: there is no such network for the second look.
      ValueError: the network cannot average so, or its people cannot be looked at again.
    """
    return PoseEstimator(
        network.spec, runner=network.runner, averaging=averaging, second_look=second_look
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Prepared:
    key: Any
    picture: UInt8
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


def _prepare(estimator: PoseEstimator, request: Request) -> _Prepared:
    spec = estimator.spec
    if request.box is None and spec.image.fit == "crop":
        raise ValueError(f"{spec.model} has image.fit 'crop': it takes boxes of people")
    inputs = estimator.inputs(request.picture, request.box)
    return _Prepared(key=request.key, picture=request.picture, inputs=inputs)


def _answer(estimator: PoseEstimator, group: list[_Prepared]) -> Iterator[tuple[Any, Poses]]:
    """Answers a batch of inputs of the same shapes."""
    answers = estimator.answer([prepared.inputs for prepared in group])
    for prepared, maps in zip(group, answers, strict=True):
        yield prepared.key, estimator.people(prepared.picture, maps)
