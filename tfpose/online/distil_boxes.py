"""Networks that learn people's boxes from detectors: `tfpose_detector`, and `tfpose_s` beside maps.

Of `tfpose_s` all other layers stay as they are, so that keypoints and limbs do; the detector is its
trunk, which learns too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from estimator.arrays import Float, UInt8
from estimator.layout import BOX_CHANNELS

from ..data.box_lines import Boxes
from . import box_views
from .box_views import BoxViewOptions
from .networks import Numbers, Student, numbers_of, to_numpy

DOUBT = -3.5  # logit of the score before training
SIDE = 1.3  # square root of cells, likewise
FOCUS = 1.5  # power of the score's error by which cells count
SIDES_WEIGHT = 0.6  # of the sides, beside the score, where none is given
LAST = "stage2.heatmaps/kernel"  # of tfpose_s alone
DETECTOR_HEAD = "boxes.0/kernel"  # as wide as a detector's head
KEPT_PICTURES = 2000  # decoded, in memory


class BoxStudent(Student):
    """`tfpose_s` with people's boxes; `forward` returns their map (B, 5, H / 16, W / 16).

    Args:
      arrays: of `tfpose_s`; layers of the boxes that they lack are random.

    Raises:
      ValueError: the arrays belong to another network.
    """

    frozen = ("stem", "down", "stride", "up", "side", "neck", "stage", "fine")

    def _add_stages(self, numbers: Numbers) -> None:
        super()._add_stages(numbers)
        self._wide("boxes.0", numbers.head, numbers.head, stride=2)
        self._point("boxes.side", numbers.channels[3], numbers.head)
        for name in ("boxes.1", "boxes.2"):
            self._wide(name, numbers.head, numbers.head)
        self._point("boxes", numbers.head, BOX_CHANNELS)

    def forward(self, image: Tensor) -> Tensor:
        features, sixteenth = self.both_features(image)
        side = self.convolutions["boxes-side"](sixteenth)
        x = F.relu(self._convolved(features, "boxes.0", activate=False) + side)
        for name in ("boxes.1", "boxes.2"):
            x = self._convolved(x, name)
        return self.convolutions["boxes"](x)

    def _completed(self, arrays: Mapping[str, Float]) -> dict[str, Float]:
        if LAST not in arrays:
            raise ValueError(f"these arrays are of no tfpose_s: they lack {LAST!r}")
        return _begun(self) | super()._completed(arrays)


class DetectorStudent(Student):
    """`tfpose_detector`; `forward` returns the map of boxes (B, 5, H / 16, W / 16).

    Args:
      arrays: of `tfpose_detector`, or of `tfpose_s`, from which training starts: the trunk is taken
        over, and the layers that give boxes are random.

    Raises:
      ValueError: the arrays belong to another network.
    """

    name = "tfpose_detector"
    frozen: tuple[str, ...] = ("stem", "down4")

    def _numbers(self, arrays: Mapping[str, Float]) -> Numbers:
        return numbers_of(arrays, "stage1.0/kernel" if LAST in arrays else DETECTOR_HEAD)

    def _add_neck(self, numbers: Numbers) -> None:
        self._point("up32", numbers.channels[4], 4 * numbers.channels[3])

    def _add_stages(self, numbers: Numbers) -> None:
        self._wide("boxes.0", numbers.channels[3], numbers.head)
        self._wide("boxes.1", numbers.head, numbers.head)
        self._point("boxes", numbers.head, BOX_CHANNELS)

    def forward(self, image: Tensor) -> Tensor:
        _, x = self.trunk(image)
        for name in ("boxes.0", "boxes.1"):
            x = self._convolved(x, name)
        return self.convolutions["boxes"](x)

    def _completed(self, arrays: Mapping[str, Float]) -> dict[str, Float]:
        if LAST not in arrays:
            return dict(arrays)
        own = self.arrays()
        return _begun(self) | {
            name: array
            for name, array in arrays.items()
            if name in own and not name.startswith("boxes")
        }


class NanoDetectorStudent(DetectorStudent):
    """`tfpose_detector_nano`, all of whose layers learn; begins with `narrowing.narrowed`."""

    name = "tfpose_detector_nano"
    frozen = ()


STUDENTS = {student.name: student for student in (BoxStudent, DetectorStudent, NanoDetectorStudent)}


def _begun(student: Student) -> dict[str, Float]:
    """Gives the layers of boxes the values that training starts from, and returns them."""
    with torch.no_grad():
        for name, layer in student.convolutions.items():
            if name.startswith("boxes"):
                torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        last = student.convolutions["boxes"]
        torch.nn.init.normal_(last.weight, std=0.02)
        last.bias.copy_(torch.tensor([DOUBT] + (BOX_CHANNELS - 1) * [SIDE]))
    boxes = {name: one for name, one in student.arrays().items() if name.startswith("boxes")}
    return to_numpy(boxes)


class BoxFeed:
    """Draws batches of views.

    Args:
      found: pictures and their boxes.
      read: gives a picture by its name.
      options: how views are drawn.
      seed: of the draws.

    Raises:
      ValueError: there are no pictures.
    """

    def __init__(
        self,
        found: Sequence[Boxes],
        read: Callable[[str], UInt8],
        options: BoxViewOptions,
        *,
        seed: int,
    ) -> None:
        if not found:
            raise ValueError("there must be pictures to learn from, found none")
        self._found, self._read, self._options = found, read, options
        self._rng = np.random.default_rng(seed)
        people = [1 + (one.boxes[:, 4] > options.sure).sum() for one in found]
        self._chance = np.sqrt(people) / np.sqrt(people).sum()
        self._pictures: dict[str, UInt8] = {}

    def batch(self, count: int) -> tuple[Tensor, ...]:
        """Returns images (B, 3, H, W) 0..255, scores, sides and where sides are known."""
        views = [self._view() for _ in range(count)]
        image, *targets = (torch.from_numpy(np.stack(part)) for part in zip(*views, strict=True))
        return image.permute(0, 3, 1, 2), *targets

    def _view(self) -> box_views.BoxView:
        one = self._found[int(self._rng.choice(len(self._found), p=self._chance))]
        if one.file not in self._pictures:
            if len(self._pictures) >= KEPT_PICTURES:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[one.file] = self._read(one.file)
        return box_views.draw(self._pictures[one.file], one.boxes, self._options, self._rng)


def error(
    predicted: Tensor,
    score: Tensor,
    sides: Tensor,
    known: Tensor,
    *,
    sides_weight: float = SIDES_WEIGHT,
) -> Tensor:
    """Returns the error of a map of boxes, per sure person.

    The score's is a cross-entropy to the detectors' score that fades where it is right; the sides'
    a smooth L1 of their roots and 1 - intersection over union.

    Args:
      predicted: (B, 5, h, w), as estimator/people/box_map.py has it.
      score, known: (B, h, w); `sides` (B, 4, h, w): as `box_views.BoxView`.
      sides_weight: of the sides, beside the score.
    """
    people = known.sum().clamp(min=4)
    logit, roots = predicted[:, 0], predicted[:, 1:]
    wrong = (score - torch.sigmoid(logit)).abs() ** FOCUS
    judged = F.binary_cross_entropy_with_logits(logit, score, reduction="none") * wrong
    wanted = torch.sqrt(sides.clamp(min=1e-3))
    off = F.smooth_l1_loss(roots, wanted, reduction="none", beta=0.1).mean(1)
    given = roots.clamp(min=0.05) ** 2
    apart = 1 - _overlap(given, sides)
    return (judged.sum() + sides_weight * ((off + apart) * known).sum()) / people


def _overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of two boxes around each cell, by their sides (B, 4, h, w)."""
    both = torch.minimum(first, second)
    inside = (both[:, 0] + both[:, 2]) * (both[:, 1] + both[:, 3])
    areas = [(one[:, 0] + one[:, 2]) * (one[:, 1] + one[:, 3]) for one in (first, second)]
    return inside / (areas[0] + areas[1] - inside).clamp(min=1e-3)
