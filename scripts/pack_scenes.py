"""`tfpose pack-scenes`, for a checkout: `python -m scripts.pack_scenes --help`."""

import sys

from tfpose.commands import run
from tfpose.commands.training import pack_scenes as command

if __name__ == "__main__":
    sys.exit(run.start(command, "python -m scripts.pack_scenes"))
