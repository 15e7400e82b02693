"""`tfpose average-weights`, for a checkout: `python -m scripts.average_weights --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.training import average_weights as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.average_weights"))
