"""Finds the people in archives of pictures and videos, on one machine or many, by Apache Beam.

  tfpose bulk --input='photos/*.zip' --output=out/poses --workers=2
  tfpose bulk --input=gs://bucket/sets/*.tar --output=gs://bucket/poses --runner=DataflowRunner \
    --beam_option=--project=mine --beam_option=--region=europe-west4
  tfpose bulk --input=videos --output=out/poses --format=jsonl --dry_run

Reads picture files, zips, tars (WebDataset), TFRecords, Parquet files and videos. Run the same
command again, and finished shards are skipped: docs/bulk.md.
"""

import json
from typing import TYPE_CHECKING

from absl import flags

from estimator.engines import CHOICES
from estimator.pose_estimator import DEFAULT as OUR_MODEL
from estimator.pose_estimator import shipped_names
from estimator.program import run
from estimator.second_look.options import MODES as LOOKS
from tfpose.bulk.containers import Reading
from tfpose.bulk.job import FORMATS, Job
from tfpose.commands import arguments
from tfpose.commands.beam_flags import BeamFlags
from tfpose.data.beam_runner import DIRECT

if TYPE_CHECKING:
    from tfpose.bulk.plan import Plan

FLAGS = run.new_flags()

DEFAULT = Job(output="out")
INPUT = flags.DEFINE_list(
    "input", None, "Files, folders and globs, on any file system.", required=True, flag_values=FLAGS
)
OUTPUT = flags.DEFINE_string(
    "output", None, "Prefix of the files to write.", required=True, flag_values=FLAGS
)
FORMAT = flags.DEFINE_enum("format", DEFAULT.form, FORMATS, "Of the output.", flag_values=FLAGS)
MODEL = flags.DEFINE_string(
    "model", OUR_MODEL, "A .tflite or .onnx that all workers see, or a name.", flag_values=FLAGS
)
HEIGHT = flags.DEFINE_integer(
    "height", None, "Base height of a flexible network's input.", flag_values=FLAGS
)
LOOK = flags.DEFINE_enum(
    "second_look", DEFAULT.second_look, LOOKS, "As `tfpose predict` has it.", flag_values=FLAGS
)
READER = flags.DEFINE_string(
    "reader", DEFAULT.reader, "As `tfpose predict` has it; all workers see it.", flag_values=FLAGS
)
ENGINE = flags.DEFINE_enum(
    "engine", None, CHOICES, "As `tfpose predict` has it.", flag_values=FLAGS
)
MIN_SCORE = flags.DEFINE_float(
    "min_score", DEFAULT.min_score, "People of a lower score are left out.", flag_values=FLAGS
)
MAX_PEOPLE = flags.DEFINE_integer(
    "max_people", None, "The best so many of a picture.", flag_values=FLAGS
)
COLUMN = flags.DEFINE_string(
    "column", "", "Of Parquet, or feature of TFRecords, with the picture.", flag_values=FLAGS
)
EVERY = flags.DEFINE_integer(
    "every", DEFAULT.reading.every, "Only each so many frames of a video.", flag_values=FLAGS
)
SHARD = flags.DEFINE_integer(
    "shard_pictures", DEFAULT.most, "Pictures of an output file, at most.", flag_values=FLAGS
)
BEAM = BeamFlags(FLAGS, DIRECT)
WORKERS = flags.DEFINE_integer(
    "workers", 1, "Processes of DirectRunner.", lower_bound=1, flag_values=FLAGS
)
THREADS = flags.DEFINE_integer(
    "threads", DEFAULT.threads, "Of a process's network.", flag_values=FLAGS
)
DRY = flags.DEFINE_bool(
    "dry_run", False, "Say what it would cost, from a sample; write nothing.", flag_values=FLAGS
)
REDO = flags.DEFINE_bool(
    "redo_failed", False, "Do shards with failed pictures again.", flag_values=FLAGS
)

arguments.model(MODEL, READER, known=shipped_names())
arguments.writable(OUTPUT)


def main(_: list[str]) -> int:
    """Does what is left of the job; 1 where pictures failed, as `tfpose predict`."""
    from tfpose.bulk import plan as plans
    from tfpose.bulk import progress, storage, work

    job = _job()
    plan = plans.make(INPUT.value, most=job.most, reading=job.reading)
    if DRY.value:
        return _dry_run(job, plan)
    job.estimator()  # one that cannot be opened is told here, in a line, and not by every worker
    beam = BEAM.options(WORKERS.value)
    assert beam is not None  # --runner has a default
    from tfpose.bulk import pipeline

    left = progress.begin(job, plan, mended=REDO.value)
    done = len(plan.shards) - len(left)
    if done:
        print(f"{done} of {len(plan.shards)} shards are there already")
    if left:
        pause = 20.0 if storage.is_remote(job.output) else 1.0
        total = len(plan.shards)
        with progress.shown(total, lambda: progress.finished(job), unit="shard", pause=pause):
            pipeline.run(work.Estimating(job), plan.places_of(left), beam)
    counts = progress.counts_of(job, plan.shards)
    text = json.dumps(progress.summary(counts, plan), indent=1)
    storage.write(f"{job.output}.summary.json", text.encode())
    print(f"{job.output}: {progress.report(counts, plan)}")
    return run.FAILED if sum(counts.failed.values()) else run.OK


def _job() -> Job:
    return Job(
        output=OUTPUT.value,
        form=FORMAT.value,
        model=MODEL.value,
        height=HEIGHT.value,
        second_look=LOOK.value,
        reader=READER.value,
        engine=ENGINE.value,
        threads=THREADS.value,
        min_score=MIN_SCORE.value,
        max_people=MAX_PEOPLE.value,
        reading=Reading(column=COLUMN.value, every=EVERY.value),
        most=SHARD.value,
    )


def _dry_run(job: Job, plan: "Plan") -> int:
    from tfpose.bulk import cost

    found = cost.estimate(job, plan)
    print(found)
    if WORKERS.value > 1:
        print(f"{found.hours(WORKERS.value):.3g} hours with {WORKERS.value} workers, a core each")
    return run.OK
