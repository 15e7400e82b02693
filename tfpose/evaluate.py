"""A network over a set of pictures: COCO's AP and AR, with the estimator in the loop.

What is measured is what ships: the estimator's preprocessing, runner and decoder answer every
picture, and their people, in the picture's own pixels, are compared with the annotations.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging
from tqdm import tqdm

from estimator import geometry, pictures
from estimator.arrays import Float, UInt8
from estimator.pose_estimator import PoseEstimator
from estimator.poses import Poses
from estimator.skeleton import mapping
from estimator.spec import ImageSpec

from . import networks, person_boxes, truth
from .averaging import Averaging
from .metrics import coco, oks
from .metrics.intervals import intervals
from .networks import Network
from .person_boxes import HIGHER, WIDER, PersonBox
from .pictures import BadPicture, Pictures
from .prediction import Request, predict
from .records import AREA_OF_BOX
from .truth import Truth

SUPPRESSIONS = ("none", "hard", "soft")  # of answers alike, by OKS; soft lowers their score


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How pictures are read and figures taken.

    Attributes:
      averaging: over the mirrored picture, over sizes.
      batch: pictures at a time; None leaves it to the network.
      subset: evaluate so many pictures, drawn with `seed`; None takes all.
      seed: of the subset and the bootstrap.
      suppress: one of SUPPRESSIONS.
      oks_limit: how alike two answers may be.
      visible_above: top-down only: keypoints with a higher score count in a person's score and
        similarity; HRNet's IN_VIS_THRE.
      draws: of the bootstrap; 0 leaves intervals out.
      confidence: of the intervals.
    """

    averaging: Averaging = field(default_factory=Averaging)
    batch: int | None = None
    subset: int | None = None
    seed: int = 0
    suppress: str = "none"
    oks_limit: float = oks.OKS_LIMIT
    visible_above: float = 0.2
    draws: int = 1000
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.suppress not in SUPPRESSIONS:
            raise ValueError(f"suppress must be one of {SUPPRESSIONS}, found {self.suppress!r}")
        if not 0 < self.oks_limit <= 1:
            raise ValueError(f"oks_limit must be above 0, at most 1; found {self.oks_limit}")
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
    reader = _Reader(annotations, images, settings)
    begin = time.monotonic()
    found = _people(network, reader, settings, boxes, progress)
    reader.check()
    results = [
        result
        for image_id in reader.image_ids
        for result in coco.to_results(
            found.get(image_id, Poses.empty(network.spec.skeleton)), image_id, annotations.skeleton
        )
    ]
    return _report(network.name, annotations, reader, results, settings, time.monotonic() - begin)


