"""Finds what would spoil a training on a data set, before it is prepared.

python -m scripts.dataset_doctor --name=mine --annotations=mine.json --images=pictures --out=report
"""

import sys
from pathlib import Path

from absl import app, flags

from scripts import dataset_flags
from tfpose import doctor
from tfpose.doctor import report

OUT = flags.DEFINE_string("out", None, "Folder for report.txt, report.json and worst_*.png.")
READ = flags.DEFINE_bool("read_pictures", True, "Decode every picture, not only look for it.")
STRICT = flags.DEFINE_bool("strict", False, "Exit with 1 if there are errors; for CI.")


def main(_: list[str]) -> None:
    builder = dataset_flags.builder(None)
    examined = doctor.examine(
        builder.skeleton, builder.sets(dataset_flags.source()), read_pictures=READ.value
    )
    print(report.as_text(examined), end="")
    if OUT.value is not None:
        for path in report.write(examined, Path(OUT.value)):
            print(path)
    if STRICT.value and examined.errors:
        sys.exit(1)


if __name__ == "__main__":
    app.run(main)
