"""`tfpose train`, for a checkout: `python -m scripts.train --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.training import train as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.train"))
