"""Trains our person detector, or a map of boxes beside tfpose_s's maps (docs/training.md).

  tfpose find-boxes --detectors=picodet.xml,rtmdet.onnx --images=photos --out=boxes.jsonl
  tfpose distil-boxes --boxes=boxes.jsonl --images=photos --out=runs/detector --seconds=6000 \
    --start=saved_models/tfpose_s/model.keras
  tfpose import-weights --model=tfpose_detector --source=runs/detector/student.npz \
    --out=detector.keras
  tfpose distil-boxes --model=tfpose_detector_nano ... --start=detector.keras
  tfpose distil-boxes --model=tfpose_s ... --rate=0.01 --edge=320
  tfpose import-weights --model=tfpose_s --boxes=16 --source=runs/boxes/student.npz --ignore=fine \
    --out=boxes.keras

In PyTorch. The nano detector begins with the channels of a wide one that carry most. Of tfpose_s
all other layers stay as they are, and so do keypoints and limbs. Pictures without people belong
among the others.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from estimator import pictures
from estimator.arrays import Float
from estimator.program import run
from tfpose.commands import arguments
from tfpose.commands.learning_flags import LearningFlags

if TYPE_CHECKING:
    from tfpose.online.box_views import BoxViewOptions
    from tfpose.online.distil_boxes import BoxFeed
    from tfpose.online.lessons import Lesson, Share

NARROWED_ON = 32  # views

FLAGS = run.new_flags()

BOXES = flags.DEFINE_string(
    "boxes", None, "What `tfpose find-boxes` wrote.", required=True, flag_values=FLAGS
)
IMAGES = flags.DEFINE_list(
    "images", None, "Folders and zips with the pictures.", required=True, flag_values=FLAGS
)
EDGE = flags.DEFINE_integer("edge", 256, "Height and width of a view.", 32, flag_values=FLAGS)
WHOLE = flags.DEFINE_float(
    "whole",
    0.0,
    "Share of the views that show a picture as large as the network sees it later, where --edge is "
    "the height of its input.",
    0,
    1,
    flag_values=FLAGS,
)
SIDES = flags.DEFINE_float(
    "sides", 0.6, "Weight of a box's sides, beside its score.", 0, flag_values=FLAGS
)
FROZEN = flags.DEFINE_list(
    "frozen",
    None,
    "Layers that stay as they are, by the beginnings of their names, such as stem,down4; by "
    "default those of the network.",
    flag_values=FLAGS,
)
NANO = "tfpose_detector_nano"
MODEL = flags.DEFINE_enum(
    "model",
    "tfpose_detector",
    ("tfpose_detector", NANO, "tfpose_s"),
    "What is trained: a detector of its own, or boxes beside tfpose_s's maps.",
    flag_values=FLAGS,
)
LEARNING = LearningFlags(
    FLAGS,
    start="A .keras of that network or of tfpose_s, or a student.npz; the nano detector's may be a "
    "wide one's.",
    rate=0.003,
    ema=0.995,
)


arguments.existing(BOXES, IMAGES)


@dataclass(frozen=True)
class _Preparation:
    """What a process needs to know of the flags."""

    start: Mapping[str, Float]
    boxes: Path
    images: tuple[Path, ...]
    views: "BoxViewOptions"
    sides: float
    model: str

    def __call__(self, share: "Share", seed: int) -> "Lesson":
        """The network, and a feed of the pictures of one share."""
        from tfpose.online import distil_boxes
        from tfpose.online.lessons import Lesson

        student = distil_boxes.STUDENTS[self.model](self.start)
        error = partial(distil_boxes.error, sides_weight=self.sides)
        return Lesson(student, self.feed(share, seed), error)

    def feed(self, share: "Share", seed: int) -> "BoxFeed":
        """Views of the pictures of one share."""
        from tfpose.data import box_lines
        from tfpose.data.picture_files import Pictures
        from tfpose.online.distil_boxes import BoxFeed

        images = Pictures(self.images)
        found = box_lines.read(self.boxes)
        missing = [one.file for one in found if images.find(one.file) is None]
        if missing:
            raise ValueError(
                f"{len(missing)} of the {len(found)} pictures of {self.boxes} are not in "
                f"--images, or more than once, such as {missing[0]}"
            )
        return BoxFeed(
            [one for one in found if share.has(one.file)],
            lambda name: pictures.read(images.read(name)),
            self.views,
            seed=seed,
        )

    def narrowed(self, seed: int) -> "_Preparation":
        """The same; from a wide detector, the channels that carry most on some views.

        Raises:
          ValueError: the start is no detector.
        """
        from tfpose.models import residual_boxes
        from tfpose.online import distil_boxes, narrowing
        from tfpose.online.lessons import Share
        from tfpose.online.networks import Numbers, numbers_of

        if distil_boxes.LAST in self.start or distil_boxes.DETECTOR_HEAD not in self.start:
            raise ValueError(
                f"--start must be a detector for {self.model}, found another network: give "
                "saved_models/tfpose_detector/model.keras"
            )
        numbers = Numbers(**asdict(residual_boxes.VARIANTS[self.model]))
        if numbers_of(self.start, distil_boxes.DETECTOR_HEAD) == numbers:
            return self
        wide = distil_boxes.DetectorStudent(self.start)
        images, *_ = self.feed(Share(), seed).batch(NARROWED_ON)
        return replace(self, start=narrowing.narrowed(wide, images, numbers))


def main(_: list[str]) -> None:
    """Trains, and writes student.npz now and then."""
    from tfpose.online import distil_boxes
    from tfpose.online.box_views import BoxViewOptions

    preparation = _Preparation(
        start=LEARNING.start(),
        boxes=Path(BOXES.value),
        images=tuple(Path(path) for path in IMAGES.value),
        views=BoxViewOptions(edge=EDGE.value, whole=WHOLE.value),
        sides=SIDES.value,
        model=MODEL.value,
    )
    if MODEL.value == NANO:
        preparation = preparation.narrowed(LEARNING.seed)
    frozen = distil_boxes.STUDENTS[MODEL.value].frozen if FROZEN.value is None else FROZEN.value
    LEARNING.run(preparation, tuple(frozen))
