"""The dataset doctor: finds what would spoil a training, before the night is lost.

It looks at what would be prepared, labels as they were read and pictures where they lie. `labels`
judges single people, `sides` left and right, `pictures` the files; `report` writes it down.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from estimator.skeleton import Skeleton

from ..pose_set import PoseSet
from . import labels, pictures, sides
from .findings import ERRORS, Finding


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What was examined, and what was found.

    Attributes:
      skeleton: of the labels.
      sets: the splits.
      findings: by kind, in the order of `findings.KINDS`; kinds that did not occur are absent.
    """

    skeleton: Skeleton
    sets: Mapping[str, PoseSet]
    findings: dict[str, list[Finding]]

    @property
    def errors(self) -> int:
        """How many findings break a training."""
        return sum(len(found) for kind, found in self.findings.items() if kind in ERRORS)


def examine(
    skeleton: Skeleton, sets: Mapping[str, PoseSet], *, read_pictures: bool = True
) -> Report:
    """Examines a data set.

    Args:
      skeleton: that it is labelled with.
      sets: its splits, as a `PoseBuilder` gives them.
      read_pictures: decode every picture; False only looks whether they are there.
    """
    found = defaultdict(list)
    for finding in (
        *labels.examine(skeleton, sets),
        *sides.examine(skeleton, sets),
        *pictures.examine(sets, read=read_pictures),
    ):
        found[finding.kind].append(finding)
    return Report(skeleton=skeleton, sets=sets, findings=dict(found))
