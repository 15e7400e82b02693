"""Asks a teacher once, and keeps its answers for training (docs/training.md, "A teacher's cache").

  python -m scripts.cache_teacher --dataset=custom/people --data_dir=data \
    --teacher_weights=human_pose_estimation_0001.npz --out=canvases --canvases=50000 --processes=2

Killed, the same command goes on; with more canvases it adds them.
"""

from pathlib import Path

from absl import app, flags, logging

from tfpose import cache_teacher, scenes
from tfpose.canvases import CanvasOptions
from tfpose.picture_files import Pictures
from tfpose.scenes import Scene, Scenes

CANVAS = CanvasOptions()
DATASET = flags.DEFINE_list("dataset", [], "Prepared sets, whose labels say where to cut.")
DATA_DIR = flags.DEFINE_string("data_dir", "", "The folder that was --out when they were prepared.")
SPLIT = flags.DEFINE_string("split", "train", "Which part of them.")
PICTURES = flags.DEFINE_list("pictures", [], "Folders and zips of pictures without labels.")
WEIGHTS = flags.DEFINE_list(
    "weights", [], "ORIGIN=NUMBER: how often its pictures are taken; 1 where not said."
)
ORIGINS = flags.DEFINE_string(
    "origins", None, "COCO annotations whose images say their origin in --origin_field; without, "
    "a picture's origin is its data set, or pictures."
)  # fmt: skip
ORIGIN_FIELD = flags.DEFINE_string("origin_field", "dataset", "Of the images in --origins.")
TEACHER = flags.DEFINE_string(
    "teacher", "human_pose_estimation_0001", "A model of ours, a .tflite or a .keras."
)
TEACHER_WEIGHTS = flags.DEFINE_string("teacher_weights", "", "Weights of a model of ours.")
HINTS = flags.DEFINE_string("hints", "", "Layer of the teacher; what enters it is kept too.")
SCALES = flags.DEFINE_list(
    "scales", ["1"], "Sizes at which the teacher looks at a canvas, 1 first; the mean is kept."
)
OUT = flags.DEFINE_string("out", None, "Folder of the cache.", required=True)
COUNT = flags.DEFINE_integer("canvases", 50_000, "How many.", lower_bound=1)
HEIGHT = flags.DEFINE_integer("height", CANVAS.height, "Of a canvas, pixels.")
WIDTH = flags.DEFINE_integer("width", CANVAS.width, "Of a canvas, pixels.")
PERSON = flags.DEFINE_list(
    "person", [str(bound) for bound in CANVAS.person], "Smallest and largest person, pixels."
)
SEED = flags.DEFINE_integer("seed", 0, "Another one gives other canvases.", lower_bound=0)
PROCESSES = flags.DEFINE_integer("processes", 1, "Side by side, a core each.", lower_bound=1)


def main(argv: list[str]) -> None:
    if argv[1:]:
        raise app.UsageError(f"unexpected arguments {argv[1:]}; lists are written a,b")
    try:
        cache = cache_teacher.fill(_options(), _scenes(), OUT.value, processes=PROCESSES.value)
    except (ValueError, OSError, RuntimeError) as error:
        raise SystemExit(f"error: {error}") from error
    size = cache.canvases * cache.dtype.itemsize / 1e9
    print(f"{OUT.value}: {cache.canvases} canvases, {size:.1f} GB; train with --canvases")


def _options() -> cache_teacher.CacheOptions:
    if len(PERSON.value) != 2:
        raise ValueError(f"--person takes smallest,largest, found {PERSON.value}")
    person = (float(PERSON.value[0]), float(PERSON.value[1]))
    return cache_teacher.CacheOptions(
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


if __name__ == "__main__":
    app.run(main)
