"""Lists the weights that others published; downloads them, or says where to put the file.

tfpose weights
tfpose weights human_pose_estimation_0001

What is downloaded is compared with the SHA-256 that its publisher states. docs/weights.md says what
was tried with each file.
"""

from pathlib import Path

from absl import app, flags

from estimator.program import run
from tfpose.commands import arguments

FLAGS = run.new_flags()
WORDS = "[NAME]"

OUT = flags.DEFINE_string("out", "weights", "Folder for the files.", flag_values=FLAGS)


arguments.writable(OUT, folder=True)


def main(argv: list[str]) -> int:
    """Lists, or gets one; 1 where the file has to be fetched by hand and is not there."""
    from tfpose.weights import published

    folder = Path(OUT.value)
    if len(argv) > 2:
        raise app.UsageError(f"one name at a time, found {' '.join(argv[1:])}")
    if not argv[1:]:
        print(_listing(folder))
        return 0
    one = published.get(argv[1])
    there = True
    if one.files:
        for path in published.download(one, folder, told=print):
            print(f"{path}: the published file")
    elif not published.is_there(one, folder):
        there = False
        print(f"fetch {one.page}\nand put it to {folder / one.source}; then")
    print(one.command(folder))
    return 0 if there else 1


def _listing(folder: Path) -> str:
    from tfpose.weights import published

    rows = [("name", "licence", "MB", "state", "what")]
    for one in published.TABLE:
        size = f"{sum(part.size for part in one.files) / 1e6:.1f}" if one.files else ""
        state = "download" if one.files else "by hand"
        state = "there" if published.is_there(one, folder) else state
        rows.append((one.name, one.licence, size, state, one.about))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
