"""Skeleton: keypoints and limbs, as data, losses, decoders and drawing share them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from .arrays import Float

MOST = 512  # keypoints
_Rule: TypeAlias = tuple[bool, str]  # whether it is broken, and the message


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """Keypoints in the order of the heatmap channels, and the limbs between them.

    Attributes:
      name: one of `estimator.skeletons`, or a name of your own.
      keypoints: K unique names; sides are spelled `left_...` and `right_...`.
      limbs: L pairs of keypoint indices (from, to), in the order of the part affinity fields:
        limb i owns the channels 2i (x) and 2i + 1 (y). Top-down models only draw them.
      redundant_limbs: indices into `limbs` of the limbs that close a loop. They confirm a person
        while decoding and are not drawn.
      flip_pairs: pairs of keypoint indices that change places in a mirrored picture.
      sigmas: K falloffs of OKS (COCO's sigma_i: 0.026 for the nose ... 0.107 for a hip).
      derived: keypoints that some data sets lack, each the mean of the named keypoints
        (`{"neck": ("left_shoulder", "right_shoulder")}`).

    Raises:
      ValueError: an index is outside, a name occurs twice, two flips do not lead back, or a length
        is wrong; says which.
    """

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    flip_pairs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]
    redundant_limbs: tuple[int, ...] = ()
    derived: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for broken, message in self._rules():
            if broken:
                raise ValueError(f"skeleton {self.name!r} {message}")

    def _rules(self) -> Iterator[_Rule]:
        """Whether each rule is broken, and the message; later rules rely on earlier ones."""
        count, swapped = len(self.keypoints), [index for pair in self.flip_pairs for index in pair]
        yield count == 0, "needs at least one keypoint"
        yield count > MOST, f"has {count} keypoints; at most {MOST} are taken"
        yield (
            not all(isinstance(name, str) and 0 < len(name) <= MOST for name in self.keypoints),
            f"needs names of keypoints, found {str(self.keypoints)[:200]}",
        )
        yield len(set(self.keypoints)) < count, f"repeats a keypoint: {self.keypoints}"
        yield (
            len(self.sigmas) != count or not all(0 < sigma <= 100 for sigma in self.sigmas),
            f"needs {count} positive sigmas, at most 100, found {self.sigmas}",
        )
        yield from self._rules_of_pairs()
        yield (
            len(set(swapped)) < len(swapped),
            f"flips a keypoint twice, so that two flips do not lead back: {self.flip_pairs}",
        )
        yield (
            not all(0 <= index < len(self.limbs) for index in self.redundant_limbs),
            f"redundant limbs {self.redundant_limbs} must be indices into {len(self.limbs)} limbs",
        )
        yield from self._rules_of_derived()

    def _rules_of_pairs(self) -> Iterator[_Rule]:
        count = len(self.keypoints)
        for kind, pairs in (("limb", self.limbs), ("flip pair", self.flip_pairs)):
            for pair in pairs:
                joins = len(set(pair)) == len(pair) == 2 and all(0 <= i < count for i in pair)
                yield (
                    not joins,
                    f"{kind} {pair} must join two different keypoints of 0..{count - 1}",
                )
        yield (
            len({frozenset(limb) for limb in self.limbs}) < len(self.limbs),
            f"joins two keypoints twice: {self.limbs}",
        )

    def _rules_of_derived(self) -> Iterator[_Rule]:
        for name, sources in self.derived.items():
            yield (
                name not in self.keypoints or not sources,
                f"derives {name!r} from {sources}: it must be a keypoint, from at least one other",
            )
            yield (
                not all(source in self.keypoints and source != name for source in sources),
                f"derives {name!r} from {sources}, which are not all other keypoints of it",
            )

    @property
    def flip_order(self) -> tuple[int, ...]:
        """K keypoint indices: entry k is the keypoint at place k in a mirrored picture."""
        order = list(range(len(self.keypoints)))
        for left, right in self.flip_pairs:
            order[left], order[right] = right, left
        return tuple(order)

    @property
    def drawn_limbs(self) -> tuple[tuple[int, int], ...]:
        """The limbs that are drawn: all but the redundant ones."""
        return tuple(
            limb for index, limb in enumerate(self.limbs) if index not in self.redundant_limbs
        )


def mapping(source: Skeleton, target: Skeleton) -> Float:
    """The matrix from one skeleton's keypoints to another's, by name.

    A keypoint of the target is the keypoint of the same name in the source, or else the mean of the
    keypoints that it is derived from. A keypoint that the source cannot give has a row of zeros.

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
