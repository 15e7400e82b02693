"""`tfpose weights`, for a checkout: `python -m scripts.weights --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.networks import weights as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.weights"))
