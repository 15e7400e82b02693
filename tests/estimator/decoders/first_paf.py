"""The PAF decoder as it was before it was made fast: what the decoder must answer, bit for bit.

It dilates every map to find peaks, lists all pairs of peaks before it looks at the field at their
middle, and keeps sets and dicts while it groups.
"""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from estimator.decoders.paf import Parameters
from estimator.decoders.paf.grouping import Groups
from estimator.decoders.paf.limbs import Candidates
from estimator.decoders.paf.peaks import CEILING, FLOOR, Peaks
from estimator.geometry import map_to_input
from estimator.people.boxes import area_around
from estimator.people.oks import expected
from estimator.poses import Poses
from estimator.spec import PoseSpec

BEFORE = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], np.uint8)
AFTER = np.array([[0, 0, 0], [0, 0, 1], [1, 1, 1]], np.uint8)
BLOCK = 1 << 15
NONE = (np.zeros(0, np.int64),) * 3 + (np.zeros(0, np.float32),)


def decode(outputs: dict[str, np.ndarray], spec: PoseSpec) -> Poses:
    """The people in one picture's maps."""
    parameters, skeleton = spec.decoder, spec.skeleton
    peaks = find_peaks(
        outputs["heatmaps"][..., : len(skeleton.keypoints)],
        threshold=parameters.min_weak_peak,
        limit=parameters.max_peaks,
    )
    candidates = find_limbs(
        outputs["pafs"],
        peaks,
        skeleton.limbs,
        samples=parameters.samples,
        min_field=parameters.min_field,
        min_share=parameters.min_share,
    )
    redundant = np.zeros(len(skeleton.limbs), np.bool_)
    redundant[list(skeleton.redundant_limbs)] = True
    weak = peaks.score < parameters.min_peak
    additive = redundant[candidates.limb] | weak[candidates.first] | weak[candidates.second]
    return _people(group(candidates, peaks, additive), peaks, spec, parameters)


def _people(groups: Groups, peaks: Peaks, spec: PoseSpec, parameters: Parameters) -> Poses:
    stride, skeleton = spec.outputs.stride, spec.skeleton
    found = groups.peak >= 0
    height = np.where(found, np.append(peaks.score, 0)[groups.peak], 0)  # (N, K)
    enough = np.count_nonzero(height >= parameters.min_peak, axis=1) >= parameters.min_keypoints
    xy = np.full((*found.shape, 2), np.nan, np.float32)
    xy[found] = map_to_input(peaks.xy[groups.peak[found]], stride)
    score = np.minimum(groups.limb_score / (groups.limbs + parameters.missing_limb_prior), 1)
    people = Poses(
        skeleton=skeleton,
        xy=xy[enough],
        score=np.clip(height[enough], 0, 1).astype(np.float32),
        person_score=score[enough].astype(np.float32),
    )
    score = people.person_score * _expected(people, parameters.localisation_error, stride)
    return replace(people, person_score=score).select(np.argsort(-score, kind="stable"))


def _expected(people: Poses, error: float, stride: int) -> np.ndarray:
    shown = people.found[..., np.newaxis]
    first = np.where(shown, people.xy, np.inf).min(axis=1, initial=np.inf)
    last = np.where(shown, people.xy, -np.inf).max(axis=1, initial=-np.inf)
    area = area_around(*((last - first) / stride).T)
    return expected(people.found, area, sigmas=people.skeleton.sigmas, error=error)


def find_peaks(heatmaps: np.ndarray, *, threshold: float, limit: int) -> Peaks:
    """Finds the local maxima (of 3x3 cells) of every channel."""
    width, count = heatmaps.shape[1:]
    flat = np.flatnonzero(
        (heatmaps > threshold)
        & (heatmaps > _dilated(heatmaps, BEFORE))
        & (heatmaps >= _dilated(heatmaps, AFTER))
    )
    cell, channel = np.divmod(flat, count)
    y, x = np.divmod(cell, width)
    xy, score = refine(heatmaps, x, y, channel)
    return _best(xy, score, channel, count, limit)


