"""`tfpose cache-teacher`, for a checkout: `python -m scripts.cache_teacher --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.training import cache_teacher as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.cache_teacher"))
