"""`tfpose draw`, for a checkout: `python -m scripts.draw --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.running import draw as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.draw"))
