"""Writes a data set's shards, once; a run that was killed goes on where it was.

python -m scripts.prepare_dataset --dataset=coco --source=downloads/coco --out=data
python -m scripts.prepare_dataset --name=mine --annotations=mine.json --images=pictures --out=data
"""

from absl import app, flags, logging

from scripts import dataset_flags
from tfpose.prepare import prepare

OUT = flags.DEFINE_string("out", None, "Folder for prepared data sets.", required=True)
BEAM_RUNNER = flags.DEFINE_string(
    "beam_runner", None, "Apache Beam runner, such as DirectRunner; in this process if not given."
)
BEAM_OPTIONS = flags.DEFINE_multi_string(
    "beam_option", [], "A flag for Beam, such as --direct_num_workers=4."
)


def main(_: list[str]) -> None:
    builder = dataset_flags.builder(OUT.value)
    prepared = prepare(
        builder,
        dataset_flags.source(),
        beam_runner=BEAM_RUNNER.value,
        beam_options=BEAM_OPTIONS.value,
    )
    for _name, reason in prepared.skipped:
        logging.warning("left out: %s", reason)
    for line in prepared.unusable:
        logging.warning("left out: %s", line)
    for split, count in prepared.pictures.items():
        print(f"{split}: {count} pictures, {prepared.people[split]} people with keypoints")
    state = "prepared in" if prepared.fresh else "stood already in"
    print(f"{len(prepared.skipped)} pictures left out; {state} {prepared.folder}")


if __name__ == "__main__":
    app.run(main)
