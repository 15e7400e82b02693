"""From one entry of "annotations" to a `Person`: what the numbers mean, and what is refused."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from estimator.arrays import Float
from estimator.people.boxes import AREA_OF_BOX

from ..ignore_regions import Region, rectangle
from ..records import box_of
from .labels import BOX_SHIFT, KEYPOINT_SHIFT, Box, Person, polygon_area
from .values import Changes, number

MOST = 1e6  # pixels; larger numbers are looked at closely
_FLAGS = frozenset({0.0, 1.0, 2.0})


class Refused(ValueError):  # noqa: N818  one entry's fault; `reading` collects them
    """An entry that cannot be read; the message has the field, what was found, and the fix."""


def person(
    entry: Any, segmentation: Callable[[], Any], names: Sequence[str], count: int, changes: Changes
) -> Person:
    """Reads an annotation.

    Args:
      entry: with the fields of `reading.Entry`.
      segmentation: reads the segmentation, which most entries do not need.
      names: of the keypoints, for messages; may be empty.
      count: of the keypoints, K.
      changes: counts what is put right.

    Raises:
      Refused: a number is not finite, negative, or of the wrong length.
    """
    keypoints, unflagged = _keypoints(entry.keypoints or (), names, count)
    if entry.iscrowd not in (0, 1):
        raise Refused(f"iscrowd {entry.iscrowd}: it must be 0 or 1")
    crowd = entry.iscrowd == 1
    labelled = bool(keypoints[:, 2].any())
    region = None
    needs_area = not entry.area
    if crowd or not labelled or needs_area:
        region = _region(segmentation(), changes)
    box = _box(entry.bbox, keypoints, region)
    area = _area(entry.area, region, box)
    if crowd or not labelled:
        region = region or (rectangle(*box) if box[2] > 0 and box[3] > 0 else None)
    return Person(
        number=entry.id,
        keypoints=keypoints,
        box=box,
        area=area,
        crowd=crowd,
        region=region if crowd or not labelled else None,
        labelled_by=str(entry.labelled_by or ""),
        unflagged=unflagged,
    )


def _keypoints(flat: Sequence[float], names: Sequence[str], count: int) -> tuple[Float, int]:
    """(K, 3) in our convention, zeros where not labelled; and the number of unflagged ones."""
    if not flat:
        return np.zeros((count, 3), np.float32), 0
    if len(flat) != 3 * count:
        raise Refused(
            f"keypoints has {len(flat)} numbers: {count} keypoints need {3 * count} (x, y and a "
            "flag each)"
        )
    keypoints = np.array(flat, np.float32).reshape(count, 3)
    if _is_plain(flat):
        return keypoints, 0
    flags = keypoints[:, 2]
    if (flags * (flags - 1) * (flags - 2)).any() or not np.isfinite(flags).all():
        wrong = sorted({f"{flag:g}" for flag in flags.tolist()} - {"0", "1", "2"})
        raise Refused(
            f"keypoints has the flags {', '.join(wrong)}: a flag is 0 (not labelled), 1 (hidden) "
            "or 2 (visible)"
        )
    absent = flags == 0
    finite = np.isfinite(keypoints).all(axis=1)
    if not (finite | absent).all():
        place = int(np.flatnonzero(~(finite | absent))[0])
        name = names[place] if names else str(place)
        raise Refused(
            f"keypoints has {keypoints[place, :2].tolist()} for the labelled {name!r}: give its "
            "pixels, or the flag 0"
        )
    unflagged = int((absent & finite & (keypoints[:, :2] != 0).any(axis=1)).sum())
    keypoints[:, :2] += np.float32(KEYPOINT_SHIFT)
    keypoints[absent] = 0
    return keypoints, unflagged


def _is_plain(flat: Sequence[float]) -> bool:
    """Whether nothing of a person's keypoints is odd; without NumPy, whose calls cost more."""
    flags = flat[2::3]
    return (
        KEYPOINT_SHIFT == 0
        and _FLAGS.issuperset(flags)
        and math.isfinite(sum(flat))
        and min(flat) > -MOST
        and max(flat) < MOST
        and not any(
            x or y for x, y, flag in zip(flat[::3], flat[1::3], flags, strict=True) if not flag
        )
    )


