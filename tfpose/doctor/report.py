"""The doctor's report: text to read, JSON to keep, and sheets of the worst pictures."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from estimator import files
from estimator.arrays import UInt8

from ..data import contact_sheet
from ..data.picture_files import BadPicture
from . import Report
from .findings import KINDS, Finding, severity

SHOWN = 5  # findings per kind in the text
WORST = 12  # pictures per kind on a sheet
COLUMNS = 4
TILE = 320  # pixels, height and width
MARGIN = 0.5  # of the box, shown around it
DRAWN = (
    "bad_visibility",
    "swapped_sides",
    "outside_picture",
    "outside_box",
    "empty_box",
    "stacked_keypoints",
    "same_person_twice",
    "keypoints_of_another",
    "box_outside_picture",
    "area_unlike_box",
)


def write(report: Report, folder: Path) -> list[Path]:
    """Writes report.txt, report.json and worst_KIND.png; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    text, tree = folder / "report.txt", folder / "report.json"
    files.write(text, as_text(report))
    files.write(tree, as_json(report))
    paths = [text, tree]
    for kind in DRAWN:
        if tiles := [*_tiles(report, kind)]:
            paths.append(folder / f"worst_{kind}.png")
            contact_sheet.write(paths[-1], contact_sheet.tile(tiles, COLUMNS))
    return paths


def as_text(report: Report) -> str:
    """The counts, and a few findings per kind."""
    lines = [
        f"{split}: {len(part.samples)} pictures, "
        f"{sum(len(sample.keypoints) for sample in part.samples)} people with keypoints"
        for split, part in report.sets.items()
    ]
    for kind in KINDS:
        found = sorted(report.findings.get(kind, ()), key=lambda finding: -finding.weight)
        if found:
            lines.append(f"\n{severity(kind)}: {len(found)} x {kind}: {KINDS[kind]}")
            lines.extend(f"    {finding}" for finding in found[:SHOWN])
            if len(found) > SHOWN:
                lines.append(f"    ... and {len(found) - SHOWN} more")
    lines.append(f"\n{report.errors} errors, {report.losses} losses of people or labels")
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> str:
    """All findings."""
    tree = {
        "skeleton": report.skeleton.name,
        "errors": report.errors,
        "losses": report.losses,
        "splits": {
            split: {
                "pictures": len(part.samples),
                "people": sum(len(sample.keypoints) for sample in part.samples),
            }
            for split, part in report.sets.items()
        },
        "findings": {
            kind: {"severity": severity(kind), "count": len(found), "all": [*map(vars, found)]}
            for kind, found in report.findings.items()
        },
    }
    return json.dumps(tree, indent=1) + "\n"


def _tiles(report: Report, kind: str) -> Iterator[UInt8]:
    worst = sorted(report.findings.get(kind, ()), key=lambda finding: -finding.weight)
    for finding in worst[:WORST]:
        tile = _tile(report, finding)
        if tile is not None:
            yield tile


def _tile(report: Report, finding: Finding) -> UInt8 | None:
    """Draws the person of a finding; None where the picture cannot be read."""
    part = report.sets[finding.split]
    sample = next((s for s in part.samples if s.picture == finding.picture), None)
    if sample is None:
        return None
    try:
        picture = contact_sheet.decode(part.picture(sample)[0])
    except (BadPicture, ValueError):
        return None
    people = sample.keypoints if finding.person is None else sample.keypoints[[finding.person]]
    thickness = 1 if finding.person is not None else max(1, round(max(picture.shape[:2]) / TILE))
    drawn = contact_sheet.draw_people(picture, people, report.skeleton, thickness=thickness)
    if finding.person is not None:
        left, top, width, height = np.nan_to_num(sample.boxes[finding.person])
        corners = np.array([left, top, left + width, top + height], np.float32)
        drawn = contact_sheet.cut(
            contact_sheet.draw_box(drawn, corners, thickness=thickness), corners, MARGIN
        )
    caption = f"{Path(finding.picture).name}: {finding.detail}"
    return contact_sheet.fit(drawn, TILE, TILE, caption)
