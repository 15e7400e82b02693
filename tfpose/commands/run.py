"""Runs a command by its module: the one way to start, and to fail, of every program of `tfpose`.

What goes wrong becomes one line and an exit code in `estimator.program.run`, which
`python -m estimator` shares.
"""

import sys
from collections.abc import Sequence
from types import ModuleType

from estimator.program import extras, run

from .. import benchmarks
from . import quiet


def program(command: ModuleType, name: str) -> run.Program:
    """What is run of a command's module.

    Args:
      command: has `FLAGS`, `main` and perhaps `WORDS`.
      name: as one types it.
    """
    return run.Program(
        name=name,
        about=command.__doc__ or "",
        flags=command.FLAGS,
        main=command.main,
        words=getattr(command, "WORDS", ""),
    )


def call(command: ModuleType, name: str, arguments: Sequence[str]) -> int:
    """Runs a command within a process that does other things, too; returns its exit code."""
    chosen = _chosen(command, name, arguments)
    return chosen if isinstance(chosen, int) else run.call(*chosen)


def start(command: ModuleType, name: str, arguments: Sequence[str] | None = None) -> int:
    """Runs a command as this process's program; returns its exit code."""
    quiet.install()
    chosen = _chosen(command, name, sys.argv[1:] if arguments is None else arguments)
    return chosen if isinstance(chosen, int) else run.start(*chosen)


def _chosen(
    command: ModuleType, name: str, arguments: Sequence[str]
) -> tuple[run.Program, Sequence[str]] | int:
    """`benchmark NAME` becomes that benchmark, with its own flags; a code where it can't be had."""
    if not (
        getattr(command, "CHOOSES", False) and arguments and arguments[0] in benchmarks.names()
    ):
        return program(command, name), arguments
    chosen, *rest = arguments
    try:
        return program(benchmarks.get(chosen), f"{name} {chosen}"), rest
    except ImportError as error:
        print(f"error: {extras.advice(error)}", file=sys.stderr)
        return run.NOT_STARTED
