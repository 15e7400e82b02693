"""The gate: an export's errors against Keras, measured before a file is written.

Three measures: the error of each head's maps, the similarity of the decoded people (COCO's OKS),
and the AP on annotated pictures.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from estimator.arrays import Float, UInt8
from estimator.people import box_map
from estimator.people.boxes import AREA_OF_BOX
from estimator.people.oks import oks
from estimator.poses import Poses
from estimator.spec import PoseSpec

from ..evaluation import evaluate
from ..evaluation.annotations import Truth
from ..evaluation.metrics import coco
from ..evaluation.network import Network
from ..evaluation.prediction import Request, estimator_of, predict
from .calibration import lay_in

SURE = 0.2  # least person_score of a person who must be found again; the estimator's --min_score
REPEATS = 10


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Largest errors that an export may have.

    Attributes:
      largest: error of one value, as a share of the head's largest magnitude.
      rms: root mean square of a head's errors, as a share of that of its values.
      oks: least mean OKS between the people that Keras finds and the export's nearest; of a
        detector the least mean intersection over union of boxes.
      ap: drop of the AP, 0..1; its mean counts, since intervals on few pictures are wide.
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
    "openvino": EXACT,
}


@dataclass(frozen=True, kw_only=True)
class HeadError:
    """The error of a head's maps against Keras's; `Thresholds` explains both figures."""

    largest: float
    rms: float


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Agreement of the people decoded from both.

    Attributes:
      people: number that Keras finds with a score of at least `SURE`; 0 makes `oks` 1.
      oks: mean over them of the OKS with the export's nearest person.
      lost: number of them without a person of OKS 0.5 in the export's answer.
      invented: the export's people with that score who have none in Keras's answer.
      measure: "OKS"; of a detector "IoU", the intersection over union of its boxes. Its people are
        the second look's, so that its boxes are compared instead, in all that is said above.
    """

    people: int
    oks: float
    lost: int
    invented: int
    measure: str = "OKS"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """AP of both on the same pictures; the interval of the difference is `low` to `high`."""

    pictures: int
    keras: float
    exported: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """Measurements of an export.

    Attributes:
      model, kind: the network's name and the format.
      source: of the pictures.
      pictures: their number.
      bytes: of the file or folder.
      milliseconds: median time for the first picture, with the runner's default threads.
      heads: errors by name.
      alike: agreement of the decoded people.
      cost: in AP; None without annotations.
      thresholds: the largest errors allowed.
      failures: one line per threshold that is exceeded; empty is a pass.
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
      height: base height of a flexible network's input, pixels; None takes the spec's.
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
      exported: as opened from its file; its spec says how pictures are laid in.
      pictures: (H, W, 3) uint8.
      kind: the format.
      source: of the pictures, for the report.
      size: bytes of the file.
      thresholds: None takes the format's in `THRESHOLDS`.
      annotated: pictures to measure the AP on; None does without.
    """
    thresholds = thresholds or THRESHOLDS[kind]
    keras = replace(keras, spec=exported.spec)
    heads = head_errors(keras, exported, pictures)
    if exported.spec.answers == "boxes":
        people = alike_boxes(_boxes_found(keras, pictures), _boxes_found(exported, pictures))
    else:
        people = alike(_found(keras, pictures), _found(exported, pictures))
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
    """The error of each head over all pictures; for a flexible spec at half its height, too.

    An error that is not a number counts as infinite.
    """
    sums = {name: _Sums() for name in exported.spec.channels}
    for picture in pictures:
        for image in _inputs(picture, exported.spec):
            wanted, found = keras.runner(image), exported.runner(image)
            for name, total in sums.items():
                sums[name] = total.with_maps(wanted[name], found[name])
    return {name: total.error() for name, total in sums.items()}