def _dilated(heatmaps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The largest value under a kernel, of each channel."""
    return cv2.dilate(np.ascontiguousarray(heatmaps), kernel).reshape(heatmaps.shape)


def refine(
    heatmaps: np.ndarray, x: np.ndarray, y: np.ndarray, channel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the maxima of Gaussians between the cells."""
    height, width, _ = heatmaps.shape
    middle = _logarithm(heatmaps[y, x, channel])
    shift = np.zeros((len(x), 2), np.float32)
    top = middle.copy()
    for axis, (step_x, step_y) in enumerate(((1, 0), (0, 1))):
        inside = np.flatnonzero(
            (x >= step_x) & (x < width - step_x) & (y >= step_y) & (y < height - step_y)
        )
        column, row, plane = x[inside], y[inside], channel[inside]
        lower = _logarithm(heatmaps[row - step_y, column - step_x, plane])
        upper = _logarithm(heatmaps[row + step_y, column + step_x, plane])
        bend = np.minimum(lower + upper - 2 * middle[inside], -1e-6)
        slope = upper - lower
        shift[inside, axis] = np.clip(-slope / (2 * bend), -0.5, 0.5)
        top[inside] -= slope**2 / (8 * bend)
    return np.stack([x, y], axis=1).astype(np.float32) + shift, np.exp(top)


def _logarithm(heights: np.ndarray) -> np.ndarray:
    """The logarithm of heights clipped to FLOOR and CEILING; NaN counts as FLOOR."""
    logarithm: np.ndarray = np.log(np.fmin(np.fmax(heights, FLOOR), CEILING))
    return logarithm


def _best(xy: np.ndarray, score: np.ndarray, channel: np.ndarray, count: int, limit: int) -> Peaks:
    """Sorts peaks by channel and score, and keeps the first `limit` of each channel."""
    order = np.lexsort((-score, channel))
    channel = channel[order].astype(np.int64)
    start = np.searchsorted(channel, np.arange(count + 1))
    if len(channel) and np.diff(start).max() > limit:
        kept = np.arange(len(channel)) - start[channel] < limit
        order, channel = order[kept], channel[kept]
        start = np.searchsorted(channel, np.arange(count + 1))
    return Peaks(
        xy=xy[order],
        score=score[order].astype(np.float32),
        channel=channel,
        start=start.astype(np.int64),
    )


def find_limbs(
    pafs: np.ndarray,
    peaks: Peaks,
    limbs: tuple[tuple[int, int], ...],
    *,
    samples: int,
    min_field: float,
    min_share: float,
) -> Candidates:
    """Finds every pair of peaks that a field joins; a peak may be in several pairs."""
    fields = np.ascontiguousarray(pafs).view(np.complex64)  # (h, w, L), x + iy
    place = np.ascontiguousarray(peaks.xy).view(np.complex64)[:, 0]  # (N,)
    parts = [NONE]
    for limb, first, second in _pairs(peaks, limbs):
        kept = _middle_supports(fields, limb, place[first], place[second], min_field)
        limb, first, second = limb[kept], first[kept], second[kept]
        component = components(fields, limb, place[first], place[second], samples=samples)
        score = component.mean(axis=1)
        support = np.count_nonzero(component > min_field, axis=1)
        good = np.flatnonzero((support >= min_share * samples - 1e-6) & (score > 0))
        parts.append((limb[good], first[good], second[good], score[good]))
    limb, first, second, score = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Candidates(limb=limb, first=first, second=second, score=score)


def components(
    fields: np.ndarray, limb: np.ndarray, start: np.ndarray, end: np.ndarray, *, samples: int
) -> np.ndarray:
    """Interpolates the components of the fields along segments."""
    height, width, kinds = fields.shape
    way = end - start
    length = np.abs(way)
    unit = np.divide(way, length, out=np.zeros_like(way), where=length > 0)
    point = start[:, None] + way[:, None] * np.linspace(0, 1, samples, dtype=np.float32)
    x = np.minimum(point.real.astype(np.intp), max(width - 2, 0))
    y = np.minimum(point.imag.astype(np.intp), max(height - 2, 0))
    share_x, share_y = point.real - x, point.imag - y
    corner = (y * width + x) * kinds + limb[:, None]
    right, below = kinds * min(width - 1, 1), kinds * width * min(height - 1, 1)
    flat = fields.reshape(-1)
    upper = _between(flat, corner, right, share_x)
    lower = _between(flat, corner + below, right, share_x)
    field = upper + (lower - upper) * share_y
    along: np.ndarray = field.real * unit.real[:, None] + field.imag * unit.imag[:, None]
    return along


def _between(flat: np.ndarray, corner: np.ndarray, step: int, share: np.ndarray) -> np.ndarray:
    first = flat.take(corner)
    between: np.ndarray = first + (flat.take(corner + step) - first) * share
    return between


def _middle_supports(
    fields: np.ndarray, limb: np.ndarray, start: np.ndarray, end: np.ndarray, min_field: float
) -> np.ndarray:
    """Indices of the segments with a component above `min_field` in the cell at their middle."""
    _, width, kinds = fields.shape
    middle = (start + end + (1 + 1j)) * np.float32(0.5)  # plus half a cell, to round
    x, y = middle.real.astype(np.intp), middle.imag.astype(np.intp)
    field = fields.reshape(-1).take((y * width + x) * kinds + limb)
    way = end - start
    along = field.real * way.real + field.imag * way.imag
    return np.flatnonzero(along > min_field * np.abs(way))


def _pairs(
    peaks: Peaks, limbs: tuple[tuple[int, int], ...]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """All pairs of peaks of all limbs: limb, first and second peak, (P,) each, P up to BLOCK."""
    ends = np.array(limbs, np.int64).reshape(-1, 2)
    firsts, seconds = np.diff(peaks.start)[ends].T  # (L,) number of peaks at each end
    until = np.cumsum(firsts * seconds)
    for begin in range(0, int(until[-1]) if len(until) else 0, BLOCK):
        pair = np.arange(begin, min(begin + BLOCK, int(until[-1])))
        limb = np.searchsorted(until, pair, side="right")
        row, column = np.divmod(pair - (until - firsts * seconds)[limb], seconds[limb])
        yield limb, peaks.start[ends[limb, 0]] + row, peaks.start[ends[limb, 1]] + column


def group(candidates: Candidates, peaks: Peaks, additive_only: np.ndarray) -> Groups:
    """Joins peaks to people."""
    builder = _Builder(peaks)
    order = np.argsort(-candidates.score, kind="stable")
    limb, first, second, score = (
        array[order].tolist()
        for array in (candidates.limb, candidates.first, candidates.second, candidates.score)
    )
    late = additive_only[order]
    for index in np.flatnonzero(~late).tolist():
        builder.join(limb[index], first[index], second[index], score[index])
    rest = np.flatnonzero(late).tolist()
    for index in rest + rest:
        builder.add(limb[index], first[index], second[index], score[index])
    return builder.groups()


class _Builder:
    """The groups while they grow: at first one per peak; a group starts with its first limb."""

    def __init__(self, peaks: Peaks) -> None:
        self.count = len(peaks.start) - 1
        self.owner = list(range(len(peaks)))  # peak -> group
        self.members = [{channel: peak} for peak, channel in enumerate(peaks.channel.tolist())]
        self.scores: list[list[float]] = [[] for _ in self.members]  # group -> of its limbs
        self.taken: set[tuple[int, int]] = set()  # limb, peak

    def join(self, limb: int, first: int, second: int, score: float) -> None:
        """Takes a limb if neither peak has one of its kind and their groups can be joined."""
        if (limb, first) in self.taken or (limb, second) in self.taken:
            return
        here, there = self.owner[first], self.owner[second]
        if here != there:
            if self.members[here].keys() & self.members[there].keys():
                return
            self._merge(here, there)
        self.scores[here].append(score)
        self.taken |= {(limb, first), (limb, second)}

    def add(self, limb: int, first: int, second: int, score: float) -> None:
        """Takes a limb if it lies in one group, or adds a free peak to a group that has started."""
        here, there = self.owner[first], self.owner[second]
        if here == there or bool(self.scores[here]) != bool(self.scores[there]):
            self.join(limb, first, second, score)

    def _merge(self, here: int, there: int) -> None:
        for peak in self.members[there].values():
            self.owner[peak] = here
        self.members[here] |= self.members[there]
        self.scores[here] += self.scores[there]
        self.members[there], self.scores[there] = {}, []

    def groups(self) -> Groups:
        kept = [index for index, scores in enumerate(self.scores) if scores]
        peak = np.full((len(kept), self.count), -1, np.int64)
        for row, index in enumerate(kept):
            peak[row, list(self.members[index])] = list(self.members[index].values())
        return Groups(
            peak=peak,
            limbs=np.array([len(self.scores[index]) for index in kept], np.int64),
            limb_score=np.array([sum(self.scores[index]) for index in kept], np.float32),
        )
