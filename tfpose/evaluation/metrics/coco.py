"""COCO's keypoint metric: AP and AR by OKS, and a paired bootstrap between two sets of results.

pycocotools matches results to people (Lin et al. 2014, arXiv:1405.0312; `pycocotools/cocoeval.py`).
Precision and recall are computed here, because pycocotools cannot count a picture twice, as a
bootstrap must (Efron 1979); with every picture counted once, the figures equal its own.

COCO does not define where its pixels' centres lie. Its keypoints are whole numbers, so we take
them for pixels' indices: the centre of pixel i is i, our own convention (estimator.geometry), and
nothing is converted. Detectron2 reads them so, too (`data/datasets/coco.py`); docs/decoder.md has a
measurement. Lightweight OpenPose's `val.py` adds half a pixel.
"""

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from estimator import files, skeletons
from estimator.arrays import Int

from .matches import Double, Matches

Result: TypeAlias = Mapping[str, Any]  # image_id, category_id, keypoints (51 numbers), score

PERSON = 1  # category_id
AREAS = ("all", "medium", "large")  # medium: 32² to 96² pixels, large: above; of the segmentation


@dataclass(frozen=True, kw_only=True)
class Scores:
    """COCO's keypoint figures, 0..1; -1 where no person counts, as in pycocotools.

    Attributes:
      ap: average precision, mean over the OKS thresholds 0.50, 0.55 ... 0.95.
      ap50, ap75: at one threshold.
      ap_medium, ap_large: over people of that area.
      ar: average recall over the thresholds, at most 20 people per picture.
    """

    ap: float
    ap50: float
    ap75: float
    ap_medium: float
    ap_large: float
    ar: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Results matched to people once, so that figures of any weighting of the pictures are cheap.

    Attributes:
      image_ids: the I pictures evaluated.
      matches: one entry per range of `AREAS`.
      thresholds: (T,) of OKS.
      recalls: (R,) where precision is read.
    """

    image_ids: tuple[int | str, ...]
    matches: tuple[Matches, ...]
    thresholds: Double
    recalls: Double

    def scores(self, weight: Int | None = None) -> Scores:
        """The figures, with each picture counted `weight` (I,) times; None counts it once."""
        if weight is None:
            weight = np.ones(len(self.image_ids), np.int64)
        figures = self.weighted(weight[np.newaxis])
        return Scores(**{name: float(values[0]) for name, values in figures.items()})

    def weighted(self, weights: Int) -> dict[str, Double]:
        """The figures of N weightings of the pictures (N, I) at once.

        Returns:
          By the names of `Scores`, (N,) each.
        """
        (precision, recall), *by_area = (
            matches.curves(weights, self.recalls) for matches in self.matches
        )
        medium, large = (area_precision for area_precision, _ in by_area)
        return {
            "ap": _means(precision),
            "ap50": _means(precision[:, np.isclose(self.thresholds, 0.5)]),
            "ap75": _means(precision[:, np.isclose(self.thresholds, 0.75)]),
            "ap_medium": _means(medium),
            "ap_large": _means(large),
            "ar": _means(recall),
        }


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference of two evaluations of the same pictures.

    Attributes:
      figure: a field of Scores.
      value: second minus first.
      low, high: ends of the interval with a share of `confidence` of the draws.
      share_above: share of the draws in which the second was higher.
    """

    figure: str
    value: float
    low: float
    high: float
    share_above: float
    confidence: float