@dataclass(frozen=True, kw_only=True)
class _Sums:
    """Largest magnitudes and sums of squares of a head's errors and values, so far."""

    largest_error: float = 0.0
    squared_errors: float = 0.0
    largest_value: float = 0.0
    squared_values: float = 0.0

    def with_maps(self, wanted: Float, found: Float) -> "_Sums":
        if wanted.shape != found.shape:
            raise ValueError(f"Keras answers {wanted.shape}, the export {found.shape}")
        value = wanted.astype(np.float64)
        error = found - value
        return _Sums(
            largest_error=max(self.largest_error, _finite(np.abs(error).max())),
            squared_errors=self.squared_errors + _finite((error**2).sum()),
            largest_value=max(self.largest_value, float(np.abs(value).max())),
            squared_values=self.squared_values + float((value**2).sum()),
        )

    def error(self) -> HeadError:
        tiny = float(np.finfo(np.float32).tiny)
        squares = self.squared_errors / max(self.squared_values, tiny)
        return HeadError(
            largest=self.largest_error / max(self.largest_value, tiny), rms=math.sqrt(squares)
        )


def _finite(error: float) -> float:
    """The error; infinity for one that is not a number."""
    return math.inf if math.isnan(error) else float(error)


def _inputs(picture: UInt8, spec: PoseSpec) -> list[UInt8]:
    sizes = [spec.image]
    if spec.image.flexible:
        half = max(spec.image.height // 2 // spec.image.multiple, 1) * spec.image.multiple
        sizes.append(replace(spec.image, height=half))
    return [lay_in(picture, image) for image in sizes]


def _found(network: Network, pictures: Sequence[UInt8]) -> list[Poses]:
    """The people of each picture; for a top-down network each picture is one person's box."""
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


def _boxes_found(network: Network, pictures: Sequence[UInt8]) -> list[Float]:
    """A detector's boxes (N, 5) in each picture, in pixels of it."""
    estimator = estimator_of(network, second_look="auto")
    return [
        estimator.boxes(estimator.maps(picture), least=network.spec.decoder.min_box)
        for picture in pictures
    ]


def alike(wanted: Sequence[Poses], found: Sequence[Poses]) -> Alike:
    """Compares the people of each picture; a lost person has OKS 0."""
    return _agreement(
        [
            (_oks(first, second), first.person_score, second.person_score)
            for first, second in zip(wanted, found, strict=True)
        ],
        measure="OKS",
    )


def alike_boxes(wanted: Sequence[Float], found: Sequence[Float]) -> Alike:
    """Compares the boxes (N, 5) of each picture by their intersection over union, as `alike`."""
    return _agreement(
        [
            (_overlaps(first, second), first[:, 4], second[:, 4])
            for first, second in zip(wanted, found, strict=True)
        ],
        measure="IoU",
    )


def _agreement(pictures: Sequence[tuple[Float, Float, Float]], *, measure: str) -> Alike:
    """Of each picture the similarity (N, M), and the scores of Keras's people and the export's."""
    best: list[float] = []
    invented = 0
    for matrix, first, second in pictures:
        best += matrix.max(axis=1, initial=0)[first >= SURE].tolist()
        matched = matrix.max(axis=0, initial=0) >= 0.5
        invented += int(((second >= SURE) & ~matched).sum())
    return Alike(
        people=len(best),
        oks=float(np.mean(best)) if best else 1.0,
        lost=sum(value < 0.5 for value in best),
        invented=invented,
        measure=measure,
    )


def _overlaps(first: Float, second: Float) -> Float:
    """(N, M) intersection over union of boxes (N, 5) and (M, 5)."""
    rows = [box_map.overlaps(box[:4], second[:, :4]) for box in first]
    return np.array(rows, np.float32).reshape(len(first), len(second))


def _oks(first: Poses, second: Poses) -> Float:
    """(N, M) OKS over the keypoints that `first` has; one that `second` lacks has similarity 0."""
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
        failures.append(
            f"{people.measure} with Keras {people.oks:.3f}, at least {limits.oks} is wanted"
        )
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
