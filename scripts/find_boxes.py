"""`tfpose find-boxes`, for a checkout: `python -m scripts.find_boxes --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.data import find_boxes as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.find_boxes"))
