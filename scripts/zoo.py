"""`tfpose zoo`, for a checkout: `python -m scripts.zoo --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.networks import zoo as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.zoo"))
