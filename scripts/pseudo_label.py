"""`tfpose pseudo-label`, for a checkout: `python -m scripts.pseudo_label --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.training import pseudo_label as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.pseudo_label"))
