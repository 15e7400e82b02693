"""The dataset doctor: finds faults of a data set before a training on it.

It examines labels as they are read and pictures where they lie, before they are prepared. `files`
judges annotation files, `labels` single people, `sides` left and right, `pictures` the picture
files; `report` writes the findings.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from estimator.skeleton import Skeleton

from ..data.pose_set import PoseSet, check
from . import files, labels, pictures, sides
from .findings import ERRORS, LOSSES, Finding


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """The data set that was examined, and the findings.

    Attributes:
      skeleton: of the labels.
      sets: the splits.
      findings: by kind; kinds without findings are absent.
    """

    skeleton: Skeleton
    sets: Mapping[str, PoseSet]
    findings: dict[str, list[Finding]]

    @property
    def errors(self) -> int:
        """The number of findings that break a training."""
        return sum(len(found) for kind, found in self.findings.items() if kind in ERRORS)

    @property
    def losses(self) -> int:
        """The number of findings that would lose people or labels."""
        return sum(len(found) for kind, found in self.findings.items() if kind in LOSSES)

    @property
    def refused(self) -> bool:
        """Whether preparing would refuse the set."""
        return "refused" in self.findings


def examine(
    skeleton: Skeleton, sets: Mapping[str, PoseSet], *, read_pictures: bool = True
) -> Report:
    """Examines a data set.

    Args:
      skeleton: of the labels.
      sets: its splits, as a `PoseBuilder` gives them.
      read_pictures: decodes every picture; False only checks whether they exist.
    """
    found = defaultdict(list)
    for finding in (
        *_refused(sets),
        *files.examine(skeleton, sets),
        *labels.examine(skeleton, sets),
        *sides.examine(skeleton, sets),
        *pictures.examine(sets, read=read_pictures),
    ):
        found[finding.kind].append(finding)
    return Report(skeleton=skeleton, sets=sets, findings=dict(found))


def _refused(sets: Mapping[str, PoseSet]) -> Iterator[Finding]:
    """Why preparing would refuse a split."""
    for split, part in sets.items():
        try:
            check(split, part)
        except (OSError, ValueError) as error:
            yield Finding(kind="refused", split=split, detail=str(error))
