"""A network over a set of pictures: COCO's AP and AR, with the estimator in the loop.

What is measured is what ships: the estimator's preprocessing, runner and decoder answer every
picture, and their people, in the picture's own pixels, are compared with the annotations.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from estimator.arrays import UInt8
from estimator.inputs.averaging import Averaging
from estimator.outputs.results import coco_results
from estimator.people import suppression
from estimator.people.boxes import PersonBox, usable
from estimator.people.suppression import Suppression
from estimator.pose_estimator import PoseEstimator
from estimator.poses import Poses, concatenate
from estimator.second_look.options import Options as SecondLook
from estimator.skeleton import mapping

from ..data.annotations.labels import ImageId
from ..data.picture_files import Pictures
from . import annotations as truth
from . import boxes as person_boxes
from . import network as networks
from .annotations import Truth
from .metrics import coco
from .metrics import parts as body_parts
from .metrics.intervals import intervals
from .network import Network
from .picture_reader import PictureReader
from .prediction import Request, measured, predict


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How pictures are read and figures taken.

    Attributes:
      averaging: over the mirrored picture, over sizes.
      batch: pictures at a time; None leaves it to the network.
      subset: evaluate so many pictures, drawn with `seed`; None takes all.
      seed: of the subset and the bootstrap.
      suppression: how two answers for one person are resolved; the default is what ships.
      second_look: as `PoseEstimator` takes it. By default the network is measured alone.
      draws: of the bootstrap; 0 leaves intervals out.
      confidence: of the intervals.
    """

    averaging: Averaging = field(default_factory=Averaging)
    batch: int | None = None
    subset: int | None = None
    seed: int = 0
    suppression: Suppression = field(default_factory=Suppression)
    second_look: str | SecondLook = "off"
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
      parts: figures of each part of a whole body (`metrics.parts`); empty for other skeletons.
      seconds: for reading, running and decoding.
    """

    network: str
    settings: Settings
    truth: Truth
    image_ids: tuple[ImageId, ...]
    unread: tuple[str, ...]
    results: tuple[Mapping[str, Any], ...]
    evaluation: coco.Evaluation
    scores: coco.Scores
    intervals: Mapping[str, tuple[float, float]]
    seconds: float
    parts: Mapping[str, coco.Scores] = field(default_factory=dict)


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
      network: `network.load` opens files, `network.of_keras` takes a model in memory. A
        `PoseEstimator` is measured with its second look, whatever the settings say.
      annotations: COCO keypoints; `annotations.read` reads them once for many evaluations, and
        `Truth.upright` turns them once.
      images: folders and zips with the pictures.
      settings: the defaults if not given.
      boxes: where a top-down network looks; the annotated boxes if not given.
      progress: show a bar.

    Raises:
      FileNotFoundError: annotations, a folder or a zip does not exist.
      ValueError: the annotations are not COCO's keypoint format or of other keypoints than the
        network's, no picture can be read, nobody is in them, or a setting does not fit.
    """
    settings = settings or Settings()
    if isinstance(network, PoseEstimator):
        settings = replace(settings, second_look=network.second_look)
        network = networks.of_estimator(network)
    settings = replace(settings, second_look=measured(settings.second_look, network))
    if not isinstance(annotations, Truth):
        annotations = truth.read(annotations, known=(network.spec.skeleton,))
    _check_keypoints(network, annotations)
    if not isinstance(images, Pictures):
        images = Pictures(map(Path, images))
    annotations = annotations.upright(images)
    chosen = tuple(annotations.images)
    if settings.subset is not None:
        chosen = truth.subset(chosen, settings.subset, settings.seed)
    reader = PictureReader(annotations, images, chosen)
    begin = time.monotonic()
    settings = replace(settings, suppression=settings.suppression.resolved(network.spec.image))
    found = _people(network, reader, annotations, settings, boxes, progress)
    reader.check()
    results = [
        result
        for image_id in reader.image_ids
        for result in coco_results(
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
        parts=body_parts.evaluate(
            annotations.tree(), results, image_ids=reader.image_ids, skeleton=annotations.skeleton
        ),
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
) -> dict[ImageId, Poses]:
    """The people of every picture, by image id, suppressed as the settings say."""
    image, top_down = network.spec.image, network.spec.image.fit == "crop"
    if boxes is not None and not top_down:
        raise ValueError(f"{network.name} finds people by itself; boxes are for top-down networks")
    stream = tqdm(
        reader, total=len(reader.chosen), unit="picture", disable=not progress, smoothing=0.05
    )
    requests = _whole(stream)
    if top_down:
        requests = _cut(stream, boxes or person_boxes.of_truth(annotations))
    answers: dict[ImageId, list[tuple[_Key, Poses]]] = defaultdict(list)
    for key, poses in predict(
        network,
        requests,
        averaging=settings.averaging,
        batch=settings.batch,
        second_look=settings.second_look,
    ):
        answers[key.image_id].append((key, poses))
    found = {}
    for image_id, numbered in answers.items():
        keys, parts = zip(*sorted(numbered, key=lambda answer: answer[0].number), strict=True)
        poses = concatenate(parts, network.spec.skeleton)
        looked = [key.box for key in keys if key.box is not None]
        found[image_id] = (
            suppression.top_down(poses, looked, image, settings.suppression)
            if top_down
            else suppression.bottom_up(poses, image, settings.suppression)
        )
    return found


class _Key(NamedTuple):
    """What an answer is of: a picture, and of a top-down network one box of it."""

    image_id: ImageId
    number: int = 0
    box: PersonBox | None = None


def _whole(stream: Iterable[tuple[ImageId, UInt8]]) -> Iterator[Request]:
    """A request for every picture."""
    for image_id, picture in stream:
        yield Request(key=_Key(image_id), picture=picture)


def _cut(stream: Iterable[tuple[ImageId, UInt8]], source: person_boxes.Source) -> Iterator[Request]:
    """A request for every box of every picture."""
    for image_id, picture in stream:
        for number, box in enumerate(usable(source(image_id, picture))):
            yield Request(key=_Key(image_id, number, box), picture=picture, box=box.box)
