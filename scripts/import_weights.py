"""`tfpose import-weights`, for a checkout: `python -m scripts.import_weights --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.networks import import_weights as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.import_weights"))
