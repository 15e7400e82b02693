"""Trains tfpose_person with PyTorch on the maps of `tfpose cache-people` (docs/training.md).

  tfpose distil-people --people=people --images=lspet.zip,ccp.zip --out=runs/person --seconds=3000
  tfpose import-weights --model=tfpose_person --source=runs/person/student.npz --out=person.keras

Training starts with tfpose_s's weights (--start, a .keras), or goes on from a student.npz. Several
caches, made with other seeds or teachers, are trained on together; they may still be filling.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags, logging

from estimator import pictures
from estimator.program import run
from tfpose.commands import arguments
from tfpose.commands.learning_flags import LearningFlags

if TYPE_CHECKING:
    from tfpose.data import cached_people

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
NOBODY = flags.DEFINE_string(
    "nobody",
    None,
    "What `tfpose predict --jsonl` found in pictures without people: views of nobody.",
    flag_values=FLAGS,
)
NOBODY_SHARE = flags.DEFINE_float(
    "nobody_share", 0.06, "With --nobody: share of such views.", 0, 1, flag_values=FLAGS
)
LEARNING = LearningFlags(
    FLAGS,
    start="tfpose_s's or tfpose_person's .keras, or a student.npz; "
    "saved_models/tfpose_s/model.keras.",
    rate=0.005,
    ema=0.98,
)


arguments.existing(PEOPLE, IMAGES, NOBODY)


def main(_: list[str]) -> None:
    """Trains, and writes student.npz now and then."""
    from tfpose.data.picture_files import Pictures
    from tfpose.online import distil_people, person_network
    from tfpose.online.person_views import ViewOptions

    options = LEARNING.options(() if ALL_LAYERS.value else distil_people.FROZEN)
    student = person_network.PersonStudent(LEARNING.start())
    found = Pictures([Path(path) for path in IMAGES.value])
    nobody = distil_people.read_nobody(Path(NOBODY.value)) if NOBODY.value else []
    feed = distil_people.Feed(
        _people([Path(folder) for folder in PEOPLE.value]),
        lambda name: pictures.read(found.read(name)),
        ViewOptions(),
        seed=options.seed,
        nobody=nobody,
        nobody_share=NOBODY_SHARE.value if nobody else 0.0,
    )
    LEARNING.run(student, feed, options, distil_people.error)


def _people(folders: Sequence[Path]) -> "Callable[[], cached_people.Shard]":
    """Reads the caches, and again only when shards have been added."""
    from tfpose.data import cached_people

    known: int = -1
    people: cached_people.Shard

    def load() -> cached_people.Shard:
        nonlocal known, people
        count = sum(cached_people.count(folder) for folder in folders)
        if count != known:
            known, people = count, cached_people.joined([*map(cached_people.read, folders)])
            logging.info("%d people", len(people.people))
        return people

    return load
