"""`tfpose bulk`, for a checkout: `python -m scripts.bulk --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.running import bulk as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.bulk"))
