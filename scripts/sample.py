"""`tfpose sample`, for a checkout: `python -m scripts.sample --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.data import sample as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.sample"))
