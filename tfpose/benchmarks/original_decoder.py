"""Lightweight OpenPose's way from maps to people, for comparisons only.

Written from the description of its method (Osokin 2018, arXiv:1811.12004, after Cao et al. 2017,
arXiv:1611.08050; order and constants as in its `modules/keypoints.py` and `val.py`): maps are
enlarged first, peaks are whole pixels, all pairs of peaks are scored, people grow limb by limb.
Only the openpose18 skeleton has an order of limbs here.
"""

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from estimator import skeletons
from estimator.arrays import Float
from estimator.poses import Poses

SKELETON = skeletons.get("openpose18")
MIN_HEAT = 0.1
SUPPRESSION_RADIUS = 6  # pixels of the enlarged maps
MIN_FIELD = 0.05
POINTS_PER_LIMB = 10
MIN_SUCCESS = 0.8
MIN_KEYPOINTS = 3
MIN_SCORE = 0.2  # a keypoint found
# The order in which limbs are decoded, as indices into the skeleton's (= the fields') order.
ORDER = (6, 10, 7, 8, 11, 12, 0, 1, 2, 3, 4, 5, 14, 15, 17, 16, 18, 9, 13)
EXTENDING = (9, 13)  # shoulder to ear: only add to people who exist

Connection = tuple[int, int, float]


def enlarge(maps: Float, factor: int) -> Float:
    """Maps (h, w, C) enlarged by bicubic interpolation."""
    height, width = maps.shape[:2]
    enlarged: Float = cv2.resize(
        maps, (width * factor, height * factor), interpolation=cv2.INTER_CUBIC
    )
    return enlarged


def enlarge_to_picture(
    maps: Float, stride: int, matrix: npt.NDArray[np.floating], height: int, width: int
) -> Float:
    """Maps (h, w, C) enlarged to the input, without its padding, then resized to the picture.

    Args:
      maps: of an input into which the picture was laid.
      stride: input pixels a cell.
      matrix: (2, 3), from picture to input; scales and shifts only.
      height, width: of the picture, pixels.
    """
    corner = matrix @ np.array([[-0.5, width - 0.5], [-0.5, height - 0.5], [1, 1]])
    (left, right), (top, bottom) = np.rint(corner + 0.5).astype(int)
    inner = enlarge(maps, stride)[top:bottom, left:right]
    resized: Float = cv2.resize(inner, (width, height), interpolation=cv2.INTER_CUBIC)
    return resized


def decode(heatmaps: Float, pafs: Float) -> Poses:
    """People in enlarged maps.

    Args:
      heatmaps: (h, w, 18 or more), enlarged.
      pafs: (h, w, 38), enlarged.

    Returns:
      Poses in pixels of the enlarged maps, in the order of their making. The person's score is
      that of `val.py`: the sum of keypoints' and limbs' scores, times keypoints less one.
    """
    peaks = [find_peaks(heatmaps[..., channel]) for channel in range(len(SKELETON.keypoints))]
    people: list[_Person] = []
    for limb in ORDER:
        first, second = SKELETON.limbs[limb]
        connections = _connect(peaks[first], peaks[second], pafs[..., 2 * limb : 2 * limb + 2])
        if limb in EXTENDING:
            _extend(people, first, second, connections)
        else:
            _grow(people, first, second, connections, peaks)
    kept = [
        person
        for person in people
        if person.count >= MIN_KEYPOINTS and person.score / person.count >= MIN_SCORE
    ]
    return _poses(kept, peaks)


def enlarge_and_decode(outputs: Mapping[str, Float], factor: int) -> Poses:
    """People in maps `heatmaps` and `pafs`, in pixels of the maps enlarged."""
    return decode(enlarge(outputs["heatmaps"], factor), enlarge(outputs["pafs"], factor))


