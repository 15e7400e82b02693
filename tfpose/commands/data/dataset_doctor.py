"""Finds what would spoil a training on a data set, before it is prepared.

tfpose dataset-doctor --name=mine --annotations=mine.json --images=pictures --out=report
"""

from pathlib import Path

from absl import flags

from estimator.program import run
from tfpose.commands import arguments
from tfpose.commands.dataset_flags import DatasetFlags

FLAGS = run.new_flags()

DATA = DatasetFlags(FLAGS)
OUT = flags.DEFINE_string(
    "out", None, "Folder for report.txt, report.json and worst_*.png.", flag_values=FLAGS
)
READ = flags.DEFINE_bool(
    "read_pictures", True, "Decode every picture, not only look for it.", flag_values=FLAGS
)
STRICT = flags.DEFINE_bool(
    "strict",
    False,
    "Exit with 1 if there are errors, or people or labels would be lost; for CI.",
    flag_values=FLAGS,
)


arguments.writable(OUT, folder=True)


def main(_: list[str]) -> int:
    """Prints what was found; 1 where preparing would refuse the set, or --strict finds faults."""
    from tfpose import doctor
    from tfpose.doctor import report

    builder = DATA.builder(None)
    examined = doctor.examine(builder.skeleton, builder.sets(DATA.source), read_pictures=READ.value)
    print(report.as_text(examined), end="")
    if OUT.value is not None:
        for path in report.write(examined, Path(OUT.value)):
            print(path)
    return int(examined.refused or (STRICT.value and bool(examined.errors or examined.losses)))
