"""Asks top-down teachers once for every annotated person (docs/training.md, "A second look").

  tfpose cache-people --annotations=people_train.json.zip --images=lspet.zip,ccp.zip \
    --teachers=tinypose_256_192.xml,tinypose_2021_256x192.ncnn.param --out=people --processes=2

With --runner=DirectRunner, or another engine's name, Apache Beam does it, on many machines that see
the same files (docs/bulk.md).

Each teacher has a spec beside it, NAME.json. Killed, the same command goes on. OpenVINO reads .xml
and .onnx, ncnn reads .param: `pip install "tfpose[teachers]"`.
"""

from pathlib import Path

from absl import flags

from estimator.program import run
from tfpose.commands import arguments
from tfpose.commands.beam_flags import BeamFlags

FLAGS = run.new_flags()

ANNOTATIONS = flags.DEFINE_string(
    "annotations", None, "COCO keypoints: .json, or .zip of one.", required=True, flag_values=FLAGS
)
IMAGES = flags.DEFINE_list(
    "images", None, "Folders and zips with the pictures.", required=True, flag_values=FLAGS
)
TEACHERS = flags.DEFINE_list(
    "teachers", None, "Files of top-down networks.", required=True, flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "Folder of the cache.", required=True, flag_values=FLAGS)
COUNT = flags.DEFINE_integer(
    "people", None, "How many, drawn at random; all if not given.", 1, flag_values=FLAGS
)
SEED = flags.DEFINE_integer("seed", 0, "Of the order and the boxes.", 0, flag_values=FLAGS)
PROCESSES = flags.DEFINE_integer("processes", 1, "Side by side, a core each.", 1, flag_values=FLAGS)
BEAM = BeamFlags(FLAGS)


arguments.existing(ANNOTATIONS, IMAGES, TEACHERS)
arguments.writable(OUT, folder=True)


def main(_: list[str]) -> None:
    """Fills the cache."""
    from tfpose.teacher import people_cache

    beam = BEAM.options(PROCESSES.value)
    people = people_cache.people_of(Path(ANNOTATIONS.value), seed=SEED.value)
    count = people_cache.fill(
        people[: COUNT.value],
        [Path(path) for path in IMAGES.value],
        [Path(path) for path in TEACHERS.value],
        Path(OUT.value),
        seed=SEED.value,
        processes=PROCESSES.value,
        beam=beam,
    )
    print(f"{OUT.value}: {count} people; train with `tfpose distil-people --people={OUT.value}`")
