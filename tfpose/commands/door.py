"""The door of `tfpose`: lists the commands, and opens the one that is named.

The list and a mistyped command import nothing but this room.
"""

import difflib
import sys
from collections.abc import Sequence

from . import about, get, names

HELP = ("-h", "--help", "help")
VERSION = ("--version", "-V", "version")


def main(arguments: Sequence[str]) -> int:
    """Runs what the command line says; returns the exit code."""
    if not arguments or arguments[0] in HELP:
        print(listing())
        return 0
    if arguments[0] in VERSION:
        from estimator import __version__  # numpy and OpenCV come with it

        print(f"tfpose {__version__}")
        return 0
    name = arguments[0].replace("_", "-")
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else "`tfpose` alone lists them"
        print(f"error: no command {arguments[0]!r}. {hint}", file=sys.stderr)
        return 2
    from . import run  # imports numpy and OpenCV; a list of names needs neither

    return run.start(get(name), f"tfpose {name}", arguments[1:])


def listing() -> str:
    """A line for every command."""
    width = max(map(len, names()))
    rows = [f"  {name:{width}}  {about(name)}" for name in names()]
    return "\n".join(
        (
            "usage: tfpose COMMAND [flags]",
            "",
            "Real-time 2D human pose estimation; `tfpose COMMAND --help` says a command's flags.",
            "",
            *rows,
        )
    )
