"""A teacher's labels for unlabelled pictures: COCO annotations with regions to ignore.

A person with a high score becomes an annotation. A person or a keypoint with a lower score becomes
a region that the student's loss ignores: whether somebody is there is not known. All regions of a
picture are one `iscrowd` annotation with a run-length encoding, like COCO's crowds.

A run over many pictures may be killed at any moment and is resumed: every picture is one line of
FILE.partial, and FILE appears whole when all are done.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from absl import logging
from tqdm import tqdm

from estimator import pictures
from estimator.arrays import UInt8
from estimator.skeleton import Skeleton, mapping

from ..data.picture_files import Pictures
from ..evaluation import network as networks
from ..evaluation.network import Network
from ..evaluation.prediction import Request, predict
from . import label_file
from .picture_labels import Settings, of_picture

Row: TypeAlias = dict[str, Any]  # the labels of one picture (label_file.py)
Named: TypeAlias = tuple[str, Callable[[], bytes]]  # a picture's name, and what reads its file


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Counts of a labelling run.

    Attributes:
      pictures: in the file, those without people included.
      people: annotations.
      ignored: pictures with a region to ignore.
      unread: one line per picture that could not be read and is not in the file.
      resumed: pictures that an earlier run had labelled.
    """

    pictures: int
    people: int
    ignored: int
    unread: tuple[str, ...]
    resumed: int


def label(
    network: Network,
    images: Pictures,
    path: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    progress: bool = False,
) -> Outcome:
    """Labels every picture of folders and zips.

    Args:
      network: the teacher; bottom-up, since there are no boxes.
      images: the pictures. Files with other suffixes are skipped.
      path: of the .json to write; PATH.partial beside it holds the rows so far.
      settings: None takes the defaults.
      progress: shows a bar.

    Raises:
      ValueError: the network needs boxes or has none of the skeleton's keypoints, there are no
        pictures, or the partial file was begun with other settings.
    """
    settings = settings or Settings()
    _check(network, settings.skeleton)

    def rows_of(names: Sequence[str]) -> Iterator[Row]:
        return _rows(network, images, names, settings, progress)

    return write(rows_of, images, Path(path), _header(network, settings), settings.skeleton)


def write(
    rows_of: Callable[[Sequence[str]], Iterator[Row]],
    images: Pictures,
    path: Path,
    header: dict[str, Any],
    skeleton: Skeleton,
) -> Outcome:
    """Labels the pictures that an earlier run has not, and writes the file when all are done.

    Args:
      rows_of: labels pictures, given by their names, in any order.
      images: the pictures. Files with other suffixes are skipped.
      path: of the .json to write.
      header: the options that must be the same for a run to be resumed.
      skeleton: of the labels.

    Raises:
      ValueError: there are no pictures, or the partial file was begun with another header.
    """
    names = images.photographs()
    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    known = label_file.resume(partial, header)
    resumed = len(known)
    with partial.open("a", encoding="utf-8") as file:
        for row in rows_of([name for name in names if name not in known]):
            file.write(json.dumps(row) + "\n")
            file.flush()
            known[row["file_name"]] = row
    done = [known[name] for name in names]
    info = {"description": "labelled by a network, not by people", **header}
    label_file.write(path, done, info, skeleton)
    partial.unlink()
    return outcome(done, resumed)


def outcome(rows: Sequence[Row], resumed: int) -> Outcome:
    """Counts the rows of all pictures; of them an earlier run had labelled `resumed`."""
    return Outcome(
        pictures=sum("unread" not in row for row in rows),
        people=sum(len(row.get("people", ())) for row in rows),
        ignored=sum("ignored" in row for row in rows),
        unread=tuple(row["unread"] for row in rows if "unread" in row),
        resumed=resumed,
    )


@dataclass(frozen=True, kw_only=True)
class ByNetwork:
    """Labelling by one bottom-up network, for processes that open it themselves.

    Attributes:
      model: path or name, as `network.load` takes it.
      threads: of its engine; None leaves it to the engine.
      height: of its input; None for its own.
      settings: of the labels.
    """

    model: str
    threads: int | None = None
    height: int | None = None
    settings: Settings

    def network(self) -> Network:
        """The network, opened and checked.

        Raises:
          FileNotFoundError, ImportError, ValueError: it cannot be opened, or cannot label.
        """
        network = networks.load(self.model, threads=self.threads, workers=True)
        if self.height is not None:
            network = network.with_height(self.height)
        _check(network, self.settings.skeleton)
        return network

    def open(self) -> Callable[[Iterable[Named]], Iterator[Row]]:
        """Opens the network; returns what labels pictures."""
        network = self.network()
        return lambda named: rows(network, named, self.settings)

    def header(self) -> dict[str, Any]:
        """The options that must be the same for a run to be resumed."""
        return _header(self.network(), self.settings)


def _check(network: Network, skeleton: Skeleton) -> None:
    if network.spec.image.fit != "letterbox":
        raise ValueError(f"a teacher must be bottom-up; {network.name} needs boxes of people")
    if not mapping(network.spec.skeleton, skeleton).any():
        raise ValueError(
            f"{network.name} has skeleton {network.spec.skeleton.name!r}, which shares no keypoint "
            f"with {skeleton.name!r}"
        )


class _Readable:
    """The pictures that can be read, as requests.

    Attributes:
      unread: a row for each picture that could not be read so far.
    """

    def __init__(self, named: Iterable[Named]) -> None:
        self._named = named
        self.unread: list[Row] = []

    def __iter__(self) -> Iterator[Request]:
        for name, load in self._named:
            picture = opened(name, load)
            if isinstance(picture, dict):
                self.unread.append(picture)
            else:
                yield Request(key=(name, *picture.shape[:2]), picture=picture)


def opened(name: str, load: Callable[[], bytes]) -> UInt8 | Row:
    """Reads a picture, (H, W, 3); the row of one that cannot be read says why, and is logged."""
    kind = "read"
    try:
        data = load()
        kind = "decode"
        return pictures.read(data)
    except (OSError, ValueError) as error:
        logging.warning("skipped %s: %s", name, error)
        return {"file_name": name, "unread": f"{name}: {error}", "kind": kind}


def _rows(
    network: Network, images: Pictures, names: Sequence[str], settings: Settings, progress: bool
) -> Iterator[Row]:
    bar = tqdm(names, unit="picture", disable=not progress, smoothing=0.05)
    named = ((name, functools.partial(images.read, name)) for name in bar)
    yield from rows(network, named, settings)


def rows(network: Network, named: Iterable[Named], settings: Settings) -> Iterator[Row]:
    """Labels pictures.

    Args:
      network: the teacher.
      named: the pictures.
      settings: of the labels.

    Yields:
      A row per picture: in completion order, those that could not be read last.
    """
    readable = _Readable(named)
    answers = predict(network, readable, averaging=settings.averaging, batch=settings.batch)
    for (name, height, width), poses in answers:
        size = {"file_name": name, "height": height, "width": width}
        yield size | of_picture(poses, height, width, settings)
    yield from readable.unread


def _header(network: Network, settings: Settings) -> dict[str, Any]:
    """The options that must be the same for a run to be resumed, as JSON gives them back."""
    header = {
        "teacher": Path(network.name).name,
        "height": network.spec.image.height,
        "width": network.spec.image.width,
        "thresholds": dataclasses.asdict(settings.thresholds),
        "averaging": dataclasses.asdict(settings.averaging),
        "skeleton": settings.skeleton.name,
    }
    plain: dict[str, Any] = json.loads(json.dumps(header))
    return plain
