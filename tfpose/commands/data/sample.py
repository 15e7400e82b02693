"""Makes sample files: a photograph, a film, annotated people, stick figures, drawn bodies.

tfpose sample
tfpose sample toy --out=toy

Without a word all kinds go to sample/, each set in a folder of its own; `photo`, `film`, `people`,
`toy` and `bodies` (26 keypoints) make that kind alone, into --out itself. No network is needed.
"""

from pathlib import Path

from absl import app, flags

from estimator.program import run
from tfpose.commands import arguments

FLAGS = run.new_flags()
WORDS = "[photo|film|people|toy|bodies]"

OUT = flags.DEFINE_string("out", "sample", "Folder to write into.", flag_values=FLAGS)


arguments.writable(OUT, folder=True)


def main(argv: list[str]) -> None:
    """Writes the files, and names them."""
    from tfpose.data import sample_files

    out = Path(OUT.value)
    if len(argv) > 2:
        raise app.UsageError(f"one kind at a time, or none for all: {WORDS}")
    wanted = argv[1:] or sample_files.KINDS
    for kind in wanted:
        inside = len(wanted) > 1 and kind in ("people", "toy", "bodies")
        for path in sample_files.make(kind, out / kind if inside else out):
            print(path)
