"""Who wears a hard hat: people's keypoints and a detector's hats in, a flag a person out.

`assigned` is ours: a hat belongs where the skeleton says that a hat would be, at most one head to a
hat and one hat to a head, the pairs chosen all at once (estimator/people/assignment.py). Lengths
are counted in statures, which every visible limb tells something of: D. Winter, Biomechanics and
Motor Control of Human Movement (2009), figure 4.1, after Drillis and Contini (1966): shoulder,
hip, knee and ankle at 0.818, 0.530, 0.285 and 0.039 of it, eyes at 0.936, shoulder breadth 0.259,
upper arm 0.186, forearm 0.146. The eyes are 63 mm apart (Dodgson 2004), a head is 0.088 broad
(ANSUR II, Gordon et al. 2014).

`legacy` is that of Akira-404/Human-Pose-PyTorch (`server.py`): a hat that is not below the head
and nearer to a head point than the head points are apart, 0.8 or 1.2 times. One hat may make
several people wearers there, and somebody of whom one head point is seen never is one.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from estimator import Poses, skeletons
from estimator.arrays import Float
from estimator.people import assignment

HEAD = ("right_ear", "left_ear", "nose", "right_eye", "left_eye")
# Statures between two keypoints; of a pair of names without sides, on either side.
_SEGMENTS = {
    ("left_shoulder", "right_shoulder"): 0.259,
    ("left_ear", "right_ear"): 0.088,
    ("left_eye", "right_eye"): 0.037,
    ("shoulder", "hip"): 0.288,
    ("hip", "knee"): 0.245,
    ("knee", "ankle"): 0.246,
    ("shoulder", "elbow"): 0.186,
    ("elbow", "wrist"): 0.146,
}
_NECK_TO_EYES = 0.118  # statures
_EYES_TO_HAT = 0.05  # the middle of a hat that reaches from the brow to above the crown
_REACH = 0.12  # statures that a hat's middle may be off
_HAT = 0.14  # statures of a hat's longer side: 0.25 m
_HAT_SIZES = (0.4, 2.5)  # of that: smaller and larger ones are far behind or before


@dataclass(frozen=True, kw_only=True)
class Hat:
    """A hat's box, pixels of the picture."""

    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2


@dataclass(frozen=True, kw_only=True)
class Wearer:
    """A person: the box of their keypoints, its share of the picture in %, and the answer."""

    x1: int
    y1: int
    x2: int
    y2: int
    rate: float
    flag: bool


Rule = Callable[[Poses, Sequence[Hat], float], list[bool]]


def judge(
    poses: Poses, hats: Sequence[Hat], *, height: int, width: int, rule: str = "assigned"
) -> list[Wearer]:
    """Tells of everybody whether they wear one of the hats.

    Args:
      poses: of any skeleton that shares keypoints with openpose18.
      hats: that a detector found in the same picture.
      height, width: of the picture.
      rule: one of RULES.

    Returns:
      As many as there are people with a keypoint of openpose18, in their order.
    """
    people = poses.to_skeleton(skeletons.get("openpose18"))
    people = people.select(np.flatnonzero(people.found.any(axis=1)))
    flags = RULES[rule](people, hats, float(height * width))
    boxes = people.boxes.astype(np.int64)  # x, y, width, height, the last two rounded down too
    return [
        Wearer(
            x1=x, y1=y, x2=x + wide, y2=y + high, rate=_rate(wide * high, height * width), flag=flag
        )
        for (x, y, wide, high), flag in zip(boxes.tolist(), flags, strict=True)
    ]


def head_points(poses: Poses) -> list[list[list[int]]]:
    """Of everybody whose head is seen: the points found as whole pixels, x, y.

    Ears first, their middle where both are found, nose, eyes; as the original orders them.
    """
    people = poses.to_skeleton(skeletons.get("openpose18"))
    every = [_head_points(_named(people, person)) for person in range(len(people))]
    return [points for points in every if points]


def body_boxes(poses: Poses) -> list[dict[str, int]]:
    """The boxes of people who are seen from the neck to a knee, as the original asks.

    Those with neck, both hips, a shoulder and a knee; `height`, `left`, `top`, `width` in whole
    pixels.
    """
    people = poses.to_skeleton(skeletons.get("openpose18"))
    boxes = []
    for person, box in enumerate(people.boxes.astype(np.int64).tolist()):
        found = _named(people, person)
        whole = {"neck", "right_hip", "left_hip"} <= found.keys()
        if whole and _either(found, "shoulder") and _either(found, "knee"):
            left, top, width, height = box
            boxes.append({"height": height, "left": left, "top": top, "width": width})
    return boxes


def _rate(body: float, picture: float) -> float:
    return round(100 * round(body / picture, 5), 3)


