"""`tfpose show-samples`, for a checkout: `python -m scripts.show_samples --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.data import show_samples as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.show_samples"))
