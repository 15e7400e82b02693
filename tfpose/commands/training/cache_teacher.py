"""Asks a teacher once, and keeps its answers for training (docs/training.md, "A teacher's cache").

  tfpose cache-teacher --dataset=custom/people --data_dir=data \
    --teacher_weights=human_pose_estimation_0001.npz --out=canvases --canvases=50000 --processes=2

Killed, the same command goes on; with more canvases it adds them. With --runner=DirectRunner, or
another engine's name, Apache Beam does it, on many machines that see the same files (docs/bulk.md).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import app, flags, logging

from estimator.program import run
from tfpose.canvases import scenes
from tfpose.canvases.options import CanvasOptions
from tfpose.canvases.scenes import Scene, Scenes
from tfpose.commands import arguments, zoo_figures
from tfpose.commands.beam_flags import BeamFlags
from tfpose.data.picture_files import Pictures

if TYPE_CHECKING:
    from tfpose.teacher import fill_cache

FLAGS = run.new_flags()

CANVAS = CanvasOptions()
DATASET = flags.DEFINE_list(
    "dataset", [], "Prepared sets, whose labels say where to cut.", flag_values=FLAGS
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", "", "The folder that was --out when they were prepared.", flag_values=FLAGS
)
SPLIT = flags.DEFINE_string("split", "train", "Which part of them.", flag_values=FLAGS)
PICTURES = flags.DEFINE_list(
    "pictures", [], "Folders and zips of pictures without labels.", flag_values=FLAGS
)
WEIGHTS = flags.DEFINE_list(
    "weights",
    [],
    "ORIGIN=NUMBER: how often its pictures are taken; 1 where not said.",
    flag_values=FLAGS,
)
ORIGINS = flags.DEFINE_string(
    "origins", None, "COCO annotations whose images say their origin in --origin_field; without, "
    "a picture's origin is its data set, or pictures."
, flag_values=FLAGS)  # fmt: skip
ORIGIN_FIELD = flags.DEFINE_string(
    "origin_field", "dataset", "Of the images in --origins.", flag_values=FLAGS
)
TEACHER = flags.DEFINE_string(
    "teacher",
    "human_pose_estimation_0001",
    "A model of ours, a .tflite or a .keras.",
    flag_values=FLAGS,
)
TEACHER_WEIGHTS = flags.DEFINE_string(
    "teacher_weights", "", "Weights of a model of ours.", flag_values=FLAGS
)
HINTS = flags.DEFINE_string(
    "hints", "", "Layer of the teacher; what enters it is kept too.", flag_values=FLAGS
)
SCALES = flags.DEFINE_list(
    "scales",
    ["1"],
    "Sizes at which the teacher looks at a canvas, 1 first; the mean is kept.",
    flag_values=FLAGS,
)
OUT = flags.DEFINE_string("out", None, "Folder of the cache.", required=True, flag_values=FLAGS)
COUNT = flags.DEFINE_integer("canvases", 50_000, "How many.", lower_bound=1, flag_values=FLAGS)
HEIGHT = flags.DEFINE_integer("height", CANVAS.height, "Of a canvas, pixels.", flag_values=FLAGS)
WIDTH = flags.DEFINE_integer("width", CANVAS.width, "Of a canvas, pixels.", flag_values=FLAGS)
PERSON = flags.DEFINE_list(
    "person",
    [str(bound) for bound in CANVAS.person],
    "Smallest and largest person, pixels.",
    flag_values=FLAGS,
)
SEED = flags.DEFINE_integer(
    "seed", 0, "Another one gives other canvases.", lower_bound=0, flag_values=FLAGS
)
PROCESSES = flags.DEFINE_integer(
    "processes", 1, "Side by side, a core each.", lower_bound=1, flag_values=FLAGS
)
BEAM = BeamFlags(FLAGS)


arguments.existing(DATA_DIR, PICTURES, ORIGINS, TEACHER_WEIGHTS)
arguments.model(TEACHER, known=tuple(zoo_figures.read()))
arguments.writable(OUT, folder=True)


def main(_: list[str]) -> None:
    """Fills the cache."""
    if not (DATASET.value or PICTURES.value):
        raise app.UsageError("there are no pictures: give --dataset or --pictures")
    from tfpose.teacher import fill_cache

    beam = BEAM.options(PROCESSES.value)
    cache = fill_cache.fill(_options(), _scenes(), OUT.value, processes=PROCESSES.value, beam=beam)
    size = cache.canvases * cache.dtype.itemsize / 1e9
    print(f"{OUT.value}: {cache.canvases} canvases, {size:.1f} GB; train with --canvases")


def _options() -> "fill_cache.CacheOptions":
    from tfpose.teacher import fill_cache

    if len(PERSON.value) != 2:
        raise ValueError(f"--person takes smallest,largest, found {PERSON.value}")
    person = (float(PERSON.value[0]), float(PERSON.value[1]))
    return fill_cache.CacheOptions(
        canvases=COUNT.value,
        canvas=CanvasOptions(height=HEIGHT.value, width=WIDTH.value, person=person),
        weights=scenes.weights(WEIGHTS.value),
        seed=SEED.value,
        teacher=TEACHER.value,
        teacher_weights=TEACHER_WEIGHTS.value,
        hints=HINTS.value,
        scales=tuple(map(float, SCALES.value)),
    )


def _scenes() -> Scenes:
    logging.set_verbosity(logging.WARNING)
    known = scenes.origins(Path(ORIGINS.value), ORIGIN_FIELD.value) if ORIGINS.value else {}
    parts: list[tuple[Scene, ...]] = [
        scenes.prepared(name, DATA_DIR.value, SPLIT.value, origins=known)[0]
        for name in DATASET.value
    ]
    files = Pictures(map(Path, PICTURES.value))
    if PICTURES.value:
        parts.append(scenes.unlabelled(files))
    return scenes.gather(*parts, files=files)