def _box(given: Sequence[float] | None, keypoints: Float, region: Region | None) -> Box:
    """The box as given; else around the keypoints, else around the region."""
    if given:
        if len(given) != 4:
            raise Refused(f"bbox {list(given)}: it needs x, y, width, height")
        if not all(map(math.isfinite, given)):
            raise Refused(f"bbox {list(given)}: give finite numbers, or leave it out")
        if given[2] < 0 or given[3] < 0:
            raise Refused(
                f"bbox {list(given)} has a negative width or height: it needs x, y, width, height"
            )
        return (given[0], given[1], given[2], given[3])
    if keypoints[:, 2].any():
        left, top, width, height = map(float, box_of(keypoints[np.newaxis])[0])
        return left - BOX_SHIFT, top - BOX_SHIFT, width, height
    return _around(region)


def _around(region: Region | None) -> Box:
    if region is None:
        return 0.0, 0.0, 0.0, 0.0
    if isinstance(region, dict):
        height, width = region["size"]
        encoded = region
        if isinstance(region["counts"], list):
            encoded = coco_mask.frPyObjects(region, height, width)
        left, top, wide, high = map(float, coco_mask.toBbox(encoded))
        return left, top, wide, high
    points = np.concatenate([np.reshape(polygon, (-1, 2)) for polygon in region])
    low, high_end = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high_end[0] - low[0]), float(high_end[1] - low[1])


def _area(given: float | None, region: Region | None, box: Box) -> float:
    """The area as given; where there is none, or 0: of the segmentation, else a share of the box.

    The share is `AREA_OF_BOX`, the mean of COCO's people.
    """
    if given:
        if not math.isfinite(given) or given < 0:
            raise Refused(
                f"area {given:g}: give the area of the person in pixels, or leave it out, and it "
                "is taken from the segmentation or the box"
            )
        return float(given)
    if isinstance(region, dict):
        encoded = region
        if isinstance(region["counts"], list):
            encoded = coco_mask.frPyObjects(region, *region["size"])
        found = float(coco_mask.area(encoded))
    else:
        found = sum(polygon_area(np.reshape(polygon, (-1, 2))) for polygon in region or ())
    return found or AREA_OF_BOX * box[2] * box[3]


def _region(given: Any, changes: Changes) -> Region | None:
    """A segmentation: polygons of at least three points, or run lengths; None if there is none."""
    if isinstance(given, dict):
        return _run_lengths(given)
    if not isinstance(given, list) or not given:
        return None
    kinds: set[str] = set()
    if not any(isinstance(part, list) for part in given):
        kinds.add("one flat list read as one polygon")
        given = [given]
    polygons = []
    for polygon in given:
        points = [number(one, kinds) for one in polygon] if isinstance(polygon, list) else []
        if len(points) % 2 or not all(_finite(one) for one in points):
            kinds.add("a polygon that is no list of x, y left out")
        elif len(points) >= 6:  # a point or a line covers nothing
            polygons.append([float(one) for one in points])
    changes.of("segmentation", kinds)
    return polygons or None


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _run_lengths(given: dict[str, Any]) -> Region:
    size, counts = given.get("size"), given.get("counts")
    sound = (
        isinstance(size, list)
        and len(size) == 2
        and all(isinstance(side, int) and side > 0 for side in size)
    )
    if not sound or not isinstance(counts, (list, str)):
        raise Refused(
            f"segmentation {str(given)[:80]}: run lengths need 'size' (height, width) and 'counts'"
        )
    assert isinstance(size, list)
    if isinstance(counts, list):
        whole = all(isinstance(run, int) and run >= 0 for run in counts)
        if not whole or sum(counts) != size[0] * size[1]:
            raise Refused(
                f"segmentation: the run lengths of {size[0]} x {size[1]} pixels must be whole "
                "numbers and sum to as many"
            )
    return {"size": size, "counts": counts}
