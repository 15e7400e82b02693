"""`tfpose evaluate`, for a checkout: `python -m scripts.evaluate --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.networks import evaluate as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.evaluate"))
