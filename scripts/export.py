"""`tfpose export`, for a checkout: `python -m scripts.export --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.networks import export as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.export"))
