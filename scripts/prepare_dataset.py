"""`tfpose prepare-dataset`, for a checkout: `python -m scripts.prepare_dataset --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.data import prepare_dataset as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.prepare_dataset"))
