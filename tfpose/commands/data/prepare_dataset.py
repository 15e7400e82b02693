"""Writes a data set's shards, once; a run that was killed goes on where it was.

tfpose prepare-dataset --dataset=coco --source=downloads/coco --out=data
tfpose prepare-dataset --name=mine --annotations=mine.json --images=pictures --out=data
"""

from absl import flags, logging

from estimator.program import run
from tfpose.commands import arguments, label_flags
from tfpose.commands.beam_flags import BeamFlags
from tfpose.commands.dataset_flags import DatasetFlags

FLAGS = run.new_flags()

DATA = DatasetFlags(FLAGS)
OUT = flags.DEFINE_string(
    "out", None, "Folder for prepared data sets.", required=True, flag_values=FLAGS
)
BEAM = BeamFlags(FLAGS, name="beam_runner")


arguments.writable(OUT, folder=True)


def main(_: list[str]) -> None:
    """Prepares, and prints what was written and left out."""
    from tfpose.data.prepare import prepare

    logging.set_verbosity(logging.WARNING)  # TFDS tells of every file
    builder = DATA.builder(OUT.value)
    prepared = prepare(builder, DATA.source, beam=BEAM.options())
    label_flags.report(prepared.read)
    for _name, reason in prepared.skipped:
        logging.warning("left out: %s", reason)
    for line in prepared.unusable:
        logging.warning("left out: %s", line)
    for split, count in prepared.pictures.items():
        print(f"{split}: {count} pictures, {prepared.people[split]} people with keypoints")
    state = "prepared in" if prepared.fresh else "stood already in"
    print(f"{len(prepared.skipped)} pictures left out; {state} {prepared.folder}")
