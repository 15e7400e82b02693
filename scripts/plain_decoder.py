"""The bottom-up decoder in plain Python: no numpy, no C, to be written again in another language.

It finds the people that `estimator.decoders.paf` finds, step by step as docs/devices.md says; the
tests compare them. Hundreds of times slower: read it, do not run it on a stream.

Maps are nested lists: heatmaps[y][x][k], pafs[y][x][2 * limb] (x) and [2 * limb + 1] (y).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RENAMED = {"doubt": "missing_limb_prior", "error": "localisation_error"}  # in older specs
Map = Sequence[Sequence[Sequence[float]]]
FLOOR, CEILING = 0.01, 100.0  # a logarithm's arguments are kept between them
AREA_OF_KEYPOINTS = 0.53 * 1.27 * 1.21  # a person's area over that of the box of their keypoints


@dataclass(frozen=True)
class Peak:
    """The top of a heatmap of one keypoint: a place in cells, and how high it is."""

    keypoint: int
    x: float
    y: float
    score: float


@dataclass(frozen=True)
class Person:
    """Keypoints by index, as (x, y, score) in pixels of the network's input; and a score."""

    keypoints: Mapping[int, tuple[float, float, float]]
    score: float


def decode(heatmaps: Map, pafs: Map, spec: Mapping[str, Any]) -> list[Person]:
    """The people in one picture's maps, best first.

    Args:
      heatmaps, pafs: the network's answer.
      spec: pose_spec.json, read as it is.
    """
    skeleton = spec["skeleton"]
    parameters = {RENAMED.get(name, name): value for name, value in spec["decoder"].items()}
    peaks = find_peaks(heatmaps, len(skeleton["keypoints"]), parameters)
    limbs = find_limbs(pafs, peaks, skeleton["limbs"], parameters)
    groups = group(peaks, limbs, set(skeleton["redundant_limbs"]), parameters["min_peak"])
    people = []
    for members, scores in groups:
        strong = [peak for peak in members.values() if peak.score >= parameters["min_peak"]]
        if len(strong) < parameters["min_keypoints"]:
            continue
        score = min(sum(scores) / (len(scores) + parameters["missing_limb_prior"]), 1)
        score *= expected_oks(members, skeleton["sigmas"], parameters["localisation_error"])
        stride = spec["outputs"]["stride"]
        keypoints = {
            keypoint: (
                (peak.x + 0.5) * stride - 0.5,
                (peak.y + 0.5) * stride - 0.5 + parameters.get("offset_y", 0),
                min(peak.score, 1),
            )
            for keypoint, peak in members.items()
        }
        people.append(Person(keypoints, score))
    return sorted(people, key=lambda person: -person.score)


def expected_oks(members: Mapping[int, Peak], sigmas: Sequence[float], error: float) -> float:
    """What COCO's similarity would be on average, were each keypoint off by `error` cells."""
    across = [peak.x for peak in members.values()]
    down = [peak.y for peak in members.values()]
    box = (max(across) - min(across) + 1) * (max(down) - min(down) + 1)
    area = AREA_OF_KEYPOINTS * box
    left = [1 / (1 + error**2 / (area * (2 * sigmas[keypoint]) ** 2)) for keypoint in members]
    return sum(left) / len(left)


def find_peaks(heatmaps: Map, count: int, parameters: Mapping[str, Any]) -> list[Peak]:
    """Cells above their neighbours before them in reading order and not below those after them."""
    peaks = []
    for keypoint in range(count):
        plane = [[cell[keypoint] for cell in row] for row in heatmaps]
        found = [
            _refined(plane, x, y, keypoint)
            for y, row in enumerate(plane)
            for x, value in enumerate(row)
            if value > parameters["min_weak_peak"] and _is_top(plane, x, y)
        ]
        found.sort(key=lambda peak: -peak.score)
        peaks += found[: parameters["max_peaks"]]
    return peaks


def _is_top(plane: Sequence[Sequence[float]], x: int, y: int) -> bool:
    value = plane[y][x]
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            row, column = y + down, x + right
            if not (0 <= row < len(plane) and 0 <= column < len(plane[0])):
                continue
            if (down, right) < (0, 0) and not value > plane[row][column]:
                return False
            if (down, right) > (0, 0) and not value >= plane[row][column]:
                return False
    return True


def _refined(plane: Sequence[Sequence[float]], x: int, y: int, keypoint: int) -> Peak:
    """The top of the parabola through three logarithms, in x and in y."""

    def logarithm(column: int, row: int) -> float:
        return math.log(min(max(plane[row][column], FLOOR), CEILING))

    middle = top = logarithm(x, y)
    shift = [0.0, 0.0]
    for axis, (right, down) in enumerate(((1, 0), (0, 1))):
        if not (right <= x < len(plane[0]) - right and down <= y < len(plane) - down):
            continue  # a neighbour lacks: the peak stays in the middle of its cell
        lower, upper = logarithm(x - right, y - down), logarithm(x + right, y + down)
        bend = min(lower + upper - 2 * middle, -1e-6)
        shift[axis] = min(max((lower - upper) / (2 * bend), -0.5), 0.5)
        top -= (upper - lower) ** 2 / (8 * bend)
    return Peak(keypoint, x + shift[0], y + shift[1], math.exp(top))


