"""`tfpose distil-online`, for a checkout: `python -m scripts.distil_online --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.training import distil_online as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.distil_online"))
