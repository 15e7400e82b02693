"""An evaluation's files: COCO results, a summary, and the comparison with an earlier run's."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from estimator import files

from .evaluate import Report
from .metrics import coco

RESULTS, SUMMARY = "results.json", "summary.json"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """This run against another, on the pictures that both evaluated.

    Attributes:
      pictures: their number.
      other, this: the figures of both on them.
      difference: this minus the other, AP, by a paired bootstrap.
    """

    pictures: int
    other: coco.Scores
    this: coco.Scores
    difference: coco.Difference


def write(report: Report, folder: str | os.PathLike[str], **more: Any) -> None:
    """Writes results.json and summary.json into a folder, each whole or not at all.

    Args:
      report: of the evaluation.
      folder: created where it does not exist.
      more: entries for the summary, ready for JSON.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / RESULTS, list(report.results))
    _write(folder / SUMMARY, summary(report) | more)


def summary(report: Report) -> dict[str, Any]:
    """The figures, with the network, data and settings that they belong to, ready for JSON."""
    return {
        "network": report.network,
        "annotations": report.truth.path.name,
        "settings": dataclasses.asdict(report.settings),
        "figures": {name: _figure(value) for name, value in vars(report.scores).items()},
        "parts": {
            name: {figure: _figure(value) for figure, value in vars(scores).items()}
            for name, scores in report.parts.items()
        },
        "intervals": {name: [*map(_figure, ends)] for name, ends in report.intervals.items()},
        "pictures": len(report.image_ids),
        "people": sum(len(report.truth.people(image_id)) for image_id in report.image_ids),
        "unread": list(report.unread),
        "seconds": round(report.seconds, 2),
        "versions": {name: metadata.version(name) for name in ("numpy", "ai-edge-litert")},
        "image_ids": list(report.image_ids),
    }


def _figure(value: float) -> float | None:
    """A figure for JSON; null where nobody counts, for which pycocotools has -1."""
    return None if value < 0 else value


def compare(report: Report, results: str | os.PathLike[str]) -> Comparison:
    """Compares with the results of another run.

    The summary.json beside the results lists their pictures. Without one, they are taken to cover
    all pictures, so that nobody was found in a picture without a result.

    Args:
      report: of this run.
      results: the other's results.json, or its folder.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it holds no COCO results, or none of these pictures.
    """
    path = Path(results)
    path = path / RESULTS if path.is_dir() else path
    others = read_results(path)
    listed = set(report.truth.images)
    if strange := sorted({other["image_id"] for other in others} - listed, key=str):
        raise ValueError(
            f"{path} has results of pictures that {report.truth.path} lacks, as {strange[0]!r}: "
            "compare runs over the same annotations"
        )
    both = sorted(set(report.image_ids) & _evaluated(path, listed))
    if not both:
        raise ValueError(f"{path} is of none of the {len(report.image_ids)} pictures of this run")
    first, second = (
        coco.evaluate(
            report.truth.tree(),
            [entry for entry in entries if entry["image_id"] in set(both)],
            image_ids=both,
            sigmas=report.truth.skeleton.sigmas,
        )
        for entries in (others, report.results)
    )
    return Comparison(
        pictures=len(both),
        other=first.scores(),
        this=second.scores(),
        difference=coco.compare(
            first,
            second,
            draws=report.settings.draws or 1000,
            confidence=report.settings.confidence,
            seed=report.settings.seed,
        ),
    )


def read_results(path: Path) -> list[Mapping[str, Any]]:
    """Reads COCO keypoint results.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not a list of results.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no results at {path}")
    entries = files.read_json(path)
    if not isinstance(entries, list):
        raise ValueError(f"{path} must be a list of results, found a {type(entries).__name__}")
    for entry in entries:
        if not isinstance(entry, dict) or not {"image_id", "keypoints", "score"} <= set(entry):
            raise ValueError(
                f"{path}: a result needs image_id, keypoints and score, found {entry!r:.200}"
            )
    return entries


def _evaluated(path: Path, listed: set[Any]) -> set[Any]:
    """The pictures that results cover; `listed` where no summary says it."""
    beside = path.with_name(SUMMARY)
    if not beside.is_file():
        return listed
    return set(files.read_json(beside).get("image_ids", listed))


def _write(path: Path, tree: Any) -> None:
    if isinstance(tree, list):  # a line each, so that files can be compared
        text = "[\n" + ",\n".join(map(json.dumps, tree)) + "\n]\n"
    else:
        text = json.dumps(tree, indent=1) + "\n"
    files.write(path, text)
