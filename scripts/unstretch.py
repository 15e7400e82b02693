"""`tfpose unstretch`, for a checkout: `python -m scripts.unstretch --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.data import unstretch as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.unstretch"))
