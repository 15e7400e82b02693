"""Runs a top-down network on MPII's people, one box each, for PCKh.

People come from HRNet's JSON files, whose order is that of its truth (gt_valid.mat).
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io
from absl import logging
from tqdm import tqdm

from estimator import pictures, skeletons
from estimator.arrays import Float
from estimator.inputs.averaging import Averaging
from estimator.skeleton import mapping

from ..data.picture_files import BadPicture, Pictures
from ..datasets import mpii
from .network import Network
from .prediction import Request, predict


@dataclass(frozen=True, kw_only=True, eq=False)
class People:
    """N answers, in the order of the JSON.

    Attributes:
      xy: (N, 16, 2) joints of mpii16, 1-based as MPII's; NaN where not found.
      unread: one line per person whose picture could not be read; their joints are NaN.
    """

    xy: Float
    unread: tuple[str, ...]


def read_people(
    network: Network,
    people: Path,
    images: Pictures,
    *,
    averaging: Averaging | None = None,
    batch: int | None = None,
    progress: bool = False,
) -> People:
    """Runs a network on every person of HRNet's valid.json.

    Args:
      network: top-down; its skeleton shares keypoints with mpii16.
      people: the JSON file.
      images: the folder or zip of MPII's pictures.
      averaging: of flips and scales; None averages nothing.
      batch: people per batch; None leaves it to the network.
      progress: shows a bar.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is none of HRNet's, no picture can be read, or the network does not fit.
    """
    skeleton = skeletons.get("mpii16")
    if not mapping(network.spec.skeleton, skeleton).any():
        raise ValueError(
            f"{network.name} has no joint of mpii16: {network.spec.skeleton.keypoints}"
        )
    if not people.is_file():
        raise FileNotFoundError(f"no MPII people at {people}")
    boxes = _boxes(people)
    xy = np.full((len(boxes), len(skeleton.keypoints), 2), np.nan, np.float32)
    unread: list[str] = []

    def requests() -> Iterator[Request]:
        for index, (name, box) in enumerate(tqdm(boxes, unit="person", disable=not progress)):
            try:
                picture = pictures.read(images.read(name))
            except (BadPicture, ValueError) as error:
                logging.warning("skipped a person of %s: %s", name, error)
                unread.append(f"{name}: {error}")
                continue
            yield Request(key=index, picture=picture, box=box)

    for index, poses in predict(network, requests(), averaging=averaging, batch=batch):
        xy[index] = poses.to_skeleton(skeleton).xy[0] + mpii.ORIGIN
    if len(unread) == len(boxes):
        raise ValueError(f"none of the {len(boxes)} people's pictures can be read: {unread[:1]}")
    return People(xy=xy, unread=tuple(unread))


def write_mat(people: People, path: Path) -> None:
    """Writes pred.mat in the format of HRNet and FPD: `preds` (N, 16, 2), 1-based."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {"preds": people.xy})


def _boxes(people: Path) -> list[tuple[str, list[float]]]:
    """Picture and box of every person, in the file's order."""
    samples = {sample.picture: sample for sample in mpii.json_samples(people)}
    seen: Counter[str] = Counter()
    boxes = []
    for entry in json.loads(people.read_bytes()):
        name = entry["image"]
        boxes.append((name, samples[name].boxes[seen[name]].tolist()))
        seen[name] += 1
    return boxes
