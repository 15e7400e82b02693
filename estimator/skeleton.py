"""Skeleton: the one description of keypoints that data, losses, decoders and drawing share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .arrays import Float


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """Keypoints in the order of the heatmaps' channels, and what joins them.

    Attributes:
      name: as in `estimator.skeletons`, or a user's own.
      keypoints: K unique names; sides are spelled `left_...` and `right_...`.
      limbs: L pairs of keypoint indices (from, to), in the order of the part affinity fields:
        limb i owns the channels 2i (x) and 2i + 1 (y). Top-down models only draw them.
      redundant_limbs: indices into `limbs` of those that close a loop. They confirm a person
        while decoding and are not drawn.
      flip_pairs: pairs of keypoint indices that change places in a mirrored picture.
      sigmas: K falloffs of OKS (COCO's sigma_i: 0.026 for the nose ... 0.107 for a hip).
      derived: keypoints that other data sets lack and that are the mean of the named ones
        (`{"neck": ("left_shoulder", "right_shoulder")}`).

    Raises:
      ValueError: an index is outside, a name occurs twice, a flip is no involution, a length is
        wrong; says which.
    """

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    flip_pairs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]
    redundant_limbs: tuple[int, ...] = ()
    derived: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.keypoints)
        self._require(count > 0, "needs at least one keypoint")
        self._require(len(set(self.keypoints)) == count, f"repeats a keypoint: {self.keypoints}")
        self._require(
            len(self.sigmas) == count and all(sigma > 0 for sigma in self.sigmas),
            f"needs {count} positive sigmas, found {self.sigmas}",
        )
        for kind, pairs in (("limb", self.limbs), ("flip pair", self.flip_pairs)):
            for pair in pairs:
                self._require(
                    len(pair) == 2 and pair[0] != pair[1] and all(0 <= i < count for i in pair),
                    f"{kind} {pair} must join two different keypoints of 0..{count - 1}",
                )
        self._require(
            len({frozenset(limb) for limb in self.limbs}) == len(self.limbs),
            f"joins two keypoints twice: {self.limbs}",
        )
        swapped = [index for pair in self.flip_pairs for index in pair]
        self._require(
            len(set(swapped)) == len(swapped),
            f"flips a keypoint twice, so that two flips do not lead back: {self.flip_pairs}",
        )
        self._require(
            all(0 <= index < len(self.limbs) for index in self.redundant_limbs),
            f"redundant limbs {self.redundant_limbs} must be indices into {len(self.limbs)} limbs",
        )
        for name, sources in self.derived.items():
            self._require(
                name in self.keypoints and len(sources) > 0,
                f"derives {name!r} from {sources}: it must be a keypoint, from at least one other",
            )
            self._require(
                all(source in self.keypoints and source != name for source in sources),
                f"derives {name!r} from {sources}, which are not all other keypoints of it",
            )

    def _require(self, condition: bool, message: str) -> None:
        if not condition:
            raise ValueError(f"skeleton {self.name!r} {message}")

    @property
    def flip_order(self) -> tuple[int, ...]:
        """K keypoint indices: entry k is the keypoint that takes place k in a mirrored picture."""
        order = list(range(len(self.keypoints)))
        for left, right in self.flip_pairs:
            order[left], order[right] = right, left
        return tuple(order)

    @property
    def drawn_limbs(self) -> tuple[tuple[int, int], ...]:
        """The limbs that a drawing shows: all but the redundant ones."""
        return tuple(
            limb for index, limb in enumerate(self.limbs) if index not in self.redundant_limbs
        )


def mapping(source: Skeleton, target: Skeleton) -> Float:
    """The matrix that turns one skeleton's keypoints into another's, by name.

    A keypoint of the target is the source's of the same name, or else the mean of those it is
    derived from. What the source cannot give has a row of zeros.

    Args:
      source: has Ks keypoints.
      target: has Kt keypoints.

    Returns:
      (Kt, Ks) non-negative weights; a row sums to 1, or to 0 for a keypoint that is absent.
    """
    column = {name: index for index, name in enumerate(source.keypoints)}
    weights = np.zeros((len(target.keypoints), len(source.keypoints)), np.float32)
    for row, name in enumerate(target.keypoints):
        names = (name,) if name in column else target.derived.get(name, ())
        if names and all(part in column for part in names):
            for part in names:
                weights[row, column[part]] = 1 / len(names)
    return weights
