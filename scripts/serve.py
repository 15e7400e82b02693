"""`tfpose serve`, for a checkout: `python -m scripts.serve --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.running import serve as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.serve"))