def evaluate(
    truth: str | os.PathLike[str] | Mapping[str, Any],
    results: Sequence[Result],
    *,
    image_ids: Sequence[int | str] | None = None,
    sigmas: Sequence[float] | None = None,
) -> Evaluation:
    """Matches results to people, at most the 20 best per picture.

    Args:
      truth: annotations in COCO's format, or the file that holds them.
      results: as in COCO's results file; may be empty.
      image_ids: the pictures to evaluate; None takes all of the truth.
      sigmas: one per keypoint; None takes COCO's 17.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: a picture is unknown, or a result has not one keypoint per sigma.
    """
    tree = truth if isinstance(truth, Mapping) else files.read_json(truth)
    sigmas = tuple(skeletons.get("coco17").sigmas if sigmas is None else sigmas)
    listed = {image["id"] for image in tree["images"]}
    chosen = sorted(listed if image_ids is None else set(image_ids))
    _check(results, chosen, listed, len(sigmas))
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
        judge = COCOeval(_coco(tree), _coco(tree, results), "keypoints")
        judge.params.imgIds = chosen
        judge.params.kpt_oks_sigmas = np.array(sigmas)
        judge.evaluate()
    return Evaluation(
        image_ids=tuple(chosen),
        matches=tuple(
            _matches(judge.evalImgs, index, len(chosen), len(judge.params.iouThrs))
            for index in range(len(AREAS))
        ),
        thresholds=judge.params.iouThrs,
        recalls=judge.params.recThrs,
    )


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    figure: str = "ap",
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Compares by a paired bootstrap: pictures are drawn with replacement, the same for both.

    Args:
      first, second: evaluations of the same pictures.
      figure: a field of Scores.
      draws: number of draws.
      confidence: of the interval, between 0 and 1.
      seed: of the draws.

    Raises:
      ValueError: the pictures differ, or there is no such figure.
    """
    if first.image_ids != second.image_ids:
        raise ValueError(
            f"a paired bootstrap needs the same pictures, found {len(first.image_ids)} and "
            f"{len(second.image_ids)} that are not the same: evaluate both with one image_ids"
        )
    if figure not in (figures := [field.name for field in fields(Scores)]):
        raise ValueError(f"no figure {figure!r}; there are {', '.join(figures)}")
    count = len(first.image_ids)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    drawn = second.weighted(weights)[figure] - first.weighted(weights)[figure]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Difference(
        figure=figure,
        value=getattr(second.scores(), figure) - getattr(first.scores(), figure),
        low=float(low),
        high=float(high),
        share_above=float((drawn > 0).mean()),
        confidence=confidence,
    )


def _check(results: Sequence[Result], chosen: list[Any], listed: set[Any], count: int) -> None:
    if unknown := sorted({result["image_id"] for result in results} - listed, key=str):
        raise ValueError(f"results are of pictures that the truth lacks: {unknown[:5]}")
    if missing := sorted(set(chosen) - listed, key=str):
        raise ValueError(f"the truth lacks the pictures {missing[:5]} of image_ids")
    for result in results:
        if len(result["keypoints"]) != 3 * count:
            raise ValueError(
                f"a result of picture {result['image_id']} has {len(result['keypoints'])} numbers; "
                f"{count} keypoints (one per sigma) need {3 * count}"
            )


def _coco(tree: Mapping[str, Any], results: Sequence[Result] | None = None) -> Any:
    """A COCO object of a truth or, over the same pictures, of results; changes neither."""
    annotations = [dict(annotation) for annotation in tree["annotations"]]
    if results is not None:
        annotations = [
            {**result, **_extent(result), "id": number, "iscrowd": 0}
            for number, result in enumerate(results, start=1)
        ]
    coco = COCO()
    coco.dataset = {**tree, "annotations": annotations}
    coco.createIndex()
    return coco


def _extent(result: Result) -> dict[str, Any]:
    """Box and area around all keypoints, as pycocotools' `loadRes` computes them."""
    points = np.reshape(result["keypoints"], (-1, 3))[:, :2]
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return {
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
    }


def _matches(found: list[Any], area: int, pictures: int, thresholds: int) -> Matches:
    """Collects pycocotools' matches of one range of areas."""
    parts = list(enumerate(found[area * pictures : (area + 1) * pictures]))
    people = np.zeros(pictures, np.int64)
    scores, picture = [np.zeros(0)], [np.zeros(0, np.int64)]
    hit, ignored = ([np.zeros((thresholds, 0), bool)] for _ in range(2))
    for index, part in parts:
        if part is not None:  # neither people nor results
            people[index] = np.count_nonzero(np.asarray(part["gtIgnore"]) == 0)
            scores.append(np.asarray(part["dtScores"], np.float64))
            picture.append(np.full(len(part["dtScores"]), index))
            hit.append(np.asarray(part["dtMatches"]) > 0)
            ignored.append(np.asarray(part["dtIgnore"]) > 0)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return Matches(
        picture=np.concatenate(picture)[order],
        hit=np.concatenate(hit, axis=1)[:, order],
        ignored=np.concatenate(ignored, axis=1)[:, order],
        people=people,
    )


def _means(values: Double) -> Double:
    """(N,) the mean of each weighting's values (N, ...), which are all -1 if nobody counts."""
    return np.asarray(values.reshape(len(values), -1).mean(axis=1))