def find_limbs(
    pafs: Map,
    peaks: Sequence[Peak],
    limbs: Sequence[Sequence[int]],
    parameters: Mapping[str, Any],
) -> list[tuple[float, int, Peak, Peak]]:
    """Score, limb and both peaks of every pair that a field joins."""
    found = []
    least = parameters["min_share"] * parameters["samples"] - 1e-6
    for limb, (start, end) in enumerate(limbs):
        for first in (peak for peak in peaks if peak.keypoint == start):
            for second in (peak for peak in peaks if peak.keypoint == end):
                if not _middle_supports(pafs, limb, first, second, parameters["min_field"]):
                    continue
                along = list(_components(pafs, limb, first, second, parameters["samples"]))
                score = sum(along) / len(along)
                support = sum(value > parameters["min_field"] for value in along)
                if support >= least and score > 0:
                    found.append((score, limb, first, second))
    return found


def _middle_supports(pafs: Map, limb: int, first: Peak, second: Peak, min_field: float) -> bool:
    """Looks at one cell before the whole segment is read."""
    x, y = int((first.x + second.x + 1) / 2), int((first.y + second.y + 1) / 2)
    way_x, way_y = second.x - first.x, second.y - first.y
    field = pafs[y][x]
    along = field[2 * limb] * way_x + field[2 * limb + 1] * way_y
    return along > min_field * math.hypot(way_x, way_y)


def _components(pafs: Map, limb: int, first: Peak, second: Peak, samples: int) -> Iterator[float]:
    """The field's component along the segment, at points between the cells."""
    way_x, way_y = second.x - first.x, second.y - first.y
    length = math.hypot(way_x, way_y)
    for index in range(samples):
        share = index / (samples - 1)
        x, y = first.x + way_x * share, first.y + way_y * share
        field_x, field_y = (_between(pafs, x, y, 2 * limb + axis) for axis in (0, 1))
        yield (field_x * way_x + field_y * way_y) / length if length else 0.0


def _between(pafs: Map, x: float, y: float, channel: int) -> float:
    left, top = min(int(x), max(len(pafs[0]) - 2, 0)), min(int(y), max(len(pafs) - 2, 0))
    right, below = min(left + 1, len(pafs[0]) - 1), min(top + 1, len(pafs) - 1)
    share = x - left
    upper = pafs[top][left][channel] * (1 - share) + pafs[top][right][channel] * share
    lower = pafs[below][left][channel] * (1 - share) + pafs[below][right][channel] * share
    return upper + (lower - upper) * (y - top)


def group(
    peaks: Sequence[Peak],
    limbs: Sequence[tuple[float, int, Peak, Peak]],
    redundant: set[int],
    min_peak: float,
) -> list[tuple[dict[int, Peak], list[float]]]:
    """Joins peaks by falling score of the limbs; each group's peaks by keypoint, and its limbs.

    Timid limbs, the redundant ones and those at a weak peak, come last, twice over: they only add
    a peak that is alone to a group of several, or a score to a group.
    """
    owner = {id(peak): index for index, peak in enumerate(peaks)}
    members = [{peak.keypoint: peak} for peak in peaks]
    scores: list[list[float]] = [[] for _ in peaks]
    taken: set[tuple[int, int]] = set()  # limb and peak: a peak has one limb of a kind
    sure: list[tuple[float, int, Peak, Peak]] = []
    additive_only: list[tuple[float, int, Peak, Peak]] = []
    for found in sorted(limbs, key=lambda found: -found[0]):
        weak = min(found[2].score, found[3].score) < min_peak
        (additive_only if weak or found[1] in redundant else sure).append(found)
    for place, (score, limb, first, second) in enumerate(sure + additive_only + additive_only):
        here, there = owner[id(first)], owner[id(second)]
        if {(limb, id(first)), (limb, id(second))} & taken:
            continue
        late = place >= len(sure)
        if late and here != there and bool(scores[here]) == bool(scores[there]):
            continue
        if here != there:
            if members[here].keys() & members[there].keys():
                continue  # one keypoint would occur twice
            for peak in members[there].values():
                owner[id(peak)] = here
            members[here] |= members[there]
            scores[here] += scores[there]
            members[there], scores[there] = {}, []
        scores[here].append(score)
        taken |= {(limb, id(first)), (limb, id(second))}
    return [(people, scores[index]) for index, people in enumerate(members) if scores[index]]
