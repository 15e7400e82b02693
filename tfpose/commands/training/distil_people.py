"""Trains tfpose_person with PyTorch on the maps of `tfpose cache-people` (docs/training.md).

  tfpose distil-people --people=people --images=lspet.zip,ccp.zip --out=runs/person --seconds=3000
  tfpose import-weights --model=tfpose_person --source=runs/person/student.npz --out=person.keras

--height=192 --width=128 trains tfpose_person_nano.

Training starts with tfpose_s's weights (--start, a .keras), or goes on from a student.npz. Several
caches, made with other seeds or teachers, are trained on together; they may still be filling.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags, logging

from estimator import pictures
from estimator.arrays import Float
from estimator.program import run
from tfpose.commands import arguments
from tfpose.commands.learning_flags import LearningFlags

if TYPE_CHECKING:
    from tfpose.data import cached_people
    from tfpose.online.lessons import Lesson, Share
    from tfpose.online.person_views import ViewOptions

FLAGS = run.new_flags()

PEOPLE = flags.DEFINE_list(
    "people", None, "Folders of `tfpose cache-people`.", required=True, flag_values=FLAGS
)
IMAGES = flags.DEFINE_list(
    "images", None, "Folders and zips with the pictures.", required=True, flag_values=FLAGS
)
ALL_LAYERS = flags.DEFINE_bool(
    "all_layers", False, "Train the first layers, too; on a GPU.", flag_values=FLAGS
)
FROZEN = flags.DEFINE_list(
    "frozen",
    None,
    "Layers that stay as they are, by the beginnings of their names, such as stem,down4; by "
    "default those up to the second block at stride 16.",
    flag_values=FLAGS,
)
NOBODY = flags.DEFINE_string(
    "nobody",
    None,
    "What `tfpose predict --jsonl` found in pictures without people: views of nobody.",
    flag_values=FLAGS,
)
NOBODY_SHARE = flags.DEFINE_float(
    "nobody_share", 0.06, "With --nobody: share of such views.", 0, 1, flag_values=FLAGS
)
BOXES = flags.DEFINE_string(
    "boxes",
    None,
    "A detector's boxes in the pictures, as `tfpose find-boxes` writes them: views are cut where "
    "it sees the people.",
    flag_values=FLAGS,
)
DIVERGENCE = flags.DEFINE_float(
    "divergence",
    0.0,
    "Weight of a Kullback-Leibler divergence of where keypoints lie, beside the maps' squared "
    "error; at 1 both are about as large.",
    0,
    flag_values=FLAGS,
)
HEIGHT = flags.DEFINE_integer("height", 256, "Of a view, pixels.", 32, flag_values=FLAGS)
WIDTH = flags.DEFINE_integer("width", 192, "Of a view, pixels.", 32, flag_values=FLAGS)
TURN = flags.DEFINE_float("turn", 0.5, "Share of views that are turned.", 0, 1, flag_values=FLAGS)
CUT = flags.DEFINE_float(
    "cut", 0.35, "Share of views with a part of the person behind an edge.", 0, 1, flag_values=FLAGS
)
COVER = flags.DEFINE_float(
    "cover", 0.25, "Share of views with something in front.", 0, 1, flag_values=FLAGS
)
LEARNING = LearningFlags(
    FLAGS,
    start="tfpose_s's or tfpose_person's .keras, or a student.npz; "
    "saved_models/tfpose_s/model.keras.",
    rate=0.005,
    ema=0.98,
)


arguments.existing(PEOPLE, IMAGES, NOBODY, BOXES)
flags.register_multi_flags_validator(  # type: ignore[no-untyped-call]  # absl
    ["all_layers", "frozen"],
    lambda values: not (values["all_layers"] and values["frozen"]),
    "give --all_layers or --frozen, not both",
    flag_values=FLAGS,
)


@dataclass(frozen=True)
class _Preparation:
    """What a process needs to know of the flags."""

    start: Mapping[str, Float]
    people: tuple[Path, ...]
    images: tuple[Path, ...]
    nobody: Path | None
    nobody_share: float
    boxes: Path | None
    views: "ViewOptions"
    divergence: float

    def __call__(self, share: "Share", seed: int) -> "Lesson":
        """The network, and a feed of the pictures of one share."""
        from tfpose.data import box_lines
        from tfpose.data.picture_files import Pictures
        from tfpose.online import distil_people, person_network
        from tfpose.online.lessons import Lesson

        found = Pictures(self.images)
        nobody = distil_people.read_nobody(self.nobody) if self.nobody else []
        boxes = dict(box_lines.read(self.boxes)) if self.boxes else None
        feed = distil_people.Feed(
            _people(self.people, share),
            lambda name: pictures.read(found.read(name)),
            self.views,
            seed=seed,
            nobody=nobody,
            nobody_share=self.nobody_share if nobody else 0.0,
            boxes=boxes,
        )
        error = partial(distil_people.error, divergence=self.divergence)
        return Lesson(person_network.PersonStudent(self.start), feed, error)


def main(_: list[str]) -> None:
    """Trains, and writes student.npz now and then."""
    from tfpose.online import distil_people
    from tfpose.online.person_views import ViewOptions

    preparation = _Preparation(
        start=LEARNING.start(),
        people=tuple(Path(folder) for folder in PEOPLE.value),
        images=tuple(Path(path) for path in IMAGES.value),
        nobody=Path(NOBODY.value) if NOBODY.value else None,
        nobody_share=NOBODY_SHARE.value,
        boxes=Path(BOXES.value) if BOXES.value else None,
        views=ViewOptions(
            height=HEIGHT.value,
            width=WIDTH.value,
            turn=TURN.value,
            cut=CUT.value,
            cover=COVER.value,
        ),
        divergence=DIVERGENCE.value,
    )
    frozen = distil_people.FROZEN if FROZEN.value is None else tuple(FROZEN.value)
    LEARNING.run(preparation, () if ALL_LAYERS.value else frozen)


def _people(folders: Sequence[Path], share: "Share") -> "Callable[[], cached_people.Shard]":
    """Reads a share of the caches, and again only when shards have been added."""
    from tfpose.data import cached_people

    known: int = -1
    people: cached_people.Shard

    def load() -> cached_people.Shard:
        nonlocal known, people
        count = sum(cached_people.count(folder) for folder in folders)
        if count != known:
            whole = cached_people.joined([*map(cached_people.read, folders)])
            known, people = count, cached_people.part(whole, share.has)
            if not people.people:
                raise ValueError(
                    f"{share.processes} processes for the {len(whole.people)} people of "
                    f"{', '.join(map(str, folders))}: give fewer --processes"
                )
            logging.info("%d people", len(people.people))
        return people

    return load
