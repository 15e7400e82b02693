"""What an export costs, measured against Keras before a file is written.

Three measures, from the nearest to the network to the nearest to its use: the error of each head's
maps; how alike the decoded people are (COCO's OKS); the AP on annotated pictures.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from estimator.arrays import Float, UInt8
from estimator.oks import oks
from estimator.person_boxes import AREA_OF_BOX
from estimator.poses import Poses
from estimator.spec import PoseSpec

from .. import evaluate
from ..metrics import coco
from ..networks import Network
from ..prediction import Request, predict
from ..truth import Truth
from .calibration import lay_in

Double: TypeAlias = npt.NDArray[np.float64]

SURE = 0.2  # person_score from which a person must be found again; the estimator's own --min_score
REPEATS = 10


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What an export may cost at most.

    Attributes:
      largest: error of one value, as a share of the head's largest magnitude.
      rms: root mean square of a head's errors, as a share of that of its values.
      oks: least mean OKS of the people that Keras finds, against the export's nearest.
      ap: drop of the AP, 0..1; of its mean, since intervals on few pictures are wide.
    """

    largest: float
    rms: float
    oks: float
    ap: float

    def __post_init__(self) -> None:
        if not (self.largest > 0 and self.rms > 0 and 0 <= self.oks <= 1 and 0 <= self.ap <= 1):
            raise ValueError(
                f"errors must be positive, oks and ap between 0 and 1, found {vars(self)}"
            )


EXACT = Thresholds(largest=1e-4, rms=1e-4, oks=0.99, ap=0.001)
THRESHOLDS: Mapping[str, Thresholds] = {
    "float32": EXACT,
    # One value of tf_pose_mobilenet_v2_small, trained, is off by 0.035 (rms 0.006, OKS 1.0): norms
    # by each picture's own statistics amplify rounding. Elsewhere it is under 0.01.
    "float16": Thresholds(largest=0.05, rms=0.01, oks=0.99, ap=0.002),
    "dynamic": Thresholds(largest=0.3, rms=0.1, oks=0.95, ap=0.01),
    "int8": Thresholds(largest=0.5, rms=0.25, oks=0.85, ap=0.01),
    "saved_model": EXACT,
    "onnx": EXACT,
}


@dataclass(frozen=True, kw_only=True)
class HeadError:
    """How far a head's maps are from Keras's; see `Thresholds` for both figures."""

    largest: float
    rms: float


@dataclass(frozen=True, kw_only=True)
class Alike:
    """How the people decoded from both agree.

    Attributes:
      people: that Keras finds with at least `SURE`; 0 makes `oks` 1.
      oks: mean over them of the OKS with the export's nearest person.
      lost: of them, how many have no person of OKS 0.5 in the export's answer.
      invented: sure people of the export that have none in Keras's.
    """

    people: int
    oks: float
    lost: int
    invented: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """AP of both on the same pictures; `low` to `high` is the interval of the difference."""

    pictures: int
    keras: float
    exported: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was measured of an export.

    Attributes:
      model, kind: the network's name and the format.
      source: where the pictures came from.
      pictures: how many there were.
      bytes: of the file or folder.
      milliseconds: median for the first picture, on as many threads as the runner takes by itself.
      heads: by name.
      alike: the decoded people.
      cost: None without annotations.
      thresholds: that were asked for.
      failures: one line for each that was not met; empty is a pass.
    """

    model: str
    kind: str
    source: str
    pictures: int
    bytes: int
    milliseconds: float
    heads: Mapping[str, HeadError]
    alike: Alike
    cost: Cost | None
    thresholds: Thresholds
    failures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Annotated:
    """Pictures to measure the AP on; see `evaluate.evaluate`.

    Attributes:
      truth: the annotations.
      images: folders and zips.
      height: base height of a flexible network's input; the spec's if not given.
    """

    truth: Truth
    images: Sequence[str]
    height: int | None = None


def measure(
    keras: Network,
    exported: Network,
    pictures: Sequence[UInt8],
    *,
    kind: str,
    source: str,
    size: int,
    thresholds: Thresholds | None = None,
    annotated: Annotated | None = None,
) -> Report:
    """Measures an exported network against the one in Keras.

    Args:
      keras: the original.
      exported: as it was opened from its file; its spec says how pictures are laid in.
      pictures: (H, W, 3) uint8.
      kind: the format.
      source: of the pictures, for the report.
      size: bytes of the file.
      thresholds: the format's in `THRESHOLDS` if not given.
      annotated: measure the AP too.
    """
    thresholds = thresholds or THRESHOLDS[kind]
    keras = replace(keras, spec=exported.spec)
    heads = head_errors(keras, exported, pictures)
    people = alike(_people(keras, pictures), _people(exported, pictures), exported.spec)
    cost = _cost(keras, exported, annotated) if annotated else None
    return Report(
        model=exported.spec.model,
        kind=kind,
        source=source,
        pictures=len(pictures),
        bytes=size,
        milliseconds=_milliseconds(exported, lay_in(pictures[0], exported.spec.image)),
        heads=heads,
        alike=people,
        cost=cost,
        thresholds=thresholds,
        failures=tuple(_failures(heads, people, cost, thresholds)),
    )


def head_errors(
    keras: Network, exported: Network, pictures: Sequence[UInt8]
) -> dict[str, HeadError]:
    """The error of each head over all pictures, and where the spec is flexible, at half size too.

    An error that is not finite is infinite.
    """
    sums: dict[str, Double] = {
        name: np.zeros(4) for name in exported.spec.channels
    }  # errors: max, sum²; values: same
    for picture in pictures:
        for image in _inputs(picture, exported.spec):
            wanted, found = keras.runner(image), exported.runner(image)
            for name in sums:
                sums[name] = _add(sums[name], wanted[name], found[name])
    tiny = float(np.finfo(np.float32).tiny)
    return {
        name: HeadError(
            largest=error / max(value, tiny), rms=float(np.sqrt(square / max(squares, tiny)))
        )
        for name, (error, square, value, squares) in sums.items()
    }


def _inputs(picture: UInt8, spec: PoseSpec) -> list[UInt8]:
    sizes = [spec.image]
    if spec.image.flexible:
        half = max(spec.image.height // 2 // spec.image.multiple, 1) * spec.image.multiple
        sizes.append(replace(spec.image, height=half))
    return [lay_in(picture, image) for image in sizes]


def _add(sums: Double, wanted: Float, found: Float) -> Double:
    if wanted.shape != found.shape:
        raise ValueError(f"Keras answers {wanted.shape}, the export {found.shape}")
    error, value = found.astype(np.float64) - wanted, wanted.astype(np.float64)
    part = np.array([np.abs(error).max(), (error**2).sum(), np.abs(value).max(), (value**2).sum()])
    part[:2] = np.nan_to_num(part[:2], nan=np.inf)
    most = np.maximum(sums[::2], part[::2])
    return np.array([most[0], sums[1] + part[1], most[1], sums[3] + part[3]])


def _people(network: Network, pictures: Sequence[UInt8]) -> list[Poses]:
    """The people of each picture; top-down, each picture is one person's box."""
    top_down = network.spec.image.fit == "crop"
    requests = [
        Request(
            key=index,
            picture=picture,
            box=(-0.5, -0.5, picture.shape[1], picture.shape[0]) if top_down else None,
        )
        for index, picture in enumerate(pictures)
    ]
    answers = dict(predict(network, requests, batch=1))
    return [answers[index] for index in range(len(pictures))]


