"""A network over a set of pictures: COCO's AP and AR, with the estimator in the loop.

What is measured is what ships: the estimator's preprocessing, runner and decoder answer every
picture, and their people, in the picture's own pixels, are compared with the annotations.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from estimator import writers
from estimator.arrays import UInt8
from estimator.averaging import Averaging
from estimator.person_boxes import PersonBox
from estimator.pose_estimator import PoseEstimator
from estimator.poses import Poses
from estimator.skeleton import mapping

from . import networks, person_boxes, suppression, truth
from .metrics import coco
from .metrics.intervals import intervals
from .networks import Network
from .picture_files import Pictures
from .picture_reader import PictureReader
from .prediction import Request, predict
from .suppression import Suppression
from .truth import Truth


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How pictures are read and figures taken.

    Attributes:
      averaging: over the mirrored picture, over sizes.
      batch: pictures at a time; None leaves it to the network.
      subset: evaluate so many pictures, drawn with `seed`; None takes all.
      seed: of the subset and the bootstrap.
      suppression: of two answers for one person.
      draws: of the bootstrap; 0 leaves intervals out.
      confidence: of the intervals.
    """

    averaging: Averaging = field(default_factory=Averaging)
    batch: int | None = None
    subset: int | None = None
    seed: int = 0
    suppression: Suppression = field(default_factory=Suppression)
    draws: int = 1000
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.draws < 0 or not 0 < self.confidence < 1:
            raise ValueError(
                "draws must be at least 0 and confidence between 0 and 1, found "
                f"{self.draws} and {self.confidence}"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What an evaluation found.

    Attributes:
      network: its name.
      settings: as evaluated.
      truth: the annotations.
      image_ids: the pictures that were read and count.
      unread: one line for each picture that could not be read; they count nowhere.
      results: in COCO's results format.
      evaluation: the results matched to people.
      scores: COCO's figures over `image_ids`.
      intervals: their ends, by name; empty without draws.
      seconds: for reading, running and decoding.
    """

    network: str
    settings: Settings
    truth: Truth
    image_ids: tuple[int, ...]
    unread: tuple[str, ...]
    results: tuple[Mapping[str, Any], ...]
    evaluation: coco.Evaluation
    scores: coco.Scores
    intervals: Mapping[str, tuple[float, float]]
    seconds: float


def evaluate(
    network: Network | PoseEstimator,
    annotations: str | Path | Truth,
    images: Pictures | Iterable[str | Path],
    *,
    settings: Settings | None = None,
    boxes: person_boxes.Source | None = None,
    progress: bool = False,
) -> Report:
    """Measures a network.

    Args:
      network: `networks.load` opens files, `networks.of_keras` takes a model in memory.
      annotations: COCO keypoints; `truth.read` reads them once for many evaluations.
      images: folders and zips with the pictures.
      settings: the defaults if not given.
      boxes: where a top-down network looks; the annotated boxes if not given.
      progress: show a bar.

    Raises:
      FileNotFoundError: annotations, a folder or a zip does not exist.
      ValueError: the annotations are not COCO's keypoint format or of other keypoints than the
        network can give, no picture can be read, or a setting does not fit the network.
    """
    settings = settings or Settings()
    if isinstance(network, PoseEstimator):
        network = networks.of_estimator(network)
    if not isinstance(annotations, Truth):
        annotations = truth.read(annotations, known=(network.spec.skeleton,))
    _check_keypoints(network, annotations)
    if not isinstance(images, Pictures):
        images = Pictures(map(Path, images))
    chosen = tuple(annotations.images)
    if settings.subset is not None:
        chosen = truth.subset(chosen, settings.subset, settings.seed)
    reader = PictureReader(annotations, images, chosen)
    begin = time.monotonic()
    found = _people(network, reader, annotations, settings, boxes, progress)
    reader.check()
    results = [
        result
        for image_id in reader.image_ids
        for result in writers.coco_results(
            found.get(image_id, Poses.empty(network.spec.skeleton)), image_id, annotations.skeleton
        )
    ]
    return _report(network.name, annotations, reader, results, settings, time.monotonic() - begin)


def _report(
    name: str,
    annotations: Truth,
    reader: PictureReader,
    results: list[dict[str, Any]],
    settings: Settings,
    seconds: float,
) -> Report:
    evaluation = coco.evaluate(
        annotations.tree(),
        results,
        image_ids=reader.image_ids,
        sigmas=annotations.skeleton.sigmas,
    )
    ends: Mapping[str, tuple[float, float]] = {}
    if settings.draws:
        ends = intervals(
            evaluation, draws=settings.draws, confidence=settings.confidence, seed=settings.seed
        )
    return Report(
        network=name,
        settings=settings,
        truth=annotations,
        image_ids=evaluation.image_ids,
        unread=tuple(reader.unread),
        results=tuple(results),
        evaluation=evaluation,
        scores=evaluation.scores(),
        intervals=ends,
        seconds=seconds,
    )


def _check_keypoints(network: Network, annotations: Truth) -> None:
    if not mapping(network.spec.skeleton, annotations.skeleton).any():
        raise ValueError(
            f"{network.name} finds {', '.join(network.spec.skeleton.keypoints)}; "
            f"{annotations.path} has none of them: {', '.join(annotations.skeleton.keypoints)}"
        )


def _people(
    network: Network,
    reader: PictureReader,
    annotations: Truth,
    settings: Settings,
    boxes: person_boxes.Source | None,
    progress: bool,
) -> dict[int, Poses]:
    """The people of every picture, by image id, suppressed as the settings say."""
    top_down = network.spec.image.fit == "crop"
    if boxes is not None and not top_down:
        raise ValueError(f"{network.name} finds people by itself; boxes are for top-down networks")
    stream = tqdm(
        reader, total=len(reader.chosen), unit="picture", disable=not progress, smoothing=0.05
    )
    requests: Iterator[Request] = (Request(key=(i, 0), picture=picture) for i, picture in stream)
    looks: dict[tuple[int, int], PersonBox] = {}
    if top_down:
        requests = _cut(stream, boxes or person_boxes.of_truth(annotations), looks)
    parts: dict[int, dict[int, Poses]] = defaultdict(dict)
    answers = predict(network, requests, averaging=settings.averaging, batch=settings.batch)
    for (image_id, number), poses in answers:
        parts[image_id][number] = poses
    found = {}
    for image_id, numbered in parts.items():
        if top_down:
            answer = suppression.top_down(
                [(looks[image_id, number], poses) for number, poses in sorted(numbered.items())],
                network.spec.image,
                settings.suppression,
            )
        else:
            answer = suppression.bottom_up(numbered[0], settings.suppression)
        found[image_id] = answer
    return found


def _cut(
    stream: Iterable[tuple[int, UInt8]],
    source: person_boxes.Source,
    looks: dict[tuple[int, int], PersonBox],
) -> Iterator[Request]:
    """A request for every box of every picture; notes the boxes."""
    for image_id, picture in stream:
        for number, look in enumerate(source(image_id, picture)):
            if look.box[2] > 0 and look.box[3] > 0:
                looks[image_id, number] = look
                yield Request(key=(image_id, number), picture=picture, box=look.box)
