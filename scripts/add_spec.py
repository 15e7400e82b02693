"""`tfpose add-spec`, for a checkout: `python -m scripts.add_spec --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.running import add_spec as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.add_spec"))