def alike(wanted: Sequence[Poses], found: Sequence[Poses], spec: PoseSpec) -> Alike:
    """Compares the people of each picture; a person lost counts as OKS 0."""
    best: list[float] = []
    invented = 0
    for first, second in zip(wanted, found, strict=True):
        matrix = _oks(first, second)  # (N, M)
        best += matrix.max(axis=1, initial=0)[first.person_score >= SURE].tolist()
        known = matrix.max(axis=0, initial=0) >= 0.5
        invented += int(((second.person_score >= SURE) & ~known).sum())
    return Alike(
        people=len(best),
        oks=float(np.mean(best)) if best else 1.0,
        lost=sum(value < 0.5 for value in best),
        invented=invented,
    )


def _oks(first: Poses, second: Poses) -> Float:
    """(N, M) OKS over the keypoints that `first` has; one that `second` lacks is 0 there."""
    boxes = np.maximum(first.boxes[:, 2:], 1)
    area = AREA_OF_BOX * boxes[:, 0] * boxes[:, 1]
    visible = np.broadcast_to(
        first.found[:, np.newaxis], (len(first), len(second), first.found.shape[1])
    )
    far = np.nan_to_num(second.xy, nan=1e6)
    return oks(
        np.nan_to_num(first.xy), visible, far, area=area[:, None], sigmas=first.skeleton.sigmas
    )


def _cost(keras: Network, exported: Network, annotated: Annotated) -> Cost:
    reports = []
    for network in (keras, exported):
        if annotated.height is not None:
            network = network.with_height(annotated.height)
        settings = evaluate.Settings(draws=0)
        reports.append(
            evaluate.evaluate(network, annotated.truth, annotated.images, settings=settings)
        )
    first, second = reports
    difference = coco.compare(first.evaluation, second.evaluation)
    return Cost(
        pictures=len(first.image_ids),
        keras=first.scores.ap,
        exported=second.scores.ap,
        difference=difference.value,
        low=difference.low,
        high=difference.high,
    )


def _failures(
    heads: Mapping[str, HeadError], people: Alike, cost: Cost | None, limits: Thresholds
) -> list[str]:
    failures = [
        f"{name}: {measure} error {getattr(error, measure):.2g}, allowed {getattr(limits, measure)}"
        for name, error in heads.items()
        for measure in ("largest", "rms")
        if not getattr(error, measure) <= getattr(limits, measure)
    ]
    if people.oks < limits.oks:
        failures.append(f"OKS with Keras {people.oks:.3f}, at least {limits.oks} is wanted")
    if cost is not None and -cost.difference > limits.ap:
        failures.append(f"AP drops by {-cost.difference:.4f}, allowed {limits.ap}")
    return failures


def _milliseconds(network: Network, image: UInt8) -> float:
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        network.runner(image)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times[1:]))
