"""Bottom-up: heatmaps and part affinity fields to people (Cao et al. 2017, arXiv:1611.08050).

Four steps: peaks, limbs between them, groups of limbs (a file each), and people, here.
docs/decoder.md gives the measured effect of each constant.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import Float
from ...geometry import map_to_input
from ...people.boxes import area_around
from ...people.oks import expected
from ...poses import Poses, bounds
from .grouping import Groups, group
from .limbs import Candidates, find_limbs
from .peaks import Peaks, find_peaks

if TYPE_CHECKING:
    import numpy.typing as npt

    from ...layout import OutputSpec
    from ...skeleton import Skeleton


ANSWERS = "maps"
# Names of fields in specs written before; they are read as the new ones.
RENAMED = {"doubt": "missing_limb_prior", "error": "localisation_error"}
NONE, NOWHERE = np.zeros(1), np.full((1, 2), np.nan, np.float32)  # a keypoint without a peak
BOUNDS = {  # least and most; they bound the time and memory of a picture
    "samples": (2, 256),
    "min_keypoints": (2, 1024),
    "max_peaks": (1, 4096),
    "missing_limb_prior": (0, 1e6),
    "localisation_error": (0, 1e3),
    "offset_y": (-1e3, 1e3),
}


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How maps are read.

    Attributes:
      min_peak: lowest height of a peak that may start a person; 0..1. Lightweight OpenPose's.
      min_weak_peak: lowest height of a peak that may be added to a person through a limb; 0..1.
        Ours.
      samples: number of points at which the field of a limb is read. Lightweight OpenPose's.
      min_field: lowest component of the field along the limb for a point to support it; 0..1.
        Lightweight OpenPose's.
      min_share: lowest share of the points that must support a limb; 0..1. Lightweight OpenPose's.
      min_keypoints: minimum number of keypoints per person that are not weak. Lightweight
        OpenPose's.
      missing_limb_prior: number of limbs with score 0 that are counted into the mean limb score of
        every person, so that few limbs rank below many. Ours.
      localisation_error: standard deviation of the localisation error per axis, in cells. The score
        of a person is multiplied by the OKS expected at this error, which is lower for small
        people; 0 leaves it out. Ours.
      max_peaks: maximum number of peaks per keypoint, the highest ones; bounds time and memory.
      offset_y: input pixels added to y, against the bias of a network, measured on annotated
        pictures. Training on mirrored pictures leaves no bias in x. Ours.
    """

    min_peak: float = 0.1
    min_weak_peak: float = 0.03
    samples: int = 10
    min_field: float = 0.05
    min_share: float = 0.8
    min_keypoints: int = 3
    missing_limb_prior: float = 3.0
    localisation_error: float = 0.3
    max_peaks: int = 256
    offset_y: float = 0.0

    def __post_init__(self) -> None:
        for name in ("min_peak", "min_weak_peak", "min_field", "min_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"decoder.{name} must be in 0..1, found {getattr(self, name)}")
        if self.min_weak_peak > self.min_peak:
            raise ValueError(
                f"decoder.min_weak_peak {self.min_weak_peak} must not be above "
                f"decoder.min_peak {self.min_peak}"
            )
        for name, (least, most) in BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(
                    f"decoder.{name} must be at least {least} and at most {most:g}, "
                    f"found {getattr(self, name)}"
                )


def shapes(
    skeleton: Skeleton, layout: OutputSpec, height: int, width: int
) -> dict[str, tuple[int, ...]]:
    """(h, w, C) of each map, by name, for an input of that size."""
    return layout.map_shapes(len(skeleton.keypoints), len(skeleton.limbs), height, width)


def decode(
    outputs: Mapping[str, Float], skeleton: Skeleton, layout: OutputSpec, parameters: Parameters
) -> Poses:
    """Finds the people in one picture's maps.

    Args:
      outputs: `heatmaps` (h, w, K), or K + 1 with the background, and `pafs` (h, w, 2 L); float32.
      skeleton: K keypoints and L limbs.
      layout: background, stride, and whether there are fields.
      parameters: how the maps are read.

    Returns:
      Poses in pixels of the network's input, best first; `person_score` is 0..1.

    Raises:
      ValueError: an output lacks, or has another shape than the layout says (a batch, for
        example), or the layout has no fields.
    """
    heatmaps, pafs = _maps(outputs, skeleton, layout)
    peaks = find_peaks(
        heatmaps,
        threshold=parameters.min_weak_peak,
        limit=parameters.max_peaks,
        channels=len(skeleton.keypoints),
    )
    candidates = find_limbs(
        pafs,
        peaks,
        skeleton.limbs,
        samples=parameters.samples,
        min_field=parameters.min_field,
        min_share=parameters.min_share,
    )
    groups = group(
        candidates, peaks, _additive_only(candidates, peaks, skeleton, parameters.min_peak)
    )
    return _people(groups, peaks, skeleton, layout.stride, parameters)


def _maps(
    outputs: Mapping[str, Float], skeleton: Skeleton, layout: OutputSpec
) -> tuple[Float, Float]:
    if not layout.pafs:
        raise ValueError("the outputs have no part affinity fields: use another decoder")
    wanted = layout.channels(len(skeleton.keypoints), len(skeleton.limbs))
    for name in ("heatmaps", "pafs"):
        channels = wanted[name]
        found = outputs[name].shape if name in outputs else None
        if found is None or len(found) != 3 or found[2] != channels:
            raise ValueError(
                f"outputs[{name!r}] must have shape (h, w, {channels}) for skeleton "
                f"{skeleton.name!r}, one picture without a batch axis, found {found}"
            )
    heatmaps, pafs = outputs["heatmaps"], outputs["pafs"]
    if heatmaps.shape[:2] != pafs.shape[:2]:
        raise ValueError(
            f"heatmaps {heatmaps.shape} and pafs {pafs.shape} must be of one height and width"
        )
    return heatmaps.astype(np.float32, copy=False), pafs.astype(np.float32, copy=False)


def _additive_only(
    candidates: Candidates, peaks: Peaks, skeleton: Skeleton, min_peak: float
) -> npt.NDArray[np.bool_]:
    """(C,) The candidates that only add to people: redundant limbs, and those at a weak peak."""
    redundant = _redundant(len(skeleton.limbs), skeleton.redundant_limbs)
    weak = peaks.score < min_peak
    return redundant[candidates.limb] | weak[candidates.first] | weak[candidates.second]


@functools.cache
def _redundant(count: int, redundant_limbs: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """(L,) Whether each limb is a redundant one."""
    redundant = np.zeros(count, np.bool_)
    redundant[list(redundant_limbs)] = True
    return redundant


def _people(
    groups: Groups, peaks: Peaks, skeleton: Skeleton, stride: int, parameters: Parameters
) -> Poses:
    """The groups that have enough keypoints, best first."""
    height = np.concatenate([peaks.score, NONE])[groups.peak]  # (N, K); -1 is the 0 at the end
    enough = (height >= parameters.min_peak).sum(axis=1) >= parameters.min_keypoints
    input_xy = map_to_input(peaks.xy, stride)
    if parameters.offset_y:
        input_xy[:, 1] += np.float32(parameters.offset_y)
    xy = np.concatenate([input_xy, NOWHERE])[groups.peak]
    score = np.minimum(groups.limb_score / (groups.limbs + parameters.missing_limb_prior), 1)
    first, last = bounds(xy)
    area = area_around(*((last - first) / stride).T)
    likely = expected(height > 0, area, sigmas=skeleton.sigmas, error=parameters.localisation_error)
    score = score.astype(np.float32) * likely
    kept = enough.nonzero()[0]
    order = kept[np.argsort(-score[kept], kind="stable")]
    return Poses(
        skeleton=skeleton,
        xy=xy[order],
        score=np.minimum(np.maximum(height[order], 0), 1).astype(np.float32),
        person_score=score[order],
    )