def find_peaks(heatmap: Float) -> Float:
    """(A, 3) peaks x, y, score of one enlarged map, by x; the left one of two near peaks stays."""
    heat = np.pad(np.where(heatmap < MIN_HEAT, 0, heatmap), 1)
    inner = heat[1:-1, 1:-1]
    is_peak = (
        (inner > heat[1:-1, :-2])
        & (inner > heat[1:-1, 2:])
        & (inner > heat[:-2, 1:-1])
        & (inner > heat[2:, 1:-1])
    )
    y, x = np.nonzero(is_peak)
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    alive = np.ones(len(x), bool)
    for index in range(len(x)):
        if alive[index]:
            near = np.hypot(x - x[index], y - y[index]) < SUPPRESSION_RADIUS
            near[: index + 1] = False
            alive &= ~near
    x, y = x[alive], y[alive]
    return np.stack([x, y, heatmap[y, x]], axis=1).astype(np.float32)


class _Person:
    def __init__(self) -> None:
        self.peaks: dict[int, int] = {}  # keypoint -> index of its peak
        self.score = 0.0
        self.count = 0


def _connect(start: Float, end: Float, paf: Float) -> list[Connection]:
    """Pairs of peaks that the field joins, best first, each peak once."""
    if len(start) == 0 or len(end) == 0:
        return []
    way = end[None, :, :2] - start[:, None, :2]  # (A, B, 2)
    share = np.linspace(0, 1, POINTS_PER_LIMB, dtype=np.float32)[:, None]
    points = np.rint(start[:, None, None, :2] + share * way[:, :, None]).astype(np.int64)
    field = paf[points[..., 1], points[..., 0]]  # (A, B, points, 2)
    unit = way / (np.linalg.norm(way, axis=2, keepdims=True) + 1e-6)
    along = (field * unit[:, :, None]).sum(axis=3)
    valid = along > MIN_FIELD
    count = valid.sum(axis=2)
    score = (along * valid).sum(axis=2) / (count + 1e-6)
    first, second = np.nonzero((score > 0) & (count / POINTS_PER_LIMB > MIN_SUCCESS))
    connections: list[Connection] = []
    used: set[tuple[str, int]] = set()
    for index in np.argsort(-score[first, second], kind="stable"):
        a, b = int(first[index]), int(second[index])
        if ("a", a) not in used and ("b", b) not in used:
            used |= {("a", a), ("b", b)}
            connections.append((a, b, float(score[a, b])))
    return connections


def _extend(people: list[_Person], first: int, second: int, connections: list[Connection]) -> None:
    for a, b, _ in connections:
        for person in people:
            if person.peaks.get(first) == a and second not in person.peaks:
                person.peaks[second] = b
            elif person.peaks.get(second) == b and first not in person.peaks:
                person.peaks[first] = a


def _grow(
    people: list[_Person],
    first: int,
    second: int,
    connections: list[Connection],
    peaks: list[Float],
) -> None:
    """Hangs each connection on the people who hold its first peak; a new person if nobody does."""
    for a, b, score in connections:
        holders = [person for person in people if person.peaks.get(first) == a]
        for person in holders:
            person.peaks[second] = b
            person.count += 1
            person.score += float(peaks[second][b, 2]) + score
        if not holders:
            person = _Person()
            person.peaks = {first: a, second: b}
            person.count = 2
            person.score = float(peaks[first][a, 2] + peaks[second][b, 2]) + score
            people.append(person)


def _poses(people: list[_Person], peaks: list[Float]) -> Poses:
    count = len(SKELETON.keypoints)
    xy = np.full((len(people), count, 2), np.nan, np.float32)
    score = np.zeros((len(people), count), np.float32)
    for index, person in enumerate(people):
        for keypoint, peak in person.peaks.items():
            xy[index, keypoint] = peaks[keypoint][peak, :2]
            score[index, keypoint] = peaks[keypoint][peak, 2]
    person_score = [person.score * max(0, person.count - 1) for person in people]
    return Poses(
        skeleton=SKELETON,
        xy=xy,
        score=score,
        person_score=np.array(person_score, np.float32),
    )
