"""`tfpose distil-boxes`, for a checkout: `python -m scripts.distil_boxes --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.training import distil_boxes as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.distil_boxes"))
