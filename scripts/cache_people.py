"""`tfpose cache-people`, for a checkout: `python -m scripts.cache_people --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.training import cache_people as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.cache_people"))
