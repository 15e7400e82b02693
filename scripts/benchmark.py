"""`tfpose benchmark`, for a checkout: `python -m scripts.benchmark --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.running import benchmark as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.benchmark"))
