"""Labels pictures with detectors and top-down teachers, in one process or several.

It writes what `labels.label` writes, and is resumed alike.
"""

import dataclasses
import functools
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from estimator.inputs.averaging import Averaging
from estimator.poses import Poses
from estimator.skeleton import mapping

from ..data.picture_files import Pictures
from ..evaluation.network import Network
from ..evaluation.network import load as load_network
from ..evaluation.prediction import Request, predict
from . import labels
from .detectors import open_detectors
from .labels import Named, Outcome, Row
from .person_network import open_teacher
from .picture_labels import Settings, of_picture
from .top_down import Recipe, TopDown

SURE = 0.43  # score from which a person is labelled; 98% of them were right on COCO's pictures
AHEAD = 8  # pictures sent to a process at a time


@dataclass(frozen=True, kw_only=True)
class Labellers:
    """The networks of a labelling run.

    Attributes:
      detectors: files of `detectors.open_detectors`.
      teachers: files of `person_network.open_teacher`.
      model: a bottom-up network that finds people, too; None for none.
      height: of its input; None for its own.
      recipe: how answers are joined.
      region: least score of a box that is ignored where nobody was labelled.
    """

    detectors: tuple[Path, ...]
    teachers: tuple[Path, ...]
    model: str | None = None
    height: int | None = None
    recipe: Recipe = field(default_factory=Recipe)
    region: float = 0.15


def label(
    labellers: Labellers,
    images: Pictures,
    path: Path,
    *,
    settings: Settings,
    processes: int = 1,
    progress: bool = False,
) -> Outcome:
    """Labels every picture of folders and zips.

    Args:
      labellers: the networks, and how they are asked.
      images: the pictures. Files with other suffixes are skipped.
      path: of the .json to write; PATH.partial beside it holds the rows so far.
      settings: thresholds, skeleton, and how often a bottom-up network looks. `seen` is not used:
        people who are not labelled are ignored where a box of `labellers.region` or more is.
      processes: number of processes, one core each.
      progress: shows a bar.

    Raises:
      FileNotFoundError, ImportError, ValueError: a network cannot be opened, there are no pictures,
        or the partial file was begun with other networks or settings.
    """
    work = _Work(labellers, images, settings)

    def rows(names: Sequence[str]) -> Iterator[Row]:
        found = _labelled(work, names, processes)
        yield from tqdm(found, total=len(names), unit="picture", disable=not progress)

    return labels.write(rows, images, path, _header(labellers, settings), settings.skeleton)


@dataclass(frozen=True)
class _Work:
    labellers: Labellers
    images: Pictures
    settings: Settings


def _labelled(work: _Work, names: Sequence[str], processes: int) -> Iterator[Row]:
    if processes == 1 or len(names) < 2:
        yield from map(_worker(work), names)
        return
    _worker(work)  # a pool would start processes for ever where a network cannot be opened
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _start, (work,)) as pool:
        yield from pool.imap_unordered(_label, names, chunksize=min(AHEAD, len(names)))


_worker_of_process: Callable[[str], Row]


def _start(work: _Work) -> None:
    """Opens the networks, once per process."""
    global _worker_of_process
    _worker_of_process = _worker(work)


def _label(name: str) -> Row:
    """What a pool can send to a process."""
    return _worker_of_process(name)


def _worker(work: _Work) -> Callable[[str], Row]:
    label_one = _opened(work.labellers, work.settings)
    return lambda name: label_one((name, functools.partial(work.images.read, name)))


@dataclass(frozen=True, kw_only=True)
class ByPeople:
    """Labelling by detectors and top-down teachers, for processes that open them themselves.

    Attributes:
      labellers: the networks.
      settings: of the labels.
    """

    labellers: Labellers
    settings: Settings

    def open(self) -> Callable[[Iterable[Named]], Iterator[Row]]:
        """Opens the networks; returns what labels pictures.

        Raises:
          FileNotFoundError, ImportError, ValueError: a network cannot be opened.
        """
        label_one = _opened(self.labellers, self.settings)
        return lambda named: map(label_one, named)

    def header(self) -> dict[str, Any]:
        """The options that must be the same for a run to be resumed."""
        return _header(self.labellers, self.settings)


def _opened(labellers: Labellers, settings: Settings) -> Callable[[Named], Row]:
    """Opens the networks; returns what labels one picture."""
    cv2.setNumThreads(1)
    labeller = TopDown(
        open_detectors(labellers.detectors), open_teacher(labellers.teachers), labellers.recipe
    )
    if not mapping(labeller.teacher.skeleton, settings.skeleton).any():
        raise ValueError(
            f"the teachers have skeleton {labeller.teacher.skeleton.name!r}, which shares no "
            f"keypoint with {settings.skeleton.name!r}"
        )
    network = None
    if labellers.model is not None:
        network = load_network(labellers.model, threads=1)
        if network.spec.image.fit != "letterbox":
            raise ValueError(
                f"{network.name} needs boxes of people: as --model give a bottom-up network, as "
                "--teachers top-down ones"
            )
        if labellers.height is not None:
            network = network.with_height(labellers.height)
    return functools.partial(_row, labellers, settings, labeller, network)


def _row(
    labellers: Labellers,
    settings: Settings,
    labeller: TopDown,
    network: Network | None,
    named: Named,
) -> Row:
    name, load = named
    picture = labels.opened(name, load)
    if isinstance(picture, dict):
        return picture
    found = None
    if network is not None:
        found = _found(network, Request(key=name, picture=picture), settings.averaging)
    poses, boxes = labeller(picture, found)
    height, width = picture.shape[:2]
    regions = boxes[boxes[:, 4] >= labellers.region, :4]
    settings = dataclasses.replace(
        settings,
        thresholds=dataclasses.replace(settings.thresholds, seen=settings.thresholds.person),
    )
    size = {"file_name": name, "height": height, "width": width}
    return size | of_picture(poses, height, width, settings, boxes=regions)


def _found(network: Network, request: Request, averaging: Averaging) -> Poses:
    ((_, poses),) = predict(network, [request], averaging=averaging)
    return poses


def _header(labellers: Labellers, settings: Settings) -> dict[str, Any]:
    """The options that must be the same for a run to be resumed, as JSON gives them back."""
    header = {
        "detectors": [path.name for path in labellers.detectors],
        "teachers": [path.name for path in labellers.teachers],
        "model": labellers.model and Path(labellers.model).name,
        "height": labellers.height,
        "recipe": dataclasses.asdict(labellers.recipe),
        "region": labellers.region,
        "thresholds": dataclasses.asdict(settings.thresholds),
        "averaging": dataclasses.asdict(settings.averaging),
        "skeleton": settings.skeleton.name,
    }
    plain: dict[str, Any] = json.loads(json.dumps(header))
    return plain
