"""`tfpose distil-people`, for a checkout: `python -m scripts.distil_people --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.training import distil_people as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.distil_people"))
