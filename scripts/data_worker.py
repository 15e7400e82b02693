"""`tfpose data-worker`, for a checkout: `python -m scripts.data_worker --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.data import data_worker as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.data_worker"))
