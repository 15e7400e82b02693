"""Object keypoint similarity (OKS), and suppression of two answers for one person by it.

OKS is COCO's (cocodataset.org/#keypoints-eval; `pycocotools/cocoeval.py`): the mean over keypoints
of exp(-d² / (2 area (2 sigma)²)). The two kinds of suppression are those of HRNet
(`lib/nms/nms.py`): the area is the mean of both answers' areas; greedy suppression drops an answer
above a similarity; soft suppression multiplies scores by exp(-oks² / threshold) and keeps 20.

Two errors are not copied. Its choice of the keypoints visible in both answers
(`list(a > t) and list(b > t)`) is Python's `and` of two lists, so that only the second list counts;
here a keypoint must be visible in both. And its soft suppression discards the lowered scores; here
they are returned and rank the answers.
"""

import functools
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..arrays import Float, Int, check_shape

Numbers: TypeAlias = npt.NDArray[np.floating] | npt.NDArray[np.integer] | npt.NDArray[np.bool_]

OKS_LIMIT = 0.9  # HRNet's OKS_THRE
MOST = 20  # people per picture, as many as COCO counts


def oks(
    xy: Float, visible: Numbers, others: Float, *, area: Numbers, sigmas: tuple[float, ...]
) -> Float:
    """The OKS of every pair of people.

    Args:
      xy: (N, K, 2) keypoints; entries that are not visible are ignored.
      visible: (N, M, K) or (N, 1, K), true or not 0 for the keypoints that count.
      others: (M, K, 2).
      area: (N, M) or (N, 1) square pixels: the persons' segments.
      sigmas: K falloffs, as `Skeleton.sigmas` has them.

    Returns:
      (N, M) 0..1; 0 where no keypoint counts.
    """
    count = len(sigmas)
    check_shape("xy", xy, (None, count, 2))
    check_shape("others", others, (None, count, 2))
    difference = xy[:, np.newaxis] - others[np.newaxis]  # (N, M, K, 2)
    squared = np.nan_to_num(np.square(difference, dtype=np.float64).sum(axis=3), nan=np.inf)
    variance = np.square(2 * np.asarray(sigmas, np.float64))  # (K,)
    exponent = squared / (2 * variance * (area[..., np.newaxis] + np.spacing(1)))
    counts = np.broadcast_to(np.asarray(visible, np.bool_), squared.shape)
    total = np.where(counts, np.exp(-exponent), 0).sum(axis=2)
    return np.asarray(total / np.maximum(counts.sum(axis=2), 1), np.float32)


def pairs(similarity: Float, *, least: float) -> list[tuple[int, int]]:
    """Rows and columns of a similarity (N, M), each at most once, the highest first.

    Args:
      similarity: of N and M people; it stays as it is.
      least: the lowest similarity of a pair; above -1.
    """
    left, found = similarity.copy(), []
    while left.size and left.max() >= least:
        row, column = (int(index) for index in np.unravel_index(left.argmax(), left.shape))
        found.append((row, column))
        left[row], left[:, column] = -1, -1
    return found


def expected(found: Numbers, area: Float, *, sigmas: tuple[float, ...], error: float) -> Float:
    """Expected OKS of people whose keypoints have a normal localisation error.

    If d is normal in x and in y with standard deviation e, the mean of exp(-d² / (2 s²)) is
    1 / (1 + (e / s)²), where s² is area (2 sigma)². The same error costs small people more.

    Args:
      found: (N, K), true or not 0 for the keypoints that count.
      area: (N,) above 0, in squares of the unit of `error`.
      sigmas: K falloffs.
      error: standard deviation of the localisation error per axis.

    Returns:
      (N,) 0..1; 0 where no keypoint counts.
    """
    variance = area[:, np.newaxis] * _falloffs(sigmas)  # (N, K)
    counts = np.asarray(found, np.bool_)
    total = np.where(counts, 1 / (1 + error * error / variance), 0).sum(axis=1)
    return np.asarray(total / np.maximum(counts.sum(axis=1), 1), np.float32)


@functools.lru_cache(maxsize=64)
def _falloffs(sigmas: tuple[float, ...]) -> Float:
    """(K,) of (2 sigma)²."""
    falloffs: Float = np.square(2 * np.asarray(sigmas, np.float32))
    return falloffs


def between(
    xy: Float, score: Float, area: Float, *, sigmas: tuple[float, ...], visible_above: float
) -> Float:
    """OKS of every two answers for one picture, over the keypoints visible in both.

    Args:
      xy: (N, K, 2); NaN where not found.
      score: (N, K); a keypoint is visible above `visible_above`.
      area: (N,) square pixels.
      sigmas: K falloffs.
      visible_above: 0 counts every keypoint found; HRNet's IN_VIS_THRE is 0.2.

    Returns:
      (N, N), symmetric.
    """
    shown = score > visible_above  # (N, K)
    return oks(
        xy,
        shown[:, np.newaxis] & shown[np.newaxis],
        xy,
        area=(area[:, np.newaxis] + area[np.newaxis]) / 2,
        sigmas=sigmas,
    )


def suppress(similarity: Float, score: Float, *, limit: float = OKS_LIMIT) -> Int:
    """Greedy suppression: the best answer stays and removes answers of an OKS above `limit`.

    Args:
      similarity: (N, N), from `between`.
      score: (N,) of the answers.
      limit: 0..1.

    Returns:
      Indices of the answers that stay, best first.
    """
    check_shape("similarity", similarity, (len(score), len(score)))
    order = np.argsort(-score, kind="stable")
    kept: list[int] = []
    while order.size:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[similarity[best, order] <= limit]
    return np.array(kept, np.int64)


def suppress_softly(
    similarity: Float, score: Float, *, limit: float = OKS_LIMIT, most: int = MOST
) -> tuple[Int, Float]:
    """Soft suppression: each answer chosen multiplies other scores by exp(-oks² / limit).

    Args:
      similarity: (N, N), from `between`.
      score: (N,) of the answers.
      limit: above 0; the lower, the stronger.
      most: maximum number of answers kept.

    Returns:
      order: indices of at most `most` answers, in the order of choice.
      score: (N,) the lowered scores of all.
    """
    check_shape("similarity", similarity, (len(score), len(score)))
    lowered = score.astype(np.float32)
    left = np.ones(len(score), np.bool_)
    kept: list[int] = []
    while left.any() and len(kept) < most:
        best = int(np.argmax(np.where(left, lowered, -np.inf)))
        kept.append(best)
        left[best] = False
        lowered[left] *= np.exp(-np.square(similarity[best, left]) / np.float32(limit))
    return np.array(kept, np.int64), lowered