def _named(people: Poses, person: int) -> dict[str, tuple[float, float]]:
    """A person's keypoints that were found, by name."""
    return {
        name: (float(x), float(y))
        for name, (x, y), found in zip(
            people.skeleton.keypoints, people.xy[person], people.found[person], strict=True
        )
        if found
    }


def _either(found: Mapping[str, tuple[float, float]], name: str) -> bool:
    return f"left_{name}" in found or f"right_{name}" in found


def _head_points(found: Mapping[str, tuple[float, float]]) -> list[list[int]]:
    points = [[int(part) for part in found[name]] for name in HEAD[:2] if name in found]
    if len(points) == 2:
        (x, y), (other_x, other_y) = points
        points.append(
            [min(x, other_x) + abs(x - other_x) // 2, min(y, other_y) + abs(y - other_y) // 2]
        )
    return points + [[int(part) for part in found[name]] for name in HEAD[2:] if name in found]


def _assigned(people: Poses, hats: Sequence[Hat], _: float) -> list[bool]:
    """A hat for every head that should have one there; see the top of this file."""
    flags = np.zeros(len(people), np.bool_)
    if len(people) and hats:
        heads = [_Head.of(_named(people, person)) for person in range(len(people))]
        fit = np.array([[_fit(head, hat) for hat in hats] for head in heads], np.float32)  # (N, M)
        flags[assignment.highest(fit, least=0.0)[0]] = True
    return [bool(flag) for flag in flags]


@dataclass(frozen=True, kw_only=True)
class _Head:
    """Where somebody's eyes are, which way is up, and how long they are: 0 where unknown."""

    eyes: Float | None
    up: Float
    stature: float

    @classmethod
    def of(cls, found: Mapping[str, tuple[float, float]]) -> "_Head":
        eyes: Float | None = None
        stature, up = _stature(found), np.array((0, -1), np.float32)
        points = [found[name] for name in HEAD if name in found]
        neck = np.array(found["neck"], np.float32) if "neck" in found else None
        if points:
            eyes = np.asarray(np.mean(points, axis=0, dtype=np.float32))
            if neck is not None and (length := float(np.linalg.norm(eyes - neck))) > 1:
                up = (eyes - neck) / np.float32(length)
        elif neck is not None and stature:  # seen from behind
            eyes = neck + up * np.float32(_NECK_TO_EYES * stature)
        return cls(eyes=eyes, up=up, stature=stature)


def _fit(head: _Head, hat: Hat) -> float:
    """1 for a hat exactly where it would be, 0 at the end of the reach, negative beyond."""
    longer = max(hat.width, hat.height)
    stature = head.stature or longer / _HAT  # of somebody who shows one point: the hat's size
    low, high = _HAT_SIZES
    if head.eyes is None or not low <= longer / (_HAT * stature) <= high:
        return -1.0
    place = head.eyes + head.up * np.float32(_EYES_TO_HAT * stature)
    off = float(np.linalg.norm(place - np.array(hat.middle, np.float32)))
    return max(-1.0, 1 - off / (_REACH * stature))


def _stature(found: Mapping[str, tuple[float, float]]) -> float:
    """The second largest of what the limbs say: turned away they look short, and one may be wrong.

    The largest of at most two; 0 where there is none.
    """
    said = []
    for (start, end), share in _SEGMENTS.items():
        pairs = [(start, end)] if "_" in start else [(f"{s}_{start}", f"{s}_{end}") for s in _SIDES]
        for first, second in pairs:
            if first in found and second in found:
                said.append(_distance(found[first], found[second]) / share)
    said.sort(reverse=True)
    return said[1 if len(said) > 2 else 0] if said else 0.0


_SIDES = ("left", "right")


def _distance(first: Sequence[float], second: Sequence[float]) -> float:
    return float(np.hypot(first[0] - second[0], first[1] - second[1]))


def _legacy(people: Poses, hats: Sequence[Hat], area: float) -> list[bool]:
    shares = people.boxes[:, 2:].astype(np.int64).prod(axis=1) / area
    middles = [(int(x), int(y)) for x, y in (hat.middle for hat in hats)]
    return [
        _legacy_flag(_head_points(_named(people, person)), middles, float(share))
        for person, share in enumerate(shares)
    ]


def _legacy_flag(
    points: Sequence[Sequence[int]], hats: Sequence[tuple[int, int]], share: float
) -> bool:
    if not points or share < 0.001:
        return False
    apart = max((_distance(*pair) for pair in itertools.combinations(points, 2)), default=0.0)
    reach = round(apart) * (0.8 if share > 0.4 else 1.2)
    lowest = int(np.mean(points, axis=0)[1])
    return any(
        hat[1] <= lowest and reach > min(int(_distance(point, hat)) for point in points)
        for hat in hats
    )


RULES: dict[str, Rule] = {"assigned": _assigned, "legacy": _legacy}