def _report(
    name: str,
    annotations: Truth,
    reader: "_Reader",
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


class _Reader:
    """Reads the chosen pictures one after the other, and keeps account of those it cannot."""

    def __init__(self, annotations: Truth, images: Pictures, settings: Settings) -> None:
        self._truth, self._images = annotations, images
        chosen = tuple(annotations.images)
        if settings.subset is not None:
            chosen = truth.subset(chosen, settings.subset, settings.seed)
        if not chosen:
            raise ValueError(f"{annotations.path} lists no pictures")
        self.chosen = chosen
        self.image_ids: list[int] = []
        self.unread: list[str] = []

    def __iter__(self) -> Iterator[tuple[int, UInt8]]:
        for image_id in self.chosen:
            entry = self._truth.images[image_id]
            try:
                picture = pictures.read(self._images.read(entry["file_name"]))
                _check_size(picture, entry)
            except (BadPicture, ValueError) as error:
                self.unread.append(f"{entry['file_name']}: {error}")
                logging.warning("left out %s", self.unread[-1])
                continue
            self.image_ids.append(image_id)
            yield image_id, picture

    def check(self) -> None:
        if not self.image_ids:
            where = ", ".join(map(str, self._images.containers))
            raise ValueError(
                f"none of the {len(self.chosen)} pictures of {self._truth.path} can be read from "
                f"{where}; the first: {self.unread[0]}"
            )


def _check_size(picture: UInt8, entry: Mapping[str, Any]) -> None:
    said = (entry.get("height"), entry.get("width"))
    if None not in said and said != picture.shape[:2]:
        raise ValueError(
            f"the picture has {picture.shape[0]}x{picture.shape[1]} (height x width), its "
            f"annotation says {said[0]}x{said[1]}"
        )


def _people(
    network: Network,
    reader: _Reader,
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
    looks: dict[tuple[int, int], PersonBox] = {}
    requests: Iterator[Request] = (Request(key=(i, 0), picture=picture) for i, picture in stream)
    if top_down:
        source = boxes or person_boxes.of_truth(reader.truth)
        requests = _cut(stream, source, looks)
    parts: dict[int, dict[int, Poses]] = defaultdict(dict)
    for (image_id, number), poses in predict(
        network, requests, averaging=settings.averaging, batch=settings.batch
    ):
        parts[image_id][number] = poses
    return {
        image_id: _picture_s_people(image_id, numbered, looks, network.spec.image, settings)
        for image_id, numbered in parts.items()
    }


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


def _picture_s_people(
    image_id: int,
    numbered: Mapping[int, Poses],
    looks: Mapping[tuple[int, int], PersonBox],
    image: ImageSpec,
    settings: Settings,
) -> Poses:
    order = sorted(numbered)
    if not looks:  # bottom-up: one answer a picture
        poses = numbered[order[0]]
        return _suppressed(poses, _areas(poses), 0.0, settings)
    poses = _joined([numbered[number] for number in order])
    here = [looks[image_id, number] for number in order]
    poses = _rescored(poses, [look.score for look in here], settings.visible_above)
    areas = np.array([_cut_area(look, image) for look in here], np.float32)
    return _suppressed(poses, areas, settings.visible_above, settings)


def _joined(parts: Sequence[Poses]) -> Poses:
    return Poses(
        skeleton=parts[0].skeleton,
        xy=np.concatenate([poses.xy for poses in parts]),
        score=np.concatenate([poses.score for poses in parts]),
        person_score=np.concatenate([poses.person_score for poses in parts]),
    )


def _rescored(poses: Poses, boxes: Sequence[float], visible_above: float) -> Poses:
    """HRNet's person score: the box's, times the mean of the keypoints' that are sure enough."""
    sure = poses.score > visible_above
    total = np.where(sure, poses.score, 0).sum(axis=1)
    mean = total / np.maximum(sure.sum(axis=1), 1)
    return Poses(
        skeleton=poses.skeleton,
        xy=poses.xy,
        score=poses.score,
        person_score=(mean * np.asarray(boxes)).astype(np.float32),
    )


def _cut_area(look: PersonBox, image: ImageSpec) -> float:
    """The area of what is cut out for a box: what HRNet takes for the person's."""
    matrix = geometry.crop_matrix(look.box, image.height, image.width, padding=image.box_padding)
    return image.height * image.width / float(matrix[0, 0]) ** 2


def _areas(poses: Poses) -> Float:
    """(N,) people's usual areas, by the boxes of their keypoints."""
    boxes = poses.boxes
    return np.asarray(
        AREA_OF_BOX * WIDER * HIGHER * (boxes[:, 2] + 1) * (boxes[:, 3] + 1), np.float32
    )


def _suppressed(poses: Poses, areas: Float, visible_above: float, settings: Settings) -> Poses:
    if settings.suppress == "none" or len(poses) < 2:
        return poses
    alike = oks.between(
        poses.xy,
        poses.score,
        areas,
        sigmas=poses.skeleton.sigmas,
        visible_above=visible_above,
    )
    if settings.suppress == "hard":
        return poses.select(oks.suppress(alike, poses.person_score, limit=settings.oks_limit))
    order, score = oks.suppress_softly(alike, poses.person_score, limit=settings.oks_limit)
    lowered = Poses(skeleton=poses.skeleton, xy=poses.xy, score=poses.score, person_score=score)
    return lowered.select(order)
