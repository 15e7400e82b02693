"""`tfpose dataset-doctor`, for a checkout: `python -m scripts.dataset_doctor --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.data import dataset_doctor as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.dataset_doctor"))
