"""Bottom-up: heatmaps and part affinity fields to people (Cao et al. 2017, arXiv:1611.08050).

Four steps, each in a file of its own: peaks, the limbs between them, groups of limbs, and here
the people. docs/decoder.md says what each constant was measured to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Float
from ..geometry import map_to_input
from ..grouping import Groups, group
from ..limbs import Candidates, find_limbs
from ..oks import expected
from ..peaks import Peaks, find_peaks
from ..person_boxes import area_around
from ..poses import Poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..skeleton import Skeleton
    from ..spec import PoseSpec


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How maps are read.

    Attributes:
      min_peak: a peak of at least this height may begin a person; 0..1. Lightweight OpenPose's.
      min_weak_peak: a lower peak, above this, may only be added to a person whose limb leads
        there; 0..1. Ours.
      samples: points at which a limb's field is read. Lightweight OpenPose's.
      min_field: a point supports a limb if the component along it is above this; 0..1.
        Lightweight OpenPose's.
      min_share: of the points must support the limb; 0..1. Lightweight OpenPose's.
      min_keypoints: a person has at least this many that are not weak. Lightweight OpenPose's.
      doubt: the person's score is the mean of its limbs' scores and of this many zeros, so that
        few limbs, however sure, rank below many. Ours.
      error: how far a keypoint lies from where it is, in x and in y (a standard deviation), cells;
        the person's score is multiplied by the OKS that this leaves to expect, which is less for
        small people. 0 leaves it out. Ours.
      max_peaks: the highest that are kept of one keypoint; bounds time and memory on any maps.
    """

    min_peak: float = 0.1
    min_weak_peak: float = 0.03
    samples: int = 10
    min_field: float = 0.05
    min_share: float = 0.8
    min_keypoints: int = 3
    doubt: float = 3.0
    error: float = 0.3
    max_peaks: int = 256

    def __post_init__(self) -> None:
        for name in ("min_peak", "min_weak_peak", "min_field", "min_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"decoder.{name} must be in 0..1, found {getattr(self, name)}")
        if self.min_weak_peak > self.min_peak:
            raise ValueError(
                f"decoder.min_weak_peak {self.min_weak_peak} must not be above "
                f"decoder.min_peak {self.min_peak}"
            )
        bounds = {"samples": 2, "min_keypoints": 2, "max_peaks": 1, "doubt": 0, "error": 0}
        for name, least in bounds.items():
            if not getattr(self, name) >= least:
                raise ValueError(
                    f"decoder.{name} must be at least {least}, found {getattr(self, name)}"
                )


def decode(outputs: Mapping[str, Float], spec: PoseSpec) -> Poses:
    """Finds the people in one picture's maps.

    Args:
      outputs: `heatmaps` (h, w, K), or K + 1 with the background, and `pafs` (h, w, 2 L); float32.
      spec: has the skeleton, the stride and this decoder's parameters.

    Returns:
      Poses in pixels of the network's input, best first; `person_score` is 0..1.

    Raises:
      ValueError: an output lacks, or has another shape than the spec says (a batch, for example),
        or the spec has no fields.
    """
    parameters: Parameters = spec.decoder
    skeleton = spec.skeleton
    heatmaps, pafs = _maps(outputs, spec)
    peaks = find_peaks(
        heatmaps[..., : len(skeleton.keypoints)],
        threshold=parameters.min_weak_peak,
        limit=parameters.max_peaks,
    )
    candidates = find_limbs(
        pafs,
        peaks,
        skeleton.limbs,
        samples=parameters.samples,
        min_field=parameters.min_field,
        min_share=parameters.min_share,
    )
    groups = group(candidates, peaks, _timid(candidates, peaks, skeleton, parameters.min_peak))
    return _people(groups, peaks, spec)


def _maps(outputs: Mapping[str, Float], spec: PoseSpec) -> tuple[Float, Float]:
    if not spec.outputs.pafs:
        raise ValueError(f"{spec.model!r} has no part affinity fields: give it another decoder")
    for name, channels in spec.channels.items():
        found = outputs[name].shape if name in outputs else None
        if found is None or len(found) != 3 or found[2] != channels:
            raise ValueError(
                f"outputs[{name!r}] of {spec.model!r} must have shape (h, w, {channels}), one "
                f"picture without a batch axis, found {found}"
            )
    heatmaps, pafs = outputs["heatmaps"], outputs["pafs"]
    if heatmaps.shape[:2] != pafs.shape[:2]:
        raise ValueError(
            f"heatmaps {heatmaps.shape} and pafs {pafs.shape} must be of one height and width"
        )
    return heatmaps.astype(np.float32, copy=False), pafs.astype(np.float32, copy=False)


def _timid(
    candidates: Candidates, peaks: Peaks, skeleton: Skeleton, min_peak: float
) -> npt.NDArray[np.bool_]:
    """Which limbs only add to people: the redundant ones and those at a weak peak."""
    redundant = np.zeros(len(skeleton.limbs), np.bool_)
    redundant[list(skeleton.redundant_limbs)] = True
    weak = peaks.score < min_peak
    return redundant[candidates.limb] | weak[candidates.first] | weak[candidates.second]


def _people(groups: Groups, peaks: Peaks, spec: PoseSpec) -> Poses:
    """The groups that have keypoints enough, best first."""
    parameters: Parameters = spec.decoder
    found = groups.peak >= 0
    height = np.where(found, np.append(peaks.score, 0)[groups.peak], 0)  # (N, K)
    enough = np.count_nonzero(height >= parameters.min_peak, axis=1) >= parameters.min_keypoints
    xy = np.full((*found.shape, 2), np.nan, np.float32)
    xy[found] = map_to_input(peaks.xy[groups.peak[found]], spec.outputs.stride)
    score = np.minimum(groups.limb_score / (groups.limbs + parameters.doubt), 1)
    people = Poses(
        skeleton=spec.skeleton,
        xy=xy[enough],
        score=np.clip(height[enough], 0, 1).astype(np.float32),
        person_score=score[enough].astype(np.float32),
    )
    score = people.person_score * _expected(people, parameters.error, spec.outputs.stride)
    return replace(people, person_score=score).select(np.argsort(-score, kind="stable"))


def _expected(people: Poses, error: float, stride: int) -> Float:
    """(N,) the OKS that an error of so many cells leaves to expect."""
    area = area_around(*(people.boxes[:, 2:] / stride).T)
    return expected(people.found, area, sigmas=people.skeleton.sigmas, error=error)
