"""An evaluation as text: figures, a comparison, the costliest pictures, PCKh."""

import dataclasses
from collections.abc import Sequence

from .costliest import PictureCost
from .diagnosis import Diagnosis
from .evaluate import Report
from .files import Comparison
from .metrics import pckh


def figures(report: Report) -> str:
    """The evaluated and the unread pictures, and COCO's figures with their intervals."""
    people = sum(len(report.truth.people(image_id)) for image_id in report.image_ids)
    lines = [f"{len(report.image_ids)} pictures, {people} people, {len(report.results)} answers"]
    if report.unread:
        lines.append(f"{len(report.unread)} pictures could not be read and count nowhere:")
        lines += [f"  {line}" for line in report.unread]
    for name, value in dataclasses.asdict(report.scores).items():
        if value < 0:  # pycocotools' way to say that nobody counts
            lines.append(f"{name:10}      -  nobody of that size")
            continue
        low, high = report.intervals.get(name, (float("nan"), float("nan")))
        ends = f"  [{low:.3f}, {high:.3f}]" if report.intervals else ""
        lines.append(f"{name:10} {value:6.3f}{ends}")
    for name, scores in report.parts.items():
        lines.append(f"{name:10} {scores.ap:6.3f}  AP50 {scores.ap50:.3f}  AR {scores.ar:.3f}")
    lines.append(f"{report.seconds / len(report.image_ids):.3f} s per picture")
    return "\n".join(lines)


def comparison(found: Comparison) -> str:
    """Both APs, their difference and its interval."""
    gain = found.difference
    return (
        f"AP {found.this.ap:.3f} against {found.other.ap:.3f} on {found.pictures} pictures: "
        f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}], "
        f"above in {gain.share_above:.0%} of the draws"
    )


def diagnosis(found: Diagnosis) -> str:
    """Three lines: who is found, how often sides are exchanged, how far off places are."""
    groups = ", ".join(
        f"{group.found} of {group.people} with "
        + (f"{group.first} to {group.last}" if group.last else f"{group.first} or more")
        for group in found.groups
        if group.people
    )
    lines = [f"found (OKS 0.5): {groups} labelled keypoints"]
    if found.paired:
        share = found.inverted / found.paired
        lines.append(f"left and right exchanged: {found.inverted} of {found.paired} ({share:.1%})")
    if found.displacement:
        x, y = found.displacement
        lines.append(
            f"median of answer minus label: {x:+.2f} px in x, {y:+.2f} px in y "
            f"({found.keypoints} keypoints)"
        )
    return "\n".join(lines)


def costs(listed: Sequence[PictureCost]) -> str:
    """One line per picture."""
    lines = ["costliest pictures: people missed, wrong answers, file"]
    for cost in listed:
        lines.append(f"  {cost.missed:5.1f} of {cost.people:2}  {cost.wrong:3}  {cost.file}")
    return "\n".join(lines)


def pckh_table(people: pckh.Predictions, *, strict: bool = False) -> str:
    """PCKh at 0.5 and 0.1, one line per joint, and both kinds of mean."""
    half, tenth = (pckh.pckh(people, threshold=limit, strict=strict) for limit in (0.5, 0.1))
    rows = [(name, half.joints[name], tenth.joints[name]) for name in half.joints]
    rows.append(("mean of joints", half.mean, tenth.mean))
    rows.append(("weighted mean", half.weighted_mean, tenth.weighted_mean))
    lines = [f"{f'{len(people.truth)} people':16}{'@0.5':>9}{'@0.1':>9}"]
    return "\n".join(
        lines + [f"{name:16}{first:9.3f}{second:9.3f}" for name, first, second in rows]
    )
