"""`tfpose edit-annotations`, for a checkout: `python -m scripts.edit_annotations --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.data import edit_annotations as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.edit_annotations"))
